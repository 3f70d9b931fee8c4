#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# report.sh - the report of `belljar compare` in headless Chromium: widths,
# light and dark, no request, no error (report.py).  Pictures go to
# $BELLJAR_BUILD/report/, for people to look at.
set -uo pipefail

cd "$(dirname "$0")/../.."
build=${BELLJAR_BUILD:-build}
export PYTHONDONTWRITEBYTECODE=1

exec timeout 900 python3 tests/compare/report.py \
    "$build/tests/compare/render" "$build/report"

#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# rows.sh - are the rows of the jail's filters with devices those that are needed?
# Reads what the groups device and iommufd recorded.
set -euo pipefail

cd "$(dirname "$0")/../.."
out=build/vfio
build/escape/rows >"$out/rows"
cat "$out"/record.device "$out"/record.iommufd >"$out/record"
exec python3 tests/jail/rows.py "$out/rows" "$out/record" main_vfio vcpu_vfio

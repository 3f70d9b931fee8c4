#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# run.sh [OPTIONS of run.py] - the hostile Linux guest, on this machine's KVM or
# in the lab.  BELLJAR_BUILD says which build (default build).
set -euo pipefail

cd "$(dirname "$0")/../../.."
images/kernel/build.sh stock build/kernels
tests/hostile/linux/image.sh build/hostile/linux.cpio
exec tests/lab/kvm --timeout "${LIMIT:-420}" --memory 2048 \
    env BELLJAR_BUILD="${BELLJAR_BUILD:-build}" \
    MONITOR_OPTIONS="${MONITOR_OPTIONS:-}" \
    /usr/bin/python3 tests/hostile/linux/run.py "$@"

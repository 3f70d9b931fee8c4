#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# devices.sh [--folder DIR] [OPTIONS OF devices.py] - make the guests of
# devices.py and run it here, in a network namespace of its own where that is
# allowed.  In the lab the disk and the shared file lie on an ext4 of its own.
# Called where /dev/kvm runs Linux: by run.sh, or as root on hardware.
set -euo pipefail

cd "$(dirname "$0")/../.."
apart=()
if unshare -n true 2>/dev/null; then
    apart=(unshare -n)
fi
if [ -n "${BELLJAR_LAB:-}" ]; then
    mount -t debugfs debugfs /sys/kernel/debug 2>/dev/null || :
    truncate -s 512M /run/bench.ext4
    mkfs.ext4 -q -F -O ^has_journal /run/bench.ext4
    mkdir -p /run/bench
    mount -o loop /run/bench.ext4 /run/bench
    set -- --folder /run/bench "$@"
fi
exec "${apart[@]}" /usr/bin/python3 tests/bench/devices.py "$@"

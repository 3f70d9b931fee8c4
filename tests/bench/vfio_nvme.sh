#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# vfio_nvme.sh [ROUNDS] - what giving a disk to a VM costs: sequential reads of
# an nvme device in a guest, through VFIO, and on the host itself.  In the lab,
# which has such a device; prints a table and writes build/bench-vfio.json.
set -euo pipefail

cd "$(dirname "$0")/../.."
out=$PWD/build/vfio
tests/vfio/kernel.sh "$out"
tests/linux/image.sh "$PWD/build/linux"
rm -rf "$out/store" "$out/disks"
mkdir -p "$out/disks"
head -c 256M /dev/urandom >"$out/disks/disk0"
build/belljar --root "$out/store" load -q -i build/linux/image
exec tests/lab/run --timeout 1500 --memory 2048 --vfio few \
    --disks "$out/disks" -- /usr/bin/python3 tests/bench/vfio_nvme.py "$out" \
    ${1:+--rounds "$1"}

#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# run.sh [--list] [GROUP...] - tests with devices of the host, in the lab: a
# machine with an IOMMU and devices for each profile of tests/lab/vfio.sh.  Groups
# are the files beside this one; what needs no device is made first, outside;
# --list does that and prints what `tests/lab/pool` is to run, before rows.sh.
set -euo pipefail

cd "$(dirname "$0")/../.."
list=
[ "${1:-}" != --list ] || { list=1 && shift; }
out=$PWD/build/vfio
{
    images/kernel/build.sh stock build/kernels
    images/kernel/build.sh minimal build/kernels
    tests/vfio/kernel.sh "$out"
    tests/linux/image.sh "$PWD/build/linux"
    rm -rf "$out/store" "$out/disks" "$out"/record.*
    build/belljar --root "$out/store" load -q -i build/linux/image
    images/compare/build.sh build/compare/suite build/compare/gpu \
        "$out/gpu-image" build-san/tests/compare/cuda
    build/belljar --root "$out/store" load -q -i "$out/gpu-image"
} >&2

# Each group's L1: its profile, then options of the lab.
declare -A machine=(
    [device]=few
    [iommufd]="few --iommufd"
    [nvme]=all
    [display]=all
    [several]=all
    [life]=all
    [gpu]=all
    [compare]=all
    [nointremap]=nointremap
    [noiommu]=noiommu
    [bridge]=bridge
    [noacs]=noacs
    [numa]=numa
)
[ $# -gt 0 ] || set -- device iommufd nvme display several life gpu compare \
    nointremap noiommu bridge noacs numa

lines() {
    for group; do
        echo "vfio-$group tests/vfio/group.sh '$out' $group ${machine[$group]}"
    done
}
if [ -n "$list" ]; then
    lines "$@"
    exit
fi
status=0
lines "$@" | tests/lab/pool || status=1
if [[ " $* " == *" device "* && " $* " == *" iommufd "* ]]; then
    tests/vfio/rows.sh || status=1
fi
exit $status

#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# run.sh [--list] [GROUP...] - Linux guests under belljar, on this machine's KVM
# or in the lab, an L1 for each group.  Groups are files beside this one.  What
# needs no KVM (kernels, images) is made first, outside; --list does that
# and prints what `tests/lab/pool` is to run.
set -euo pipefail

cd "$(dirname "$0")/../.."
list=
[ "${1:-}" != --list ] || { list=1 && shift; }
[ $# -gt 0 ] || set -- boot status stdio disk net network vsock limits memory \
    cgroup shared dax faults numa modules untrusted hostile compare work
out=$PWD/build/linux
{
    images/kernel/build.sh stock build/kernels
    images/kernel/build.sh minimal build/kernels
    images/kernel/build.sh generic build/kernels
    tests/linux/image.sh "$out"
    tests/linux/modules_tree.sh "$out"
    tests/hostile/linux/image.sh build/hostile/linux.cpio
    images/untrusted/build.sh build/untrusted
    rm -rf "$out/store" "$out"/store.*
    for image in "$out/image" "$out/modules/image" build/untrusted/image; do
        build/belljar --root "$out/store" load -q -i "$image"
    done
} >&2

lines() {
    for group; do
        echo "linux-$group tests/linux/group.sh '$out' $group"
    done
}
if [ -n "$list" ]; then
    lines "$@"
else
    lines "$@" | tests/lab/pool
fi

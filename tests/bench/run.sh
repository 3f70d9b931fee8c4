#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# run.sh - make bench: what a boot and an idle VM cost, beside QEMU's microvm
# machine with the same kernel in the same run, and what work costs beside a
# container, and what the devices give and cost beside QEMU's.  Prints tables and
# writes build/bench.json.  Measured on this
# machine's KVM where it runs Linux, else in the lab with a clock that counts
# instructions.
set -euo pipefail

cd "$(dirname "$0")/../.."
images/kernel/build.sh minimal build/kernels
out=build/bench
tests/bench/build.sh "$out"
mkdir -p "$out/root"
gcc -O2 -Wall -Wextra -Werror -D_GNU_SOURCE tests/bench/count.c -o "$out/count"
gcc -static -nostdlib tests/bench/first.S -o "$out/first"
gcc -static -nostdlib tests/bench/idle.S -o "$out/idle"
for init in first idle; do
    cp "$out/$init" "$out/root/init"
    (cd "$out/root" && echo init | cpio -o -H newc --quiet) >"$out/$init.cpio"
done
for disk in a b; do
    truncate -s 64M "$out/$disk.raw"
done

# The emulated clock counts two nanoseconds an instruction (icount shift 1).
case $(tests/lab/probe) in
native*) lab=() per_ns= ;;
*) lab=(tests/lab/run --icount --memory 2560 --timeout 3000 --) per_ns=0.5 ;;
esac
"${lab[@]}" /usr/bin/python3 tests/bench/bench.py "$out" \
    ${per_ns:+--instructions-per-ns "$per_ns"} "$@"
"${lab[@]}" /usr/bin/python3 tests/bench/work.py --keep

# GROUPS MEMORY: with this clock an L1 stops now and then, and then the group is
# measured again.  Disks and boots need no timers of the guest, and an L1 that
# gives it none (tests/lab/README.md) stops less often.
devices() {
    local try
    for try in 1 2 3 4; do
        tests/lab/run --icount --memory "$2" --timeout 600 -- \
            tests/bench/devices.sh --only "$1" --clock "2 ns an instruction" &&
            return
        echo "bench: $1: try $try failed" >&2
    done
    return 1
}
if [ ${#lab[@]} = 0 ]; then
    tests/bench/devices.sh
else
    devices boot,blk 3072
    for group in memory fs net vsock; do devices $group 2560; done
fi
[ "$(id -u)" != 0 ] || tests/bench/slirp.py

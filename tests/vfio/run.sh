#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# run.sh [GROUP...] - tests with devices of the host, in the lab: a machine with
# an IOMMU and devices for each profile of tests/lab/vfio.sh.  Groups are the
# files beside this one; what needs no device is made first, outside.
set -euo pipefail

cd "$(dirname "$0")/../.."
out=$PWD/build/vfio
images/kernel/build.sh stock build/kernels
images/kernel/build.sh minimal build/kernels
tests/vfio/kernel.sh "$out"
tests/linux/image.sh "$PWD/build/linux"
rm -rf "$out/store" "$out/disks" "$out/record"
build/belljar --root "$out/store" load -q -i build/linux/image

# One L1 for each group: its profile, then options of the lab.
declare -A machine=(
    [device]=few
    [iommufd]="few --iommufd"
    [nvme]=all
    [display]=all
    [several]=all
    [life]=all
    [gpu]=all
    [nointremap]=nointremap
    [noiommu]=noiommu
    [bridge]=bridge
    [noacs]=noacs
    [numa]=numa
)
[ $# -gt 0 ] || set -- device iommufd nvme display several life gpu nointremap \
    noiommu bridge noacs numa

passed=0 failed=0 skipped=0
log=$(mktemp)
trap 'rm -f "$log"' EXIT
group() {
    local status=0
    # Content that the guest's has to be compared with.
    mkdir -p "$out/disks"
    for disk in disk0 disk1 disk2 disk3; do
        head -c 64M /dev/urandom >"$out/disks/$disk"
    done
    # shellcheck disable=SC2086 # several words
    tests/lab/run --timeout 600 --memory 2048 --disks "$out/disks" \
        --vfio ${machine[$1]} tests/vfio/inside.sh "$out" "$1" \
        2>&1 | tee "$log" || status=$?
    return $status
}
for name; do
    status=0
    group "$name" || status=$?
    if [ $status = 124 ] && grep -q '^lab: killed after' "$log"; then
        echo "vfio: the L1 was lost; once more: $name"
        status=0
        group "$name" || status=$?
    fi
    if read -r _ p _ f _ s _ < <(grep '^vfio: [0-9]* passed' "$log"); then
        passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
    else
        echo "not ok - $name: ended with status $status and no totals"
        failed=$((failed + 1))
    fi
done

# Are the rows of the filters with devices those that are needed (tests/jail)?
if [[ " $* " == *" device "* && " $* " == *" iommufd "* ]]; then
    build/escape/rows >"$out/rows"
    python3 tests/jail/rows.py "$out/rows" "$out/record" main_vfio vcpu_vfio |
        tee "$log" || :
    read -r _ p _ f _ < <(grep '^rows: [0-9]* passed' "$log") || p=0 f=1
    passed=$((passed + p)) failed=$((failed + f))
fi
echo "vfio: $passed passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ] && [ "$passed" -gt 0 ]

# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2154
# several.sh - two devices in a VM, two VMs with a device each, and virtual
# functions of a device.

first=$(device 2) second=$(device 3) parent=$(device 9)

head_sum() {
    head -c 1M "$disks/$1" | sha256sum | cut -d ' ' -f 1
}

# For each disk of the guest: its serial number and the sum of its first MiB.
show='for d in /sys/block/nvme*; do
        echo "$(cat $d/device/serial) $(
            head -c 1048576 /dev/$(basename $d) | sha256sum)"
    done'

two_in_one() {
    run "${generic[@]}" --cpus 2 --device "vfio=$first" \
        --device "vfio=$second" -- sh -c "$show" >"$tmp/guest"
    cat "$tmp/guest"
    same 2 "$(wc -l <"$tmp/guest")"
    grep -q "^disk0 *$(head_sum disk0)" "$tmp/guest"
    grep -q "^disk1 *$(head_sum disk1)" "$tmp/guest"
    until_true 20 with_driver "$first" nvme
    until_true 20 with_driver "$second" nvme
    all_given_back
}
check "several: two devices in one VM" two_in_one

# Both say that they are up before either may end.
two_vms() {
    local bdf n=0 pids=()
    for bdf in "$first" "$second"; do
        mkfifo "$tmp/go$n"
        exec {go}<>"$tmp/go$n"
        timeout -k 20 180 "$belljar" run --rm -i "${generic[@]}" \
            --device "vfio=$bdf" test sh -c "$show; echo up; read line" \
            <"$tmp/go$n" >"$tmp/guest$n" 2>&1 &
        pids+=($!)
        n=$((n + 1))
    done
    until_true 120 grep -q '^up' "$tmp/guest0"
    until_true 120 grep -q '^up' "$tmp/guest1"
    same 2 "$("$belljar" ps -q | wc -l)"
    echo >"$tmp/go0"
    echo >"$tmp/go1"
    wait "${pids[0]}"
    wait "${pids[1]}"
    cat "$tmp/guest0" "$tmp/guest1"
    grep -q "^disk0 *$(head_sum disk0)" "$tmp/guest0"
    grep -q "^disk1 *$(head_sum disk1)" "$tmp/guest1"
    until_true 20 all_given_back
}
check "several: two VMs with a device each" two_vms

# The parent's driver stays on the host; 0000:09:00.1 and .2 are its functions.
functions() {
    local node
    node=$(basename "$pci/$parent"/nvme/nvme*)
    echo 0 >"$pci/$parent/sriov_drivers_autoprobe"
    tests/vfio/nvme_virt.py "/dev/$node" prepare
    echo 2 >"$pci/$parent/sriov_numvfs"
    tests/vfio/nvme_virt.py "/dev/$node" online 1
    tests/vfio/nvme_virt.py "/dev/$node" online 2
    test -e "$pci/0000:09:00.2"
    refused "$parent" "SR-IOV" -- --device "vfio=$parent"
    run "${generic[@]}" --device vfio=0000:09:00.1 \
        -- sh -c "$show" >"$tmp/guest"
    cat "$tmp/guest"
    grep -q "$(head_sum disk3)" "$tmp/guest"
    same nvme "$(driver_of "$parent")"
}
check "several: a virtual function works, its parent is refused" functions

both_functions() {
    run "${minimal[@]}" --device vfio=0000:09:00.1 --device vfio=0000:09:00.2 \
        -- sh -c 'cat /sys/bus/pci/devices/*/class' >"$tmp/classes"
    same 2 "$(grep -c 0x010802 "$tmp/classes")"
    echo 0 >"$pci/$parent/sriov_numvfs"
    all_given_back
}
check "several: two virtual functions in one VM" both_functions
check "several: the host's kernel saw nothing it warns of" host_is_well

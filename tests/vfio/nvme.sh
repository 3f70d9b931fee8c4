# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2154
# nvme.sh - a disk of the host in a container: data by DMA, an interrupt for
# each queue; the host has it back afterwards.

disk=$(device 2)

in_the_guest() {
    run "${generic[@]}" --cpus 2 --device "vfio=$disk" -- sh -c '
        echo "whole $(sha256sum </dev/nvme0n1)"
        for cpu in 0 1; do
            taskset -c $cpu dd if=/dev/nvme0n1 of=/dev/null bs=64k count=64 \
                iflag=direct
        done
        dd if=/dev/urandom of=/piece bs=1M count=4
        echo "written $(sha256sum </piece)"
        dd if=/piece of=/dev/nvme0n1 bs=1M seek=8 oflag=direct
        sync
        echo 3 >/proc/sys/vm/drop_caches
        echo "read $(dd if=/dev/nvme0n1 bs=1M skip=8 count=4 iflag=direct |
            sha256sum)"
        grep nvme /proc/interrupts
        cat /sys/block/nvme0n1/device/serial' >"$tmp/guest" 2>"$tmp/guest.err"
    local got=$?
    cat "$tmp/guest" "$tmp/guest.err"
    return $got
}

sum_of() {
    awk -v what="$1" '$1 == what { print $2 }' "$tmp/guest"
}

whole_disk() {
    local before
    before=$(sha256sum <"$disks/disk0" | cut -d ' ' -f 1)
    in_the_guest
    same "$before" "$(sum_of whole)"
    same disk0 "$(tail -n 1 "$tmp/guest" | tr -d ' ')"
}
check "nvme: the whole disk by DMA is the host's file" whole_disk

# q0 is the administration's, q1 and q2 the two processors'.
vectors() {
    cat "$tmp/guest"
    awk '
        /nvme0q/ { seen[$NF] = 1; for (i = 2; i <= 3; i++) n[$NF] += $i }
        /nvme0q1$/ { one = $2 }
        /nvme0q2$/ { two = $3 }
        END {
            exit !(seen["nvme0q0"] && seen["nvme0q1"] && seen["nvme0q2"] &&
                n["nvme0q0"] > 0 && one > 0 && two > 0)
        }' "$tmp/guest"
    grep -q 'MSI.*nvme0q1' "$tmp/guest"
}
check "nvme: MSI-X vectors, one for each queue, on each processor" vectors

written() {
    [ -n "$(sum_of written)" ]
    same "$(sum_of written)" "$(sum_of read)"
}
check "nvme: what is written is read back" written

back() {
    until_true 20 with_driver "$disk" nvme
    until_true 20 test -b /dev/nvme0n1
    same "$(sum_of written)" "$(dd if=/dev/nvme0n1 bs=1M skip=8 count=4 \
        iflag=direct 2>/dev/null | sha256sum | cut -d ' ' -f 1)"
    all_given_back
}
check "nvme: the host has its driver back, and finds what was written" back

without_override() {
    # A second run finds the same disk, bound by hand this time.
    bind_vfio "$disk"
    run "${minimal[@]}" --device "vfio=$disk" -- sh -c \
        'cat /sys/bus/pci/devices/*/class' >"$tmp/classes"
    grep -qx 0x010802 "$tmp/classes"
    same vfio-pci "$(driver_of "$disk")"
    give_back "$disk"
    same nvme "$(driver_of "$disk")"
}
check "nvme: bound to vfio-pci before, it is left so" without_override

hugepages() {
    local free
    echo 136 >/proc/sys/vm/nr_hugepages
    free=$(awk '/^HugePages_Free/ { print $2 }' /proc/meminfo)
    [ "$free" -ge 128 ]
    start_vm --kernel minimal -m 256m --hugepages 2M --device "vfio=$disk"
    same $((free - 128)) "$(awk '/^HugePages_Free/ { print $2 }' /proc/meminfo)"
    "$belljar" rm -f "$("$belljar" ps -q)"
    wait "$vm" || :
    until_true 20 with_driver "$disk" nvme
    same "$free" "$(awk '/^HugePages_Free/ { print $2 }' /proc/meminfo)"
    echo 0 >/proc/sys/vm/nr_hugepages
}
check "nvme: in a VM of 2 MiB pages" hugepages

flat() {
    run "${minimal[@]}" --device "vfio=$disk" -- sh -c \
        'for d in /sys/bus/pci/devices/*; do readlink $d; done' >"$tmp/tree"
    cat "$tmp/tree"
    grep -q pci0000:00/0000 "$tmp/tree"
    ! grep -q 'pci0000:00/[^/]*/' "$tmp/tree"
}
check "nvme: flat topology: on the root bus" flat

host_topology() {
    run "${minimal[@]}" --pci-topology host --device "vfio=$disk" -- sh -c '
        for d in /sys/bus/pci/devices/*; do
            echo "$(cat $d/class) $(readlink $d)"
        done' >"$tmp/tree"
    cat "$tmp/tree"
    grep -q '^0x010802 .*pci0000:00/0000:00:[^/]*/[^/]*' "$tmp/tree"
    grep -q '^0x060400 ' "$tmp/tree"
}
check "nvme: host topology: below a root port" host_topology
check "nvme: the host's kernel saw nothing it warns of" host_is_well

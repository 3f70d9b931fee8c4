# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2154
# display.sh - functions of display class, as GPUs are: found by --gpus, with
# their drivers and device nodes in the container, and BARs of a GiB.

virtio=$(device 4) bochs=$(device 5) qxl=$(device 6)
ivshmem=$(device 7) pmr=$(device 8)

# What the container has of each card: its driver, and the nodes.
show='for d in /sys/bus/pci/devices/*; do
        case $(cat $d/class) in 0x03*)
            echo "card $(cat $d/vendor) $(basename $(readlink $d/driver))"
            cat $d/resource
        esac
    done
    ls -l /dev/dri /dev/fb*'

one_card() {
    run "${generic[@]}" --device "vfio=$1" -- sh -c "$show" >"$tmp/guest" 2>&1
    cat "$tmp/guest"
    grep -q "^card 0x.... $2" "$tmp/guest"
    shift 2
    local node
    for node; do
        grep -q "^c.*$node\$" "$tmp/guest" || {
            echo "no node '$node'"
            return 1
        }
    done
}
check "display: virtio-gpu: card0, renderD128, fb0" \
    one_card "$virtio" virtio-pci card0 renderD128 fb0
check "display: bochs: card0, fb0" one_card "$bochs" bochs card0 fb0

big_bar() {
    one_card "$qxl" qxl card0
    # resource4, 1 GiB.
    awk '/^0x/ && $1 != "0x0000000000000000" {
        print substr($1, 3), substr($2, 3) }' "$tmp/guest" >"$tmp/bars"
    local from to gib=0
    while read -r from to; do
        [ $((0x$to - 0x$from + 1)) != 1073741824 ] || gib=$((gib + 1))
    done <"$tmp/bars"
    same 1 $gib
}
check "display: qxl: card0, a BAR of 1 GiB" big_bar

listed() {
    "$belljar" gpu ls >"$tmp/gpus"
    cat "$tmp/gpus"
    local bdf
    for bdf in "$virtio" "$bochs" "$qxl"; do
        grep -q "$bdf" "$tmp/gpus"
    done
    ! grep -qE "$(device 1)|$(device 2)|$ivshmem" "$tmp/gpus"
}
check "display: gpu ls has those three and nothing else" listed

all_of_them() {
    run "${generic[@]}" --gpus all -- sh -c "$show" >"$tmp/guest" 2>&1
    cat "$tmp/guest"
    same 3 "$(grep -c '^card ' "$tmp/guest")"
    same 3 "$(grep -cE '^c.* card[012]$' "$tmp/guest")"
    until_true 20 with_driver "$virtio" virtio-pci
    same "" "$(driver_of "$bochs")"
    same "" "$(driver_of "$qxl")"
    all_given_back
}
check "display: --gpus all: three devices in one VM" all_of_them

by_number() {
    run "${minimal[@]}" --gpus 1 -- sh -c \
        'cat /sys/bus/pci/devices/*/class' >"$tmp/classes"
    same 1 "$(grep -c '^0x03' "$tmp/classes")"
    run "${minimal[@]}" --gpus "device=$bochs" -- sh -c \
        'cat /sys/bus/pci/devices/*/device' >"$tmp/ids"
    grep -qx 0x1111 "$tmp/ids"
    ! grep -qx 0x0100 "$tmp/ids"
}
check "display: --gpus 1, --gpus device=BDF" by_number

# The guest writes a pattern at both ends and across; the host finds it.
ram_behind_bar() {
    bind_vfio "$ivshmem"
    payload vfio_bar "$ivshmem"
    give_back "$ivshmem"
    tests/vfio/bar.py "$pci/$ivshmem/resource2" >"$tmp/sums"
    cat "$tmp/sums"
    same "$(sed -n 's/^sum: //p' "$tmp/out")" "$(cat "$tmp/sums")"
}
check "display: a BAR of 1 GiB, from end to end" ram_behind_bar

pmr_disk() {
    run "${generic[@]}" --device "vfio=$pmr" -- sh -c '
        head -c 1048576 /dev/nvme0n1 | sha256sum
        cat /sys/block/nvme0n1/device/device/resource' >"$tmp/guest"
    cat "$tmp/guest"
    same "$(head -c 1M "$disks/disk2" | sha256sum)" \
        "$(head -n 1 "$tmp/guest")"
    local from to big=0
    while read -r from to _; do
        [ $((to - from + 1)) != 268435456 ] || big=1
    done < <(tail -n +2 "$tmp/guest")
    same 1 $big
}
check "display: a BAR of 256 MiB, MSI-X and DMA in one" pmr_disk
check "display: the host's kernel saw nothing it warns of" host_is_well

# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2154
# bridge.sh - a conventional bus: functions that can only go together, and that
# cannot be reset alone.

rng=0000:02:01.0 edu=0000:02:02.0 disk=0000:03:00.0

check "bridge: refused: the group's other member is named" \
    refused "$rng" "group" "$rng" virtio-pci -- --device "vfio=$edu,reset=off"

# Without a driver it is no hindrance; what is left is the missing reset.
no_reset() {
    echo "$rng" >"$pci/$rng/driver/unbind"
    refused "$edu" "cannot be reset" "reset=off" -- --device "vfio=$edu"
    run "${minimal[@]}" --device "vfio=$edu,reset=off" -- sh -c \
        'cat /sys/bus/pci/devices/*/device' >"$tmp/ids"
    grep -qx 0x11e8 "$tmp/ids"
    same "" "$(driver_of "$edu")"
    echo "$rng" >/sys/bus/pci/drivers_probe
    same virtio-pci "$(driver_of "$rng")"
    all_given_back
}
check "bridge: refused: no reset; accepted when told so" no_reset

group_beside() {
    run "${minimal[@]}" --device "vfio=$disk" -- true
    same nvme "$(driver_of "$disk")"
}
check "bridge: a group beside it is none of its business" group_beside

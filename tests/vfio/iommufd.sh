# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2034
# iommufd.sh - the same with a kernel that has iommufd and character devices.

group=iommufd api=cdev
. tests/vfio/device.sh

by_the_manager() {
    start_vm "${minimal[@]}" --device "vfio=$nvme"
    tr '\0' '\n' <"/proc/$(pgrep -x belljar-monitor)/cmdline" >"$tmp/arguments"
    cat "$tmp/arguments"
    grep -q 'cdev=fd:' "$tmp/arguments"
    "$belljar" rm -f "$("$belljar" ps -q)"
    wait "$vm" || :
    until_true 20 with_driver "$nvme" nvme
    all_given_back
}
check "iommufd: belljar run takes that way" by_the_manager

whole_disk() {
    run "${generic[@]}" --device "vfio=$nvme" -- sh -c \
        'sha256sum </dev/nvme0n1' >"$tmp/guest"
    same "$(sha256sum <"$disks/disk0")" "$(cat "$tmp/guest")"
}
check "iommufd: nvme: the whole disk by DMA is the host's file" whole_disk
check "iommufd: the host's kernel saw nothing it warns of" host_is_well

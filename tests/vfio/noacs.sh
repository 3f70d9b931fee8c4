# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2154
# noacs.sh - two functions of a slot in one group: they go together.

one=0000:01:00.0 two=0000:01:00.1

companion() {
    start_vm "${minimal[@]}" --device "vfio=$one"
    same vfio-pci "$(driver_of "$one")"
    same vfio-pci "$(driver_of "$two")"
    # Nobody else gets the other.
    status 125 "$belljar" run --rm "${minimal[@]}" --device "vfio=$two" \
        test true >"$tmp/said" 2>&1
    cat "$tmp/said"
    same 1 "$(wc -l <"$tmp/said")"
    "$belljar" rm -f "$("$belljar" ps -q)"
    wait "$vm" || :
    until_true 20 with_driver "$one" nvme
    until_true 20 with_driver "$two" nvme
    all_given_back
}
check "noacs: the other function goes along, and comes back" companion

both() {
    run "${generic[@]}" --device "vfio=$one" --device "vfio=$two" -- sh -c '
        for d in /dev/nvme0n1 /dev/nvme1n1; do
            head -c 1048576 $d | sha256sum
        done' | sort >"$tmp/guest"
    same "$(for d in disk0 disk1; do
        head -c 1M "$disks/$d" | sha256sum
    done | sort)" "$(cat "$tmp/guest")"
    until_true 20 with_driver "$one" nvme
    until_true 20 with_driver "$two" nvme
}
check "noacs: both functions of a group in one VM" both

# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2154
# numa.sh - devices that are near one node of the host.

disk=0000:42:00.0

near() {
    run "${generic[@]}" \
        --numa auto --device "vfio=$disk" -- sh -c '
        head -c 1048576 /dev/nvme0n1 | sha256sum
        cat /sys/block/nvme0n1/device/device/numa_node' >"$tmp/guest"
    cat "$tmp/guest"
    same "$(head -c 1M "$disks/disk0" | sha256sum)" \
        "$(head -n 1 "$tmp/guest")"
    same 0 "$(tail -n 1 "$tmp/guest")"
}
check "numa: auto: the device is near the guest's only node" near

# Two nodes in the guest; the host's second one, with the device, is the
# guest's first.
both_nodes() {
    run "${generic[@]}" \
        --cpus 2 --numa 1,0 --device "vfio=$disk" -- sh -c '
        ls -d /sys/devices/system/node/node?
        cat /sys/block/nvme0n1/device/device/numa_node' >"$tmp/guest"
    cat "$tmp/guest"
    same 2 "$(grep -c node "$tmp/guest")"
    same 0 "$(tail -n 1 "$tmp/guest")"
}
check "numa: two nodes, the device at the one it is near to" both_nodes

# kB of guest memory on each node of the host.
memory_is_near() {
    start_vm --kernel minimal -m 128m --numa auto --device "vfio=$disk"
    awk '/guest-ram/ {
            for (i = 1; i <= NF; i++)
                if (split($i, part, "=") == 2 && part[1] ~ /^N[0-9]+$/)
                    pages[part[1]] += part[2]
        }
        END { for (node in pages) print node, pages[node] }' \
        "/proc/$(pgrep -x belljar-monitor)/numa_maps" >"$tmp/pages"
    cat "$tmp/pages"
    "$belljar" rm -f "$("$belljar" ps -q)"
    wait "$vm" || :
    awk '{ n[$1] = $2 } END { exit !(n["N1"] > 30000 / 4 && n["N0"] < 100) }' \
        "$tmp/pages"
}
check "numa: auto: the guest's memory is on the device's node" memory_is_near

# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2154
# memory.sh - what a guest does not need any more goes back to the host.

# KiB of RAM that the host has given to the only VM that runs.
ram_kb() {
    awk '/^[0-9a-f]+-[0-9a-f]+ / { ram = /guest-ram/ }
        ram && /^Rss:/ { kb += $2 }
        END { print kb + 0 }' "/proc/$(pgrep -x belljar-monitor)/smaps"
}

below() {
    [ "$(ram_kb)" -lt "$1" ]
}

# A peak of 256 MiB, of which four fifths come back within a minute: Linux tells
# of free blocks of 2 MiB, and what is free in smaller ones stays here.
peak() {
    local before full vm go=$tmp/go
    rm -f "$go"
    mkfifo "$go"
    exec 8<>"$go"
    timeout -k 20 300 "$belljar" run --rm -i "$@" -m 768m test sh -c '
        echo ready; read -r _
        dd if=/dev/zero of=/dev/shm/peak bs=1M count=256 2>/dev/null
        echo full; read -r _
        rm /dev/shm/peak
        echo empty; read -r _' <&8 >"$tmp/said" &
    vm=$!
    until_true 120 grep -q ready "$tmp/said"
    before=$(ram_kb)
    echo >&8
    until_true 120 grep -q full "$tmp/said"
    full=$(ram_kb)
    [ $((full - before)) -gt $((230 * 1024)) ]
    echo >&8
    until_true 60 grep -q empty "$tmp/said"
    local begin=$EPOCHREALTIME
    until_true 60 below $((before + (full - before) / 5)) || {
        echo "before $before, full $full, after a minute $(ram_kb) KiB"
        return 1
    }
    echo "before $before, full $full KiB; 80% back after" \
        "$(((${EPOCHREALTIME/./} - ${begin/./}) / 1000)) ms" >>"$tmp/memory.log"
    echo >&8
    exec 8>&-
    wait $vm
}
: >"$tmp/memory.log"
check "memory: a peak comes back, minimal kernel" peak --kernel minimal
check "memory: a peak comes back, stock kernel" peak --kernel stock
sed 's/^/# /' "$tmp/memory.log"

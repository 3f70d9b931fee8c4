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
    local full vm go=$tmp/go
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
    echo >&8
    until_true 120 grep -q full "$tmp/said"
    full=$(ram_kb)
    [ "$full" -ge $((256 * 1024)) ]
    echo >&8
    until_true 60 grep -q empty "$tmp/said"
    local begin=$EPOCHREALTIME
    until_true 60 below $((full - 256 * 1024 * 4 / 5)) || {
        echo "full $full, after a minute $(ram_kb) KiB"
        return 1
    }
    echo "full $full KiB; 80% of 256 MiB back after" \
        "$(((${EPOCHREALTIME/./} - ${begin/./}) / 1000)) ms" >>"$tmp/memory.log"
    echo >&8
    exec 8>&-
    wait $vm
}
: >"$tmp/memory.log"
check "memory: a peak comes back, minimal kernel" peak --kernel minimal
check "memory: a peak comes back, stock kernel" peak --kernel stock

# A guest that does what it is told, a line at a time, and answers "did N".
tell() {
    echo "$1" >&8
    told=$((told + 1))
    until_true 300 grep -qx "did $told" "$tmp/said"
}
box_start() { # OPTION...: with $box_memory, or 512 MiB
    local go=$tmp/go
    told=0
    "$belljar" rm -f box 2>/dev/null || : # of a test that failed
    rm -f "$go"
    mkfifo "$go"
    exec 8<>"$go"
    timeout -k 20 800 "$belljar" run --name box -i "$@" -m "${box_memory:-512m}" test sh -c '
        echo ready; n=0
        while read -r line; do
            eval "$line"; n=$((n + 1)); echo "did $n"
        done' <&8 >"$tmp/said" &
    vm=$!
    until_true 120 grep -q ready "$tmp/said"
}
box_end() {
    tell 'exec 0</dev/null'
    exec 8>&-
    wait $vm
    "$belljar" rm box
    nothing_left
}
# update WANT OPTION...: its status; what it printed is in $tmp/out and $tmp/err.
update() {
    local want=$1 got=0
    shift
    "$belljar" update "$@" box >"$tmp/out" 2>"$tmp/err" || got=$?
    cat "$tmp/out" "$tmp/err"
    same "$want" "$got"
}
limit_shown() {
    same "$1" "$("$belljar" inspect box | grep -oE '"Memory": *[0-9]+' | grep -oE '[0-9]+$')"
}
# $free: MiB that the guest has free, by its own kernel.
ask_free() {
    tell 'awk "/^MemFree/ { print \"free\", int(\$2 / 1024) }" /proc/meminfo'
    free=$(awk '$1 == "free" { n = $2 } END { print n }' "$tmp/said")
}

# Down, up, more than it has, and less than it uses: what it uses is in a file
# of its memory, which no kernel can put elsewhere.
update_limits() {
    local begin
    box_start --kernel minimal
    limit_shown 536870912
    tell 'dd if=/dev/zero of=/dev/shm/data bs=1M count=150 2>/dev/null'
    begin=$EPOCHREALTIME
    update 0 --memory 256m
    echo "to 256 of 512 MiB, 150 in use, in" \
        "$(((${EPOCHREALTIME/./} - ${begin/./}) / 1000)) ms" >>"$tmp/memory.log"
    same box "$(cat "$tmp/out")"
    same "belljar: the guest of VM 'box' does with 256 MiB of its 512 MiB" "$(cat "$tmp/err")"
    limit_shown 268435456
    [ "$(ram_kb)" -lt $((256 * 1024)) ]
    ask_free
    [ "$free" -lt 110 ]

    update 125 -m 100m
    same 1 "$(wc -l <"$tmp/err")"
    grep -qE "^belljar: VM 'box' cannot do with 100 MiB: its guest has 1[5-9][0-9] MiB in use; its limit stays at 256 MiB, give (1[6-9][0-9]|20[0-9])m or more$" "$tmp/err"
    limit_shown 268435456
    update 125 -m 513m
    grep -q "was started with 512 MiB" "$tmp/err"

    begin=$EPOCHREALTIME
    update 0 -m 512m
    echo "back to 512 MiB in" \
        "$(((${EPOCHREALTIME/./} - ${begin/./}) / 1000)) ms" >>"$tmp/memory.log"
    limit_shown 536870912
    ask_free
    [ "$free" -gt 250 ]
    tell 'set -- $(md5sum /dev/shm/data); echo sum $1'
    grep -qx "sum $(head -c 150M /dev/zero | md5sum | cut -d' ' -f1)" "$tmp/said"
    box_end
}
check "memory: update of a limit, minimal kernel" update_limits

# It needs more than it may have: it takes some of its balloon, and goes on.
update_oom() {
    box_start --kernel minimal
    update 0 -m 96m
    tell 'dd if=/dev/zero of=/dev/shm/data bs=1M count=96 && echo whole'
    grep -qx whole "$tmp/said"
    limit_shown 100663296
    tell 'rm /dev/shm/data'
    update 0 -m 96m
    box_end
}
check "memory: out of it, a guest takes from its balloon" update_oom

update_stock() {
    box_start --kernel stock
    update 0 -m 300m
    limit_shown 314572800
    [ "$(ram_kb)" -lt $((300 * 1024)) ]
    update 0 -m 512m
    box_end
}
check "memory: update of a limit, stock kernel" update_stock
# $total: MiB that the guest's kernel has.
ask_total() {
    tell 'awk "/^MemTotal/ { print \"total\", int(\$2 / 1024) }" /proc/meminfo'
    total=$(awk '$1 == "total" { n = $2 } END { print n }' "$tmp/said")
}
# What the VM's group may have, where there is one: larger than $1 by $2 MiB.
group_max() { cat /sys/fs/cgroup/belljar/*/memory.max 2>/dev/null || echo 0; }
group_grew() {
    [ "$1" = 0 ] || same $(($1 + ($2 << 20))) "$(group_max)"
}

# plugged OPTION...: beyond what it was started with, and back.
plugged() {
    local begin group
    box_memory=256m box_start "$@" --memory-max 1g --shm-size 800m
    limit_shown 268435456
    group=$(group_max)
    ask_total
    [ "$total" -lt 256 ]
    begin=$EPOCHREALTIME
    update 0 --memory 1g
    echo "$*: from 256 MiB to 1 GiB in" \
        "$(((${EPOCHREALTIME/./} - ${begin/./}) / 1000)) ms" >>"$tmp/memory.log"
    same "belljar: the guest of VM 'box' does with 1024 MiB of its 1024 MiB" "$(cat "$tmp/err")"
    limit_shown 1073741824
    group_grew "$group" 768
    ask_total
    [ "$total" -gt 900 ]
    # More than it was started with.
    tell 'dd if=/dev/zero of=/dev/shm/data bs=1M count=280 2>/dev/null && echo whole'
    grep -qx whole "$tmp/said"
    [ "$(ram_kb)" -gt $((280 * 1024)) ]
    update 125 -m 256m
    grep -qE "cannot do with 256 MiB: its guest has [2-4][0-9][0-9] MiB in use; its limit stays at 1024 MiB" "$tmp/err"
    group_grew "$group" 768
    update 125 -m 1025m
    grep -q "may have 1024 MiB at most" "$tmp/err"
    tell 'rm /dev/shm/data'
    begin=$EPOCHREALTIME
    update 0 -m 256m
    echo "$*: back to 256 MiB in" \
        "$(((${EPOCHREALTIME/./} - ${begin/./}) / 1000)) ms" >>"$tmp/memory.log"
    limit_shown 268435456
    group_grew "$group" 0
    [ "$(ram_kb)" -lt $((256 * 1024)) ]
    ask_total
    [ "$total" -lt 256 ]
    box_end
}
check "memory: plugged in and out, minimal kernel" plugged --kernel minimal
check "memory: plugged in and out, stock kernel" plugged --kernel stock
sed 's/^/# /' "$tmp/memory.log"

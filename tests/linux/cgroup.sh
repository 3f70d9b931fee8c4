# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2154
#
# cgroup.sh - a guest that takes all it can get, and what the host notices:
# nothing beyond the VM's limit.  Version 2, as a host of today has it.

# Wait for "ready" of a VM named `box`, in the background; $box, $dir.
box_start() {
    timeout -k 20 400 "$belljar" run --name box --kernel stock -m 128m "$@" \
        >"$tmp/ready" 2>"$tmp/said" &
    box=$!
    until_true 300 grep -q ready "$tmp/ready"
    for dir in /sys/fs/cgroup/belljar/*/; do dir=${dir%/}; done
}

# Everything the guest has; short of memory, it may go on for long.
eater='echo ready; tail /dev/zero; echo full'
idler='echo ready; while :; do sleep 1; done'

# Its memory is its own to fill: most of it is charged, and the VM's limit is
# not hit by that.
cgroup_two() {
    local got=0 small=/sys/fs/cgroup/small
    box_start test sh -c "$idler"
    same $((128 * 1048576 + 2097152 + 1048576 + 64 * 1048576)) \
        "$(cat "$dir/memory.max")"
    # Both of the VM's processes, and threads of KVM's, but nobody else.
    same "belljar-monitor belljar-net" "$(while read -r p; do
        tr '\0' '\n' <"/proc/$p/cmdline" | head -n 1
    done <"$dir/cgroup.procs" | sort -u | grep . | xargs)"
    mkdir $small
    echo $((72 * 1048576)) >$small/memory.max
    timeout -k 20 400 "$belljar" run --rm --cgroup-parent /small \
        --kernel stock -m 128m test sh -c "$eater" >"$tmp/out" 2>"$tmp/err" ||
        got=$?
    cat "$tmp/out" "$tmp/err"
    same 137 "$got"
    same 1 "$(grep -c '^belljar: the VM was killed for want of memory' "$tmp/err")"
    same "" "$(find $small -mindepth 1 -type d)"
    rmdir $small
    kill -0 $box
    same "populated 1" "$(head -n 1 "$dir/cgroup.events")"
    "$belljar" rm -f box
    wait $box || :
    [ ! -e /sys/fs/cgroup/belljar ]
    nothing_left
}

if grep -qw memory /sys/fs/cgroup/cgroup.controllers 2>/dev/null; then
    check "cgroup: limits, and a cgroup above with too little" cgroup_two
else
    skip "cgroup: limits" "no cgroup version 2 with memory here"
fi

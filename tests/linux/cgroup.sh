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

# Whatever is started, it is where the group is; an update moves all of it.
cgroup_cpus() {
    local all
    all=$(cat /sys/devices/system/cpu/online)
    box_start --cpuset-cpus 0 test sh -c "$idler"
    same 0 "$(cat "$dir/cpuset.cpus.effective")"
    same "Cpus_allowed_list: 0" "$(while read -r p; do
        cat /proc/"$p"/task/*/status
    done <"$dir/cgroup.procs" | grep ^Cpus_allowed_list | sort -u | xargs)"
    "$belljar" update --cpuset-cpus "$all" box
    same "$all" "$(cat "$dir/cpuset.cpus.effective")"
    "$belljar" inspect box | grep -qE "\"CpusetCpus\": ?\"$all\""
    "$belljar" rm -f box
    wait $box || :
    nothing_left
}

if grep -qw cpuset /sys/fs/cgroup/cgroup.controllers 2>/dev/null; then
    check "cgroup: processors" cgroup_cpus
else
    skip "cgroup: processors" "no cgroup version 2 with cpuset here"
fi
if grep -qw memory /sys/fs/cgroup/cgroup.controllers 2>/dev/null; then
    check "cgroup: limits, and a cgroup above with too little" cgroup_two
else
    skip "cgroup: limits" "no cgroup version 2 with memory here"
fi

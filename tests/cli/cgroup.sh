# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# cgroup.sh - a VM's control group on this host, version 1 or 2: limits that
# hold, what was used, and that it is gone whatever ends the VM.

group_dirs() {
    grep -oE '"(\\?/[^"]*)' "$root/vms/$1/cgroup.json" | tr -d '"\\' | grep "/$1\$"
}
# group VM FILE: the file of that name, wherever it is.
group() {
    local dir
    for dir in $(group_dirs "$1"); do
        [ ! -e "$dir/$2" ] || cat "$dir/$2"
    done
}
limit_is() { [ "$(group "$1" "$2")" = "$3" ]; }
no_group_left() { [ -z "$(find /sys/fs/cgroup -type d -name "$1" 2>/dev/null)" ]; }
spec_says() { grep -qE "\"$2\": ?$3[,}]?\$" "$root/vms/$1/spec.json"; }
has() { grep -qF -- "$1" "$work/out"; }

## The command line
try run --dry-run --cpus 1.5 -c 512 --blkio-weight 100 --cgroup-parent /a/b \
    --disk-bps 10m --disk-iops 300 --net-bps 1m --net-pps 10 busy
check "limits need what they limit" refused "--net-bps needs a network"
try bj run --dry-run --cpus 1.5 -c 512 --blkio-weight 100 --serial \
    --cgroup-parent /a/b --disk-bps 10m --disk-iops 300 --net-bps 1m \
    --net-pps 10 --console-bps 4k busy
check "limits are in the plan" eval 'is 0 && has "\"cgroup_parent\":\"a/b\"" ||
    has "\"cgroup_parent\": \"a/b\""'
check "... 1.5 processors, 2 vCPUs" \
    eval 'grep -qE "\"cpus\": ?1.5" "$work/out" && grep -qE "\"cpus\": ?2,?" "$work/out"'
try run --dry-run --console-bps 4k busy
check "a rate for no console" refused "needs --serial"
try run --dry-run -c 1 busy
check "too few shares" refused "--cpu-shares: 1 is outside 2..262144"
try run --dry-run --blkio-weight 5 busy
check "too little weight" refused "--blkio-weight"
try run --dry-run --disk-bps fast busy
check "a rate that is none" refused "--disk-bps: 'fast' is not a size"
try run --dry-run --disk-iops 0 busy
check "a rate of nothing" refused "--disk-iops"
try run --dry-run --cgroup-parent ../x busy
check "a parent that leads back" refused "--cgroup-parent: '../x' leads back"
try run --rm busy argv
check "without rates, none are passed" eval 'is 0 && ! grep -qE "bps|iops" "$work/out"'
try bj run --no-kvm-check --rm --serial --disk-bps 3m --disk-iops 100 \
    --net-bps 2m --net-pps 7 --console-bps 4k busy argv
check "rates reach the monitor: disks share" \
    test "$(grep -cE -- '^--disk.*|^fd:.*id=layer' "$work/out")" -ge 2
check "... half for each of two" \
    test "$(grep -c 'id=[a-z]*,bps=1572864,iops=50$' "$work/out")" = 2
check "... network" grep -qE '^--net=fd:[0-9]+,mtu=65520,bps=2097152,pps=7$' "$work/out"
check "... console" grep -qE '^--serial=fd:[0-9]+,bps=4096$' "$work/out"

## What holds
try bj doctor
if grep -q '^ok *cgroup:' "$work/out"; then
    start bj run --no-kvm-check --name lim --cpus 1.5 -c 512 -m 64m busy hang
    vm=$(only_vm)
    dirs=$(group_dirs "$vm")
    # 64 MiB and 1/64 of them, 2 vCPUs, 64 MiB
    memory=$((64 * 1048576 + 1048576 + 2 * 1048576 + 64 * 1048576))
    if limit_is "$vm" cpu.cfs_quota_us 150000; then
        check "v1: processor time" limit_is "$vm" cpu.shares 512
        check "v1: memory" limit_is "$vm" memory.limit_in_bytes $memory
    else
        check "v2: processor time" limit_is "$vm" cpu.max "150000 100000"
        check "v2: weight" limit_is "$vm" cpu.weight 20
        check "v2: memory" limit_is "$vm" memory.max $memory
    fi
    check "process numbers" limit_is "$vm" pids.max 66
    for p in monitor net; do
        pid=$(field "$vm" $p)
        for dir in $dirs; do grep -qx "$pid" "$dir/cgroup.procs" || echo "$dir"; done
    done >"$work/out2"
    check "monitor and network are in it, everywhere" test ! -s "$work/out2"
    pid=$(field "$vm" keeper)
    check "the keeper is not" eval '! group "$vm" cgroup.procs | grep -qx "$pid"'
    kill -INT "$cli"
    reap
    check "the end removes it" no_group_left "$vm"
    check "... and what said where it was" test ! -e "$root/vms/$vm/cgroup.json"
    check "exit.json: processor time used" \
        grep -qE '"cpu_usec": ?[1-9][0-9]*' "$root/vms/$vm/exit.json"
    check "exit.json: memory used" \
        grep -qE '"memory_peak": ?([1-9][0-9]*|null)' "$root/vms/$vm/exit.json"
    try bj rm lim

    try run --name fat -m 64m busy eat 400000000
    check "over the memory limit: a sentence" said 137 "reached its memory limit of 130 MiB"
    vm=$(only_vm)
    check "... counted" grep -qE '"oom_kills": ?[1-9]' "$root/vms/$vm/exit.json"
    check "... and gone" no_group_left "$vm"
    try bj rm fat

    start run --rm busy hang
    vm=$(only_vm)
    kill -9 "$(field "$vm" monitor)"
    reap
    check "a killed monitor is not out of memory" said 137 "was killed (signal 9)"
    check "... its group is gone" no_group_left "$vm"
    start run --rm busy hang
    vm=$(only_vm)
    kill -9 "$(field "$vm" keeper)"
    reap
    check "a killed keeper leaves it" eval '! no_group_left "$vm"'
    try bj ps
    check "the next command removes it" eval 'no_group_left "$vm" && nothing_left'
    start run --name kept busy hang
    vm=$(only_vm)
    kill -9 "$(field "$vm" keeper)"
    reap
    try bj rm kept
    check "so does rm" eval 'no_group_left "$vm" && nothing_left'
    try run --rm --kernel "$work/refuse" busy
    check "a monitor that refuses" refused "is not a kernel"
    check "no VM, no group 'belljar' of ours" \
        eval '[ -z "$(find /sys/fs/cgroup -type d -name belljar 2>/dev/null)" ] ||
            [ -n "$(find /sys/fs/cgroup -type d -path "*/belljar/*" 2>/dev/null)" ]'
else
    echo "ok - limits that hold # SKIP $(grep ' cgroup:' "$work/out")"
fi

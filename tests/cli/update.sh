# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# update.sh - `belljar update`, and what `inspect` and `ps` then show.

shows() { # shows KEY VALUE: in what inspect printed
    bj inspect box >"$work/out2" && grep -qE "\"$1\": ?$2,?\$" "$work/out2"
}
# Nothing on stdout but the VM's name, as docker prints it.
updated() { is 0 && [ "$(cat "$work/out")" = box ]; }

try bj update
check "update of nothing" said 125 "no VM given"
try bj update -m 1g
check "update of no VM" said 125 "no VM given"
try bj update box
check "update of no limit" said 125 "nothing to update; give --memory"
try bj update nosuch --memory 1g
check "options may follow names" said 125 "there is no VM 'nosuch'"
try bj update -m 1g box
check "update of a VM that is not there" said 125 "there is no VM 'box'"
try bj update -m lots box
check "update to no size" said 125 "--memory: 'lots' is not a size"
try bj inspect
check "inspect of nothing" said 125 "no VM given"
try bj inspect box
check "inspect of a VM that is not there" said 125 "there is no VM 'box'"

start run --name box -m 256m -e A=b busy balloon 100
check "inspect: docker's names" shows Memory 268435456
check "... its state" eval 'shows Status "\"running\"" && shows ReadonlyRootfs false'
check "... its process" shows Pid "$(field "$(only_vm)" monitor)"
check "... its environment" grep -q '"A=b"' "$work/out2"
try bj update --memory 128m box
check "update --memory" updated
check "... says what was reached" one_line "does with 128 MiB of its 256 MiB"
check "... inspect shows it" shows Memory 134217728
try bj ps --format json
check "... and ps" grep -qE '"memory": ?134217728,?$' "$work/out"
try bj update -q -m 200m box
check "update -q says nothing" eval 'updated && [ ! -s "$work/err" ]'
try bj update -m 64m box
check "below what is in use" said 125 "has 100 MiB in use; its limit stays at 200 MiB, give 112m"
check "... and the old limit holds" shows Memory 209715200
try bj update -m 257m box
check "above the VM's size" said 125 "was started with 256 MiB"
try bj update -m 1m box
check "below any guest" said 125 "too few for any guest"
try bj update -m 0 box
check "nothing at all" said 125 "too few for any guest"
try bj update -q -m 150m none box
check "one of two is not there" eval 'is 125 && one_line "no VM '"'none'"'" &&
    shows Memory 157286400'
# Two at once: one after the other, and the last one's limit is what is shown.
bj update -q -m 128m box >"$work/out2" 2>&1 &
other=$!
try bj update -q -m 192m box
wait $other
check "two at once" eval 'updated &&
    { shows Memory 134217728 || shows Memory 201326592; }'
kill -INT "$cli"
reap
try bj update -m 128m box
check "update of a VM that has ended" said 125 "VM 'box' has ended"
check "inspect of one" eval 'shows Status "\"exited\"" && shows ExitCode 130 && shows Pid 0'
try bj rm box

start run --name box -m 256m busy balloon 100 none
try bj update -m 128m box
check "no driver" said 125 "has no driver for its balloon"
check "... and the old limit holds" shows Memory 268435456
kill -9 "$(field "$(only_vm)" monitor)"
reap
try bj rm box

## Memory that is plugged in
try run --dry-run -m 256m --memory-max 256m busy
check "a maximum that is none" refused "--memory-max: 256 MiB are not more than the 256 MiB that the VM starts with; give 258m"
try run --dry-run -m 256m --memory-max 900t busy
check "more than the host has" refused "--memory-max: 943718400 MiB are more than the"
try run --dry-run -m 256m --memory-max 1g --hugepages 2M busy
check "with huge pages" refused "--memory-max: huge pages are reserved when the VM starts; leave it out"
try run --rm -m 256m --memory-max 1g busy argv
check "the monitor is told" grep -qx -- --memory-max=1048576k "$work/out"
check "... and the kernel" grep -q "memhp_default_state=online" "$work/out"
start run --name box -m 256m --memory-max 1g busy balloon 100
vm=$(only_vm)
group_limit() { # what its group may have, if it has one
    local d
    for d in $(grep -oE '"(\\?/[^"]*)' "$root/vms/$vm/cgroup.json" 2>/dev/null | tr -d '"\\'); do
        cat "$d/memory.max" "$d/memory.limit_in_bytes" 2>/dev/null
    done
}
small=$(group_limit)
# larger BYTES: its group's limit is that much more than at the start.
larger() { [ -z "$small" ] || [ "$(group_limit)" = $((small + $1)) ]; }
try bj update --memory 1g box
check "update beyond the size at the start" updated
check "... says what was reached" one_line "does with 1024 MiB of its 1024 MiB"
check "... inspect shows it" shows Memory 1073741824
check "... its group may have it" larger $((768 << 20))
try bj update -m 1025m box
check "above --memory-max" said 125 "may have 1024 MiB at most, its --memory-max"
check "... and nothing changes" eval 'shows Memory 1073741824 && larger $((768 << 20))'
try bj update -q -m 512m box
check "plugged out again" eval 'updated && shows Memory 536870912 && larger $((256 << 20))'
try bj update -q -m 128m box
check "below the start, by the balloon" eval 'updated && shows Memory 134217728 && larger 0'
kill -INT "$cli"
reap
try bj rm box
start run --name box busy hang
run=$(bj ps --format json | sed -n 's/.*"run": *"\(.*\)".*/\1/p' | tr -d '\\')
mv "$run/control.sock" "$work/control.sock"
try bj update -m 128m box
check "a VM without its socket" said 125 "is starting or ending"
kill -INT "$cli"
reap
try bj rm box

## Processors
online=$(cat /sys/devices/system/cpu/online)
last=${online##*[-,]}
# Every thread of the VM's processes is on these processors.
confined() {
    local p vm
    vm=$(only_vm)
    for p in monitor net; do
        grep -hE '^Cpus_allowed_list:' /proc/"$(field "$vm" $p)"/task/*/status
    done | sort -u >"$work/out2"
    [ "$(cat "$work/out2")" = "Cpus_allowed_list:	$1" ]
}
for list in '' , 0, 0-x 0:1 8192; do
    try run --dry-run --cpuset-cpus "$list" busy
    check "no list: '$list'" refused "is not a list of processors such as 0-3,5"
done
try run --cpuset-cpus 0-8191 busy
check "processors that are not there" refused "that is online; it has $online"
try bj update --cpuset-cpus 0-x box
check "update: no list" said 125 "is not a list of processors"
try run --dry-run --cpuset-cpus "$last" busy
check "the plan has it" grep -qE "\"cpuset_cpus\": ?\"$last\"" "$work/out"
processors() { # processors HOW COMMAND...: belljar, where HOW is so
    local how=$1
    shift
    start "$@" run --no-kvm-check --name box --cpuset-cpus "$last" busy hang
    check "$how: the VM is on processor $last" confined "$last"
    check "... inspect says so" shows CpusetCpus "\"$last\""
    try "$@" update --cpuset-cpus "$online" box
    check "$how: update to $online" eval 'updated && confined "$online"'
    check "... inspect says so" shows CpusetCpus "\"$online\""
    try "$@" update --cpuset-cpus 8191 box
    check "$how: none that is there" said 125 "it has $online"
    check "... and nothing changes" eval 'confined "$online" && shows CpusetCpus "\"$online\""'
    kill -INT "$cli"
    reap
    try bj rm box
}
processors "here" bj
# Where no cgroups are, threads are bound one by one.
nogroups() {
    ${EXEC:-} unshare -m sh -c 'umount -R /sys/fs/cgroup && exec "$@"' sh \
        "$build/belljar" "$@"
}
try nogroups ps
if is 0; then
    processors "without cgroups" nogroups
else
    echo "ok - processors without cgroups # SKIP no right to unmount them"
fi
check "nothing is left after update" nothing_left

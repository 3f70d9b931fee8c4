# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2154
#
# numa.sh - the guest's NUMA nodes and huge pages, seen from both sides: what a stock kernel
# makes of SRAT and SLIT, and where the host keeps RAM and vCPUs.

# An initramfs that says what its nodes are, and powers off after a line.
numa_initrd() {
    mkdir -p "$tmp/numa/bin"
    cp /bin/busybox "$tmp/numa/bin/"
    cat >"$tmp/numa/init" <<'INIT'
#!/bin/busybox sh
busybox mkdir -p /sys
busybox mount -t sysfs sysfs /sys
cd /sys/devices/system/node
for n in node*; do
	mib=$(busybox awk '/MemTotal/ { print int($4 / 1024) }' $n/meminfo)
	echo "$n: cpus $(busybox cat $n/cpulist) mib $mib far $(busybox cat $n/distance)"
done
echo said
read -r line
busybox poweroff -f
INIT
    chmod +x "$tmp/numa/init"
    (cd "$tmp/numa" && find . | cpio -o -H newc --quiet) >"$tmp/numa.cpio"
}

# cpulist NODE: as the kernel says it, in /proc/PID/status too.
cpulist() {
    cat "/sys/devices/system/node/node$1/cpulist"
}

# mib_between LINE LEAST MOST
mib_between() {
    local mib
    mib=$(sed -n "s/^$1 .*mib \([0-9]*\) .*/\1/p" "$tmp/console")
    [ "$mib" -ge "$2" ] && [ "$mib" -le "$3" ]
}

# innermost PID: the VM's process, below timeout and the monitor's stand-in.
innermost() {
    local pid=$1 child
    while child=$(pgrep -P "$pid" belljar-monitor); do pid=$child; done
    echo "$pid"
}

# numa_begin OPTION...: 256 MiB and 4 vCPUs; it waits for a line on fd 7.
numa_begin() {
    rm -f "$tmp/tty"
    mkfifo "$tmp/tty"
    exec 7<>"$tmp/tty"
    # What the boot before said must not count.
    rm -f "$tmp/console" "$tmp/events"
    timeout 200 build/belljar-monitor --kernel build/kernels/stock/vmlinuz \
        --initrd "$tmp/numa.cpio" --memory 256m --cpus 4 --serial stdio \
        --cmdline "console=ttyS0 quiet" --events fd:8 "$@" \
        <&7 >"$tmp/console" 8>"$tmp/events" &
    pid=$!
    until_true 180 said_or_gone
    grep -q '^said' "$tmp/console"
}
said_or_gone() {
    grep -q '^said' "$tmp/console" || ! kill -0 "$pid"
}

# An emulated SVM may reset a guest that starts its processors, whoever its
# monitor is (tests/lab/README.md): such a boot is made once more.
numa_boot() {
    numa_begin "$@" || {
        cat "$tmp/console" "$tmp/events"
        kill "$pid" 2>/dev/null || :
        wait "$pid" || :
        [ -n "${BELLJAR_LAB:-}" ] && grep -q '"reset"' "$tmp/events" || return 1
        echo "once more"
        numa_begin "$@" || return 1
    }
    tr -d '\r' <"$tmp/console" >"$tmp/said"
    mv "$tmp/said" "$tmp/console"
    cat "$tmp/console" "$tmp/events"
    pid=$(innermost "$pid")
}

numa_ends() {
    local status=0
    echo >&7
    wait || status=$?
    exec 7>&-
    rm "$tmp/tty"
    return $status
}

# The host node of each vCPU, of two nodes: its processors, and no fewer.
vcpus_on() {
    local task name want
    for task in "/proc/$pid/task"/*; do
        name=$(cat "$task/comm")
        case $name in
        vcpu0 | vcpu1) want=$(cpulist "$1") ;;
        vcpu2 | vcpu3) want=$(cpulist "$2") ;;
        *) continue ;;
        esac
        same "$name $want" \
            "$name $(sed -n 's/^Cpus_allowed_list:\t//p' "$task/status")"
    done
}

# numa_pages NODE: KiB of guest RAM on that node of the host.
numa_pages() {
    awk -v n="N$1=" '/guest-ram/ {
        size = 4
        for (i = 1; i <= NF; i++)
            if ($i ~ /^kernelpagesize_kB=/)
                size = substr($i, 19)
        for (i = 1; i <= NF; i++)
            if (index($i, n) == 1)
                sum += substr($i, 4) * size
    } END { print sum + 0 }' "/proc/$pid/numa_maps"
}

numa_one_host_node() {
    numa_boot --numa 0 --numa 0
    grep -qx 'node0: cpus 0-1 mib [0-9]* far 10 11' "$tmp/console"
    grep -qx 'node1: cpus 2-3 mib [0-9]* far 11 10' "$tmp/console"
    mib_between node0: 80 128
    mib_between node1: 80 128
    vcpus_on 0 0
    [ "$(numa_pages 0)" -gt 0 ]
    numa_ends
}

# A process that is bound (which is how --cpuset-cpus is kept without cgroups)
# binds no vCPU elsewhere, whatever its node says.
numa_bound_already() {
    taskset -pc "$(cpulist 0)" "$BASHPID"
    numa_boot --numa 1 --numa 0
    vcpus_on 0 0
    numa_ends
}

# The manager's side: what cannot be both is said.
numa_and_cpuset() {
    local got=0
    "$belljar" run --dry-run --numa 0 --cpuset-cpus "$(cpulist 1)" test \
        >"$tmp/out" 2>"$tmp/said" || got=$?
    cat "$tmp/said"
    same 125 "$got"
    grep -q "none of these is on node 0 of --numa, which has $(cpulist 0)" "$tmp/said"
    timeout -k 20 300 "$belljar" run --name box --kernel stock --numa 0 \
        --cpuset-cpus "$(cpulist 0)" -m 128m test \
        sh -c 'echo ready; while :; do sleep 1; done' >"$tmp/ready" &
    until_true 200 grep -q ready "$tmp/ready"
    got=0
    "$belljar" update --cpuset-cpus "$(cpulist 1)" box 2>"$tmp/said" || got=$?
    cat "$tmp/said"
    same 125 "$got"
    grep -q "the vCPUs of VM 'box' are bound by --numa" "$tmp/said"
    "$belljar" rm -f box
    wait || :
    nothing_left
}

# Huge pages, so that all of it is there to be counted.
numa_two_host_nodes() {
    numa_boot --numa 1 --numa 0 --hugepages 2m
    grep -qx "node0: cpus 0-1 mib [0-9]* far 10 20" "$tmp/console"
    vcpus_on 1 0
    same "131072 131072" "$(numa_pages 0) $(numa_pages 1)"
    grep -q '"event":"memory".*"bytes":268435456,"page":2097152,"threads":[2-9]' \
        "$tmp/events"
    numa_ends
}

numa_node_is_short() {
    local got=0
    echo 10 >/sys/devices/system/node/node1/hugepages/hugepages-2048kB/nr_hugepages
    build/belljar-monitor --kernel build/kernels/stock/vmlinuz \
        --memory 256m --cpus 2 --numa 0 --numa 1 --hugepages 2m \
        2>"$tmp/said" || got=$?
    cat "$tmp/said"
    same 125 "$got"
    grep -q 'needs 64 huge pages of 2 MiB on node 1, and 10 are free; make more (as root: echo 64 >/sys/devices/system/node/node1/' "$tmp/said"
}

# The VM's process is there: signals for it wait from now on, and whoever
# allocates looks for them between two chunks.  Asks no other program: that second
# is short.
is_born() {
    local p parent
    for ((p = pid + 1; p < pid + 100; p++)); do
        read -r _ _ _ parent _ <"/proc/$p/stat" || continue
        [ "$parent" != "$pid" ] || return 0
    done
    return 1
}

numa_killed_early() {
    local got=0
    for n in 0 1; do
        echo 320 >/sys/devices/system/node/node$n/hugepages/hugepages-2048kB/nr_hugepages
    done
    build/belljar-monitor --kernel build/kernels/stock/vmlinuz --memory 1g \
        --hugepages 2m --events fd:8 8>"$tmp/events" &
    pid=$!
    until_true 60 is_born
    kill -TERM $pid
    wait $pid || got=$?
    cat "$tmp/events"
    same 124 "$got"
    grep -q '"event":"ended".*"reason":"killed"' "$tmp/events"
    status 1 grep -q created "$tmp/events"
    same 640 "$(cat /sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages)"
}

numa_without_it() {
    numa_boot
    same "node0: cpus 0-3" \
        "$(grep -o '^node[0-9]: cpus [0-9-]*' "$tmp/console")"
    numa_ends
}

numa_initrd
check "numa: none unless asked for" numa_without_it
check "numa: two nodes on one of the host" numa_one_host_node
if [ -d /sys/devices/system/node/node1 ] && [ -n "${BELLJAR_LAB:-}" ]; then
    # The lab's machine is thrown away; nobody else's pool is changed.
    for n in 0 1; do
        echo 80 >/sys/devices/system/node/node$n/hugepages/hugepages-2048kB/nr_hugepages
    done
    check "numa: a process that is bound already" numa_bound_already
    check "numa: with --cpuset-cpus" numa_and_cpuset
    check "numa: two nodes of the host" numa_two_host_nodes
    check "numa: one node has too few huge pages" numa_node_is_short
    check "numa: ended while RAM is allocated" numa_killed_early
else
    for what in "a process that is bound already" "with --cpuset-cpus" \
        "two nodes of the host" "one node has too few huge pages" \
        "ended while RAM is allocated"; do
        skip "numa: $what" "there is one node, or it is no lab"
    done
fi

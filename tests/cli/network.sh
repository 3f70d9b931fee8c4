# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# network.sh - taps and bridges, in a network namespace of this test's own:
# what the monitor gets, what is refused, and that no tap stays behind whoever
# is killed.  Part of run.sh.

inside() { ${EXEC:-} nsenter --net="/proc/$holder/ns/net" "$@"; }
net() { inside "$build/belljar" run --no-kvm-check "$@"; }
option() { grep -qE "^--net=fd:[0-9]+$1\$" "$work/out"; }
link() { inside ip -o link show "$@" 2>/dev/null; }
ports() { link master br0 | grep -c 'bj[0-9a-f]'; }
no_port() { [ "$(ports)" = 0 ]; }

if [ "$(id -u)" = 0 ] && { : <>/dev/net/tun; } 2>/dev/null; then
    unshare -n sleep 10000 &
    holder=$!
    server="$server $holder"
    wait_for eval '[ "$(readlink /proc/$holder/ns/net)" != "$(readlink /proc/self/ns/net)" ]'
    inside ip tuntap add dev t0 mode tap
    inside ip link set t0 mtu 1400
    inside ip link add br0 type bridge

    ## What the monitor gets
    try net --rm --network tap=t0,vhost=off busy argv
    check "a tap: address of the VM's own, MTU of the tap" \
        option ',mac=02(:[0-9a-f]{2}){5},mtu=1400'
    try net --rm --network tap=t0,mac=52:54:00:aa:bb:cc,vhost=off busy argv
    check "a tap: the address given" option ',mac=52:54:00:aa:bb:cc,mtu=1400'
    try net --rm --network user,mtu=1500 busy argv
    check "user mode: the MTU given" option ',mtu=1500'
    if { : <>/dev/vhost-net; } 2>/dev/null; then
        try net --rm --network tap=t0 busy argv
        check "vhost-net where there is one" option ',mac=.*,vhost=fd:[0-9]+'
        try net --rm --network tap=t0 --net-pps 5 busy argv
        check "... but not with limits" option ',mac=[0-9a-f:]+,mtu=1400,pps=5'
    else
        try net --rm --network tap=t0,vhost=on busy argv
        check "vhost=on without vhost-net" refused "vhost=on: open '/dev/vhost-net'"
        try net --rm --network tap=t0 busy exit 0
        check "no word of it without --timing" test ! -s "$work/err"
        try net --rm --timing --network tap=t0 busy exit 0
        check "one with --timing" eval 'is 0 && grep -q "no vhost-net" "$work/err"'
    fi
    check "a tap that was there stays" link t0

    ## What is refused
    try net --network tap=t7 busy exit 0
    check "no such tap" refused "there is no interface 't7'"
    try net --network tap=br0 busy exit 0
    check "no tap" refused "'br0' is no tap"
    try net --network bridge=br7 busy exit 0
    check "no such bridge" refused "there is no bridge 'br7'"
    try net --network bridge=t0 busy exit 0
    check "no bridge" refused "'t0' is no bridge"
    start net --name first --network tap=t0 busy hang
    try net --rm --network tap=t0 busy exit 0
    check "a tap in use" said 125 "'t0' is in use"
    kill "$cli"
    reap
    bj rm first >/dev/null

    ## What stays
    start net --rm --network bridge=br0 busy hang
    vm=$(only_vm)
    check "a new tap on the bridge" test "$(ports)" = 1
    check "by the VM's id" link "bj$vm"
    check "which the state says" \
        grep -qE "\"tap\": ?\"bj$vm\"" "$root/vms/$vm/state.json"
    kill "$cli"
    reap
    check "it goes with the VM" no_port
    for victim in monitor keeper; do
        start net --rm --network bridge=br0 busy hang
        check "a tap before a kill" test "$(ports)" = 1
        kill -9 "$(field "$(only_vm)" $victim)"
        reap
        check "a killed $victim leaves no tap" wait_for no_port
        try bj ps -a
    done
    check "the bridge stays" link br0
    check "nothing is left of networks" wait_for nothing_left
    kill "$holder"
else
    echo "ok - taps and bridges # SKIP only root makes taps"
fi

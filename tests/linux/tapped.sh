#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# tapped.sh BELLJAR DIR WHAT - VMs on a tap or a bridge, in a network namespace
# of their own whose side is 192.0.2.1, with a web server for DIR there.
set -euo pipefail

belljar=$1 dir=$2
trap 'kill $(jobs -p) 2>/dev/null || :' EXIT

# Its own address is reached by lo.
interface() {
    ip link set lo up
    ip address add 192.0.2.1/24 dev "$1"
    ip link set "$1" up
}

web_server() {
    /usr/bin/python3 -m http.server -b 192.0.2.1 -d "$dir" 8000 \
        >/dev/null 2>&1 &
    until (: </dev/tcp/192.0.2.1/8000) 2>/dev/null; do
        read -rt 0.1 <>"$dir/never" || :
    done
}

# vhost's worker is a thread of the kernel, or one of the monitor's.
vhost_works() {
    grep -qsx 'vhost-[0-9]*' /proc/[0-9]*/comm /proc/[0-9]*/task/*/comm
}

# both_ways OPTIONS: the file comes in whole and goes out whole.
both_ways() {
    ip tuntap add dev t0 mode tap
    ip link set t0 mtu 1400
    interface t0
    web_server
    /bin/busybox nc -l -p 9000 <>"$dir/never" >"$dir/back" &
    local sink=$!
    "$belljar" run --rm --network "tap=t0,ip=192.0.2.5/24$1" test sh -c '
        wget -qO /tmp/big http://192.0.2.1:8000/big &&
        cat /sys/class/net/eth0/mtu >/tmp/mtu &&
        nc 192.0.2.1 9000 </tmp/big && grep -x 1400 /tmp/mtu' &
    local vm=$! seen=no
    while kill -0 $vm 2>/dev/null; do
        ! vhost_works || seen=yes
        read -rt 0.2 <>"$dir/never" || :
    done
    wait $vm
    wait $sink
    cmp "$dir/back" "$dir/big"
    echo "vhost: $seen"
    # The tap was here before, and stays.
    ip link show dev t0
    [ "$seen" = "$2" ]
}

# Two VMs, one serves the other; each has an address of its own by itself.
neighbours() {
    ip link add br0 type bridge
    interface br0
    "$belljar" run --rm -i --network bridge=br0,ip=192.0.2.5/24 test sh -c '
        trap "exit 0" TERM
        mkdir /www
        cat >/www/big
        httpd -f -h /www -p 80 &
        wait' <"$dir/big" &
    local server=$!
    until timeout 5 /bin/busybox wget -qO- http://192.0.2.5/big 2>/dev/null |
        cmp -s - "$dir/big"; do
        kill -0 $server
    done
    "$belljar" run --rm --network bridge=br0,ip=192.0.2.6/24 test \
        wget -qO- http://192.0.2.5/big | cmp - "$dir/big"
    kill -TERM $server
    wait $server
    no_tap_left
}

# A queue for each vCPU, by itself; the frames of a flow keep to one.
queues() {
    ip link add br0 type bridge
    interface br0
    web_server
    "$belljar" run --rm --cpus 2 --network bridge=br0,ip=192.0.2.5/24 test sh -c '
        ls -d /sys/class/net/eth0/queues/rx-1 &&
        for i in 1 2 3 4; do wget -qO- http://192.0.2.1:8000/big | md5sum; done' \
        >"$dir/said"
    [ "$(grep -c "^$(md5sum <"$dir/big")" "$dir/said")" = 4 ]
    no_tap_left
    ip tuntap add dev t0 mode tap
    refuses 'multi_queue' tap=t0,queues=2
}

no_tap_left() {
    ip link show dev br0
    ! ip -o link show | grep 'bj[0-9a-f]\{12\}'
}

# Whoever is killed: the kernel closes the tap, and so removes it.
killed() {
    ip link add br0 type bridge
    interface br0
    "$belljar" run --rm --network bridge=br0,ip=192.0.2.5/24 test \
        sh -c 'ping -c 1 192.0.2.1 >/dev/null && echo up && sleep 1000' \
        >"$dir/said" &
    local vm=$! got=0
    until grep -qs up "$dir/said"; do
        kill -0 $vm
    done
    ip -o link show master br0 | grep 'bj[0-9a-f]\{12\}'
    kill -KILL $(pgrep -x belljar-"$1")
    wait $vm || got=$?
    [ "$got" != 0 ]
    local end=$((SECONDS + 20))
    until no_tap_left; do
        [ $SECONDS -lt $end ]
    done
}

refused() {
    ip link add br0 type bridge
    ip tuntap add dev t0 mode tap
    refuses 'there is no interface' tap=t7
    refuses 'there is no bridge' bridge=br7
    refuses "'br0' is no tap" tap=br0
    refuses "'t0' is no bridge" bridge=t0
    /usr/bin/python3 -c '
import fcntl, os, struct, time
fd = os.open("/dev/net/tun", os.O_RDWR)
fcntl.ioctl(fd, 0x400454CA, struct.pack("16sH22x", b"t0", 0x5002))
print("held", flush=True)
time.sleep(1000)' >"$dir/held" &
    until grep -q held "$dir/held"; do :; done
    refuses 'in use' tap=t0
}

refuses() {
    local got=0
    "$belljar" run --rm --network "$2" test true 2>"$dir/why" || got=$?
    cat "$dir/why"
    [ $got = 125 ] && grep -q "$1" "$dir/why"
}

case $3 in
kernel) both_ways "" yes ;;
monitor) both_ways ,vhost=off no ;;
neighbours) neighbours ;;
queues) queues ;;
killed) killed "$4" ;;
refused) refused ;;
esac

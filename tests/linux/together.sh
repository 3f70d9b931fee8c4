#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# together.sh BELLJAR DIR WHAT - VMs on networks by name.  DIR/big is a file of
# some megabytes.
set -euo pipefail

belljar=$1 dir=$2
# A VM whose CLI has ended may take a moment longer.
leave() {
    kill $(jobs -p) 2>/dev/null || :
    wait
    local end=$((SECONDS + 20))
    until "$belljar" network rm one two >/dev/null 2>&1; do
        [ $SECONDS -lt $end ] || break
        "$belljar" network ls -q | grep -qxE 'one|two' || break
    done
}
trap leave EXIT
"$belljar" network create one
"$belljar" network create two --internal --subnet 10.98.0.0/24

vm() { "$belljar" run --rm -m 96m --network "$@"; }
# In the background: what gets a signal is the CLI, and no shell around it.
start() { exec "$belljar" run --rm -m 96m --network "$@"; }

# serve NETWORK NAME [OPTIONS]: a VM that hands out DIR/big by HTTP, and ends by
# a signal; its CLI is $server.
serve() {
    local net=$1 name=$2
    shift 2
    rm -f "$dir/said.$name"
    start "$net" --name "$name" -i "$@" test sh -c '
        trap "exit 0" TERM
        mkdir /www
        cat >/www/big
        httpd -f -h /www -p 80 &
        echo up
        wait' <"$dir/big" >"$dir/said.$name" &
    server=$!
    until grep -qs up "$dir/said.$name"; do
        kill -0 $server
    done
}

# By name and by address, from the host by -p, and out.
names() {
    serve one alpha -p 127.0.0.1:18080:80
    vm one --name beta test sh -euc '
        ping -c 2 alpha >&2
        ping -c 1 10.89.0.3 >&2
        grep -q "^10.89.0.4.*$(hostname)" /etc/hosts
        wget -qO- http://alpha/big' | cmp - "$dir/big"
    /bin/busybox wget -qO- http://127.0.0.1:18080/big | cmp - "$dir/big"
    vm one,mtu=1500 test wget -qO- http://ALPHA/big | cmp - "$dir/big"
    vm one test wget -qO- http://web.belljar.test:8000/small | grep -qx 'small file'
    kill -TERM $server
    wait $server
}

# The name goes with its VM, and another may have it.
gone() {
    serve two alpha
    start two --name beta test sh -uc '
        ping -c 1 alpha && echo seen
        while nslookup alpha >/dev/null; do :; done
        echo gone
        until ping -c 1 -W 1 alpha; do :; done
        echo back' >"$dir/said" &
    local beta=$!
    until grep -qs seen "$dir/said"; do kill -0 $beta; done
    kill -KILL $(pgrep -x belljar-monitor | head -n 1)
    wait $server || :
    until grep -qs gone "$dir/said"; do kill -0 $beta; done
    serve two alpha
    wait $beta
    grep -x back "$dir/said"
    kill -TERM $server
    wait $server
    # Nobody is on it: its switch has ended.
    local end=$((SECONDS + 20))
    while pgrep -x belljar-switch; do [ $SECONDS -lt $end ]; done
}

# Not from another network, nor from none by name; nor out of an internal one.
apart() {
    serve two alpha
    local script='
        ! nslookup alpha && ! nslookup alpha.
        ! ping -c 1 -W 2 10.98.0.3 && ! wget -T 3 -qO- http://10.98.0.3/big'
    vm one test sh -c "$script"
    vm user test sh -c "$script"
    vm two test sh -c '
        ping -c 1 alpha && wget -qO /dev/null http://alpha/big &&
        ! wget -T 3 -qO- http://198.51.100.1:8000/small &&
        ! nslookup web.belljar.test && ! ip route | grep default'
    kill -TERM $server
    wait $server
}

# spoof: who says it is another is not heard, and hears nothing for it.
spoof() {
    serve two alpha
    vm two test sh -c '
        ping -c 1 alpha &&
        ip addr add 10.98.0.77/24 dev eth0 &&
        ! ping -c 1 -W 2 -I 10.98.0.77 10.98.0.3 &&
        ip link set eth0 down && ip link set eth0 address 02:be:0a:62:00:99 &&
        ip link set eth0 up && ! ping -c 1 -W 2 10.98.0.3'
    kill -TERM $server
    wait $server
}

# Three ranks, a ring; each its own CLI.
allreduce() {
    local pids=() rank
    for rank in 0 1 2; do
        start two --name "rank$rank" test ring $rank 6 rank0 rank1 rank2 \
            >"$dir/rank$rank" &
        pids+=($!)
    done
    for rank in 0 1 2; do wait "${pids[$rank]}"; done
    cat "$dir"/rank[012]
    [ "$(grep -c 'numbers by 3, right' "$dir"/rank[012] | grep -c ':1$')" = 3 ]
}

$3

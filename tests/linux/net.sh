# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# net.sh - HTTP both ways, DNS, a published port; in a namespace of our own,
# with a name server and a web server at an address that is not loopback.

world() {
    unshare -nm bash -eu tests/linux/world.sh "$tmp" "$@"
}

fetch_out() {
    world "$belljar" run --rm test wget -qO- http://198.51.100.1:8000/big |
        cmp - "$tmp/big"
}
name_lookup() {
    world "$belljar" run --rm test \
        wget -qO- http://web.belljar.test:8000/small >"$tmp/got"
    same "small file" "$(cat "$tmp/got")"
}
post_in() {
    world tests/linux/published.sh "$belljar" "$tmp/big"
}
only_what_is_allowed() {
    world tests/linux/allowed.sh "$belljar" "$tmp"
}
unknown_name() {
    world "$belljar" run --rm --allow other.belljar.test:80 test true
}
loopback_is_not_reachable() {
    world tests/linux/loopback.sh "$belljar" "$tmp"
}

head -c 2000000 /dev/urandom >"$tmp/big"
echo "small file" >"$tmp/small"
check "net: HTTP out, 2 MB" fetch_out
check "net: DNS" name_lookup
check "net: HTTP in through a published port, 2 MB" post_in
check "net: the host's loopback is not reachable" loopback_is_not_reachable
check "net: --allow: that and nothing else" only_what_is_allowed
check "net: --allow: a name nobody knows is 125" status 125 unknown_name
check "net: --network none has only lo" \
    prints lo run --network none -- ls /sys/class/net

port_taken() {
    world bash -c '
        /usr/bin/python3 -m http.server -b 127.0.0.1 8081 >/dev/null 2>&1 & server=$!
        until (: </dev/tcp/127.0.0.1/8081) 2>/dev/null; do :; done
        got=0
        "$0" run --rm -p 8081:80 test true || got=$?
        kill $server
        exit $got' "$belljar"
}
check "net: a taken port is 125" status 125 port_taken

tapped() {
    unshare -nm tests/linux/tapped.sh "$belljar" "$tmp" "$@"
}
check "net: tap: 2 MB both ways by vhost-net" tapped kernel
check "net: tap: 2 MB both ways by the monitor" tapped monitor
check "net: bridge: two VMs talk, and leave no tap" tapped neighbours
check "net: bridge: a queue for each vCPU" tapped queues
check "net: bridge: a killed monitor leaves no tap" tapped killed monitor
check "net: bridge: a killed keeper leaves no tap" tapped killed keeper
check "net: taps and bridges that cannot be had" tapped refused

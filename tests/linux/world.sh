#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# world.sh DIR COMMAND... - in a fresh network and mount namespace: loopback, a
# web server for DIR at 198.51.100.1:8000 and a name server that knows
# web.belljar.test; then COMMAND.
set -euo pipefail

dir=$1
shift
ip link set lo up
ip address add 198.51.100.1/32 dev lo
ip route add default dev lo
echo "nameserver 198.51.100.1" >"$dir/resolv.conf"
mount --bind "$dir/resolv.conf" /etc/resolv.conf
/usr/bin/python3 tests/linux/dns.py 198.51.100.1 web.belljar.test 198.51.100.1 &
/usr/bin/python3 -m http.server -b 198.51.100.1 -d "$dir" 8000 >/dev/null 2>&1 &
trap 'kill $(jobs -p) 2>/dev/null' EXIT
for port in 53 8000; do
    until (: <"/dev/tcp/198.51.100.1/$port") 2>/dev/null; do :; done
done
"$@"

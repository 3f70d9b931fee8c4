#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# loopback.sh BELLJAR DIR - a web server on this side's 127.0.0.1, which we
# reach and the guest does not.
set -euo pipefail

/usr/bin/python3 -m http.server -b 127.0.0.1 -d "$2" 8002 >/dev/null 2>&1 &
server=$!
trap 'kill $server' EXIT
until [ "$(/bin/busybox wget -qO- http://127.0.0.1:8002/small)" = "small file" ]
do
    kill -0 $server
done
# The same command reaches the other server, so it is the address that counts.
got=$("$1" run --rm test sh -c '
    timeout 10 wget -qO- http://198.51.100.1:8000/small
    timeout 10 wget -qO- http://10.0.2.2:8002/small
    echo "status $?"')
echo "$got"
[[ $got == "small file"$'\n'"status "[1-9]* ]]

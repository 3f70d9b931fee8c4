#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# published.sh BELLJAR FILE [OPTIONS...] - a web server in the guest behind a
# published port; FILE goes in by standard input and comes back over HTTP.
set -euo pipefail

"$1" run --rm -i -p 127.0.0.1:8080:80 "${@:3}" test sh -c '
    trap "exit 0" TERM
    mkdir /www
    cat >/www/big
    httpd -f -h /www -p 80 &
    wait' <"$2" &
vm=$!
until timeout 5 /bin/busybox wget -qO- http://127.0.0.1:8080/big 2>/dev/null |
    cmp -s - "$2"; do
    kill -0 $vm
done
kill -TERM $vm
wait $vm

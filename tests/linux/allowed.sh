#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# allowed.sh BELLJAR DIR - a guest with --allow for the web server's name and
# port: that it reaches; other ports and names are refused at once, and belljar
# says so.  The name server of world.sh listens on the other port.
set -euo pipefail

belljar=$1 dir=$2
guest() {
    "$belljar" run --rm "$@" test sh -c '
        wget -qO- http://web.belljar.test:8000/small
        timeout 30 wget -qO- http://198.51.100.1:53/ 2>&1
        timeout 30 wget -qO- http://other.belljar.test:8000/small 2>&1
        true'
}
refused="wget: can't connect to remote host (198.51.100.1): Connection refused"

# Without --allow somebody answers there.
got=$(guest)
echo "without: $got"
[[ $got == "small file"* && $got != *"$refused"* ]]

got=$(guest --allow web.belljar.test:8000 2>"$dir/err") || {
    cat "$dir/err"
    exit 1
}
echo "with: $got"
cat "$dir/err"
[ "$got" = "small file
$refused
wget: bad address 'other.belljar.test:8000'" ]
[ "$(sort "$dir/err")" = "\
belljar: the guest was refused 198.51.100.1:53; to allow it: --allow \
web.belljar.test:53
belljar: the guest was refused the name 'other.belljar.test'; to allow it: \
--allow other.belljar.test:PORT" ]

# A published port beside it.
tests/linux/published.sh "$belljar" "$dir/big" --allow web.belljar.test:8000

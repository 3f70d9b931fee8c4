# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# network.sh - VMs on networks by name (together.sh), where there is a world
# with a name server and a web server (world.sh).

together() {
    head -c 4000000 /dev/urandom >"$tmp/big"
    echo "small file" >"$tmp/small"
    timeout -k 10 180 unshare -nm bash -eu tests/linux/world.sh "$tmp" \
        tests/linux/together.sh "$belljar" "$tmp" "$1"
}

check "network: by name, by address, by a published port, and out" together names
check "network: a name goes with its VM and comes back" together gone
check "network: nobody else sees it; an internal one has no way out" together apart
check "network: who says it is another is not heard" together spoof
check "network: an all-reduce of three VMs" together allreduce

# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2154
#
# lib.sh - what these scripts share.  $belljar is the program, $bdf the GPU,
# $tmp a directory of the script's own with a fifo `never`.

# Their addresses, in one line.
free_gpus() {
    "$belljar" gpu ls --format json | python3 -c '
import json, sys
print(*(d["Address"] for d in json.load(sys.stdin) if d["State"] == "free"))'
}

driver_of() {
    local link
    link=$(readlink "/sys/bus/pci/devices/$bdf/driver") && basename "$link"
}

# until_true SECONDS COMMAND...
until_true() {
    local end=$((SECONDS + $1))
    shift
    until "$@" 2>/dev/null; do
        [ $SECONDS -lt $end ] || return 1
        read -rt 0.2 <>"$tmp/never" || :
    done
}

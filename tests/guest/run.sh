#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# run.sh [TEST...] - payload guests under the monitor, on this machine's KVM.
#
# Each test starts the monitor on a guest of tests/guest/, talks to it where
# that is the point, and compares output and exit status.  BELLJAR_BUILD says
# which build (default build-san), KVM which device.
set -uo pipefail

cd "$(dirname "$0")/../.." || exit
B=${BELLJAR_BUILD:-build-san}
MON=${MONITOR:-$B/belljar-monitor}
KVM=${KVM:-/dev/kvm}
# Seconds for one guest; the status is then 137.  The lab is some ten times slower.
LIMIT=${LIMIT:-$([ -n "${BELLJAR_LAB:-}" ] && echo 240 || echo 60)}
HOST="python3 tests/guest/host.py"
SKIP=77 # a test's status
T=$(mktemp -d)
passed=0 failed=0 skipped=0 OUT='' PID=''
trap 'end_leftover; rm -rf "$T"' EXIT

. tests/guest/cases.sh
. tests/guest/files.sh
. tests/guest/limits.sh
. tests/guest/bad_input.sh

end_leftover() {
    [ -z "$PID" ] || { kill -KILL -- "$PID" && wait "$PID"; } 2>/dev/null
    PID=
}

# start GUEST [OPTION...]: run it; its serial output comes from fd $OUT.  The
# caller may set IN, its serial input, and VIA, a command that runs it.
start() {
    local guest=$B/guest/$1.elf in=${IN:-/dev/null}
    shift
    # shellcheck disable=SC2086 # VIA is several words
    exec {OUT}< <(exec timeout -s KILL "$LIMIT" ${VIA:-} "$MON" --kvm "$KVM" \
        --kernel "$guest" --serial stdio "$@" 2>"$T/err" <"$in")
    PID=$!
}

# expect LINE: read up to it.
expect() {
    local line
    while IFS= read -r -t "$LIMIT" -u "$OUT" line; do
        echo "$line" >>"$T/out"
        [ "$line" != "$1" ] || return 0
    done
    echo "no line '$1' came" >>"$T/out"
    return 1
}

# ends STATUS: read what is left, and compare the exit status.
ends() {
    local status
    cat <&"$OUT" >>"$T/out"
    exec {OUT}<&-
    wait "$PID"
    status=$?
    PID=
    [ "$status" = "$1" ] || {
        echo "the monitor's status is $status, not $1" >>"$T/out"
        return 1
    }
}

# guest NAME [OPTION...]: it must print "pass" last and power off.
guest() {
    start "$@" && ends 0 && [ "$(tail -n 1 "$T/out")" = pass ]
}

# printed LINE...: each is among what the guest printed.
printed() {
    local line
    for line in "$@"; do
        grep -qxF -- "$line" "$T/out" || {
            echo "missing: $line" >>"$T/out"
            return 1
        }
    done
}

# control WORD...: send them, print the answers.
control() {
    $HOST control "$T/control" "$@"
}

# tell WORD...: the same, answers to the test's output.
tell() {
    control "$@" >>"$T/out"
}

try() {
    local name=$1
    shift
    : >"$T/out"
    : >"$T/err"
    rm -f "$T/control"
    "$@"
    local status=$?
    if [ "$status" = 0 ]; then
        passed=$((passed + 1))
        echo "ok $((passed + failed + skipped)) - $name"
    elif [ "$status" = "$SKIP" ]; then
        skipped=$((skipped + 1))
        echo "ok $((passed + failed + skipped)) - $name # SKIP $(cat "$T/out")"
    else
        failed=$((failed + 1))
        echo "not ok $((passed + failed + skipped)) - $name"
        sed 's/^/#   /' "$T/out" "$T/err"
    fi
    end_leftover
}

skip_all() {
    echo "ok 1 - payload guests # SKIP $1"
    echo "payload: 0 passed, 0 failed, 1 skipped"
    exit 0
}

[ -c "$KVM" ] || skip_all "there is no $KVM on this machine"
{ : <>"$KVM"; } 2>/dev/null || skip_all "no permission to open $KVM"

for t in "${@:-$(declare -F | awk '$3 ~ /^t_/ { print substr($3, 3) }')}"; do
    for name in $t; do
        try "${name//_/ }" "t_$name"
    done
done
echo "payload: $passed passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ]

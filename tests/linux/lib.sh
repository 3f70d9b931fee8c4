# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# lib.sh - what the Linux tests share: the list of tests, and how to start a
# container and to wait for facts.

passed=0 failed=0 skipped=0

# Is this test among those that were asked for?
chosen() {
    [[ " $1" == *" $only"* ]]
}

# check NAME COMMAND...: one test.  Its output is shown when it fails.
check() {
    local name=$1 begin=$SECONDS
    shift
    chosen "$name" || return 0
    # In a subshell of its own, so that set -e ends the test and not the run;
    # and not as a condition, where bash ignores set -e however deep inside.
    local status
    (
        set -eu
        "$@"
    ) >"$tmp/log" 2>&1
    status=$?
    if [ $status = 0 ]; then
        echo "ok - $name ($((SECONDS - begin)) s)"
        passed=$((passed + 1))
    else
        echo "not ok - $name"
        sed 's/^/    /' "$tmp/log"
        failed=$((failed + 1))
        # What it left would fail those after it.
        "$belljar" ps -aq | xargs -r "$belljar" rm -f >"$tmp/log" 2>&1
    fi
}

# skip NAME WHY: a test that cannot be made here.
skip() {
    chosen "$1" || return 0
    echo "ok - $1 # SKIP $2"
    skipped=$((skipped + 1))
}

# Run a container of the test image to its end: run [OPTIONS] -- COMMAND...
run() {
    local options=()
    while [ "$1" != -- ]; do
        options+=("$1")
        shift
    done
    shift
    timeout -k 20 300 "$belljar" run --rm "${options[@]}" test "$@"
}

# status WANT COMMAND...: the command ends with exactly that exit status.
status() {
    local want=$1 got=0
    shift
    "$@" || got=$?
    [ "$got" = "$want" ] || {
        echo "status $got, wanted $want"
        return 1
    }
}

# same WANT GOT
same() {
    [ "$1" = "$2" ] || {
        printf 'wanted: %s\ngot:    %s\n' "$1" "$2"
        return 1
    }
}

# prints WANT COMMAND...: the command's output is that, and it ends with 0.
prints() {
    local want=$1 got
    shift
    got=$("$@")
    same "$want" "$got"
}

# until_true SECONDS COMMAND...: wait for a fact, at most so long.
until_true() {
    local end=$((SECONDS + $1))
    shift
    until "$@" 2>/dev/null; do
        [ $SECONDS -lt $end ] || {
            echo "never true: $*"
            return 1
        }
        read -rt 0.1 <>"$tmp/never" || :
    done
}

# No process, socket or folder of a VM is left.
nothing_left() {
    ! pgrep -f 'belljar-(monitor|net)' || return 1
    ! pgrep -x virtiofsd || return 1
    ! pgrep -x belljar-keeper || return 1
    same "" "$("$belljar" ps -aq)"
}

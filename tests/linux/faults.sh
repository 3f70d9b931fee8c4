# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# faults.sh - processes that die, and what is left after everything.

# victim PROCESS WANT: kill -9 it while a container runs.
victim() {
    timeout 120 "$belljar" run --rm --name victim test \
        sh -c 'echo ready; while :; do sleep 1; done' \
        >"$tmp/ready" 2>"$tmp/said" &
    local pid=$! got=0
    until_true 60 grep -q ready "$tmp/ready"
    pgrep -f "$1" | xargs kill -9
    wait $pid || got=$?
    cat "$tmp/said"
    same "$2" "$got"
    until_true 20 nothing_left
}
check "faults: the monitor is killed" victim 'belljar-monitor' 137

cli_dies() {
    "$belljar" run --rm test sh -c 'echo ready; while :; do sleep 1; done' \
        >"$tmp/ready" &
    until_true 60 grep -q ready "$tmp/ready"
    kill -9 $!
    until_true 30 nothing_left
}
check "faults: the terminal is gone" cli_dies

# The stock kernel has the means to crash itself.
guest_panics() {
    local got=0
    run --kernel stock -- sh -c 'echo c >/proc/sysrq-trigger; sleep 60' \
        >"$tmp/said" 2>&1 || got=$?
    cat "$tmp/said"
    same 125 "$got"
    same 1 "$(grep -c '^belljar: ' "$tmp/said")"
}
check "faults: the guest's kernel panics" guest_panics

name_taken() {
    "$belljar" run --name twice test true
    status 125 "$belljar" run --name twice test true
    "$belljar" rm twice
}
check "faults: a name that is taken" name_taken
check "faults: memory too small for the kernel" status 125 \
    run --kernel stock -m 64m -- true
check "faults: nothing is left at the end" nothing_left

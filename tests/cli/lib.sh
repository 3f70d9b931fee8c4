# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# lib.sh - what the tests of the manager's processes share.  $build and $work
# are set; $root, the store, lies in $work.

export BELLJAR_LIBDIR=$work/lib BELLJAR_ROOT=$root
mkdir -p "$work/lib/kernels/minimal"
cp "$build/tests/cli/fake_monitor" "$work/lib/belljar-monitor"
cp "$build/belljar-net" "$build/belljar-switch" "$work/lib/"
echo ok >"$work/lib/kernels/minimal/vmlinux"
echo cpio >"$work/lib/initrd.cpio"

# This test's own processes: those whose program lies in $work or that have
# its root in their environment.
ours() {
    local p
    for p in /proc/[0-9]*; do
        case $(readlink "$p/exe" 2>/dev/null) in
        "$work"/*) echo "${p#/proc/}" ;;
        "$build/belljar")
            tr '\0' '\n' <"$p/environ" 2>/dev/null |
                grep -qx "BELLJAR_ROOT=$root" && echo "${p#/proc/}"
            ;;
        esac
    done
}

finish() {
    local p
    for p in $(ours) $server; do kill -9 "$p" 2>/dev/null; done
    rm -rf "$work"
}
trap finish EXIT

# no KVM is used, so any machine with a /dev/kvm to open will do
# EXEC=exec: in a subshell that is to become belljar
bj() { ${EXEC:-} "$build/belljar" "$@"; }
run() { bj run --no-kvm-check --network none "$@"; }

check() {
    local what=$1
    shift
    if "$@"; then
        passed=$((passed + 1))
        echo "ok - $what"
    else
        failed=$((failed + 1))
        echo "not ok - $what"
        sed 's/^/    out: /' "$work/out"
        sed 's/^/    err: /' "$work/err"
    fi
}

# Run, keep both outputs and the status.
try() {
    "$@" >"$work/out" 2>"$work/err" </dev/null
    status=$?
}

is() { [ "$status" = "$1" ]; }
one_line() { [ "$(wc -l <"$work/err")" = 1 ] && grep -qF -- "$1" "$work/err"; }
said() { is "$1" && one_line "$2"; }
# No VM folder but those named; no socket; no process.
nothing_left() {
    [ -z "$(ls "$root/vms" "$root/run/vms" 2>/dev/null | grep -v :)" ] &&
        [ -z "$(ours)" ]
}
# The same, after notes.
said_last() { is 125 && tail -n 1 "$work/err" | grep -qF -- "$1"; }
refused() { said 125 "$1" && nothing_left; }

# Wait for a fact, at most 20 s.
wait_for() {
    local end=$((SECONDS + 20))
    until "$@"; do
        [ $SECONDS -lt $end ] || return 1
        read -rt 0.05 <> <(:)
    done
    true
}

# Start in the background and wait until the container has said "ready".
start() {
    : >"$work/out"
    EXEC=exec "$@" >"$work/out" 2>"$work/err" </dev/null &
    cli=$!
    wait_for grep -q ready "$work/out"
}
reap() {
    wait "$cli" 2>/dev/null
    status=$?
}
# killed COMMAND...: a VM that is up, whose monitor is killed; from outside,
# where it is not process 1.
killed() {
    start "$@" busy hang
    kill -9 "$(field "$(only_vm)" monitor)"
    reap
}
field() { grep -oE "\"$2\": ?[0-9]+" "$root/vms/$1/state.json" | grep -oE '[0-9]+$'; }
only_vm() { ls "$root/vms"; }
none_pending() { grep -qE '^ShdPnd:\s*0+$' "/proc/$1/status"; }
# a zombie whose new parent does not care is dead enough
gone() { [ ! -e "/proc/$1" ] || grep -q '^State:[[:space:]]*Z' "/proc/$1/status"; }

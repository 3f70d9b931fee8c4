#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# rows.sh - is every row of the jail's filters needed, and is there a row for
# every call?  Payload guests make monitors that record what they call
# (recorder.c) do all they can; rows.py compares.  Needs KVM, and root for /run.
set -uo pipefail

cd "$(dirname "$0")/../.." || exit
export BELLJAR_BUILD=${BELLJAR_BUILD:-build}
record=/run/belljar-record
T=$(mktemp -d)
trap 'rm -rf "$T" $record' EXIT

skip() {
    echo "ok 1 - rows of the filters # SKIP $1"
    echo "rows: 0 passed, 0 failed, 1 skipped"
    exit 0
}

{ : <>"${KVM:-/dev/kvm}"; } 2>/dev/null || skip "there is no KVM to open"
{ : >$record && chmod 666 $record; } 2>/dev/null || skip "only root may write /run"

# Do the work of the test suite; what it thinks of it, others ask.
export MONITOR=$BELLJAR_BUILD/escape/lib/belljar-monitor LIMIT=60
tests/guest/run.sh hello disk network sockets_both_ways entropy serial_input \
    pause_and_resume stop_presses_the_power_button kill \
    terminated_by_a_signal message_interrupts control_answers_nonsense \
    disk_at_its_rate rows_of_the_jail >"$T/log" 2>&1 ||
    sed 's/^/# /' "$T/log"
"$BELLJAR_BUILD/escape/rows" >"$T/rows"
[ -z "${KEEP:-}" ] || cp $record "$KEEP"
python3 tests/jail/rows.py "$T/rows" $record main vcpu loop disk

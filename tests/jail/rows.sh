#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# rows.sh - is every row of the jail's filters needed, and is there a row for
# every call?  Guests make monitors that record what they call (recorder.c) do
# all they can: payload guests and hostile ones; frames make belljar-net and belljar-switch; rows.py
# compares.  Needs KVM, root for /run, and the unit tests of 'make check'.
set -uo pipefail

cd "$(dirname "$0")/../.." || exit
B=$PWD/${BELLJAR_BUILD:-build}
record=/run/belljar-record
T=$(mktemp -d)
trap 'rm -rf "$T" $record' EXIT

skip() {
    echo "ok 1 - rows of the filters # SKIP $1"
    echo "rows: 0 passed, 0 failed, 1 skipped"
    exit 0
}

tests/lab/opens || skip "there is no KVM to open"
{ : >$record && chmod 666 $record; } 2>/dev/null ||
    skip "only root may write to /run"

# Do the work of other tests; what those think of it is theirs to say.
work() {
    "$@" >"$T/log" 2>&1 </dev/null || { echo "# $*" && sed 's/^/# /' "$T/log"; }
}

recording=$B/escape/lib/belljar-monitor
mkdir "$T/build" "$T/net"
ln -s "$B/hostile" "$T/build/hostile"
ln -s "$recording" "$T/build/belljar-monitor"
work env "BELLJAR_BUILD=$B" "MONITOR=$recording" LIMIT=200 tests/guest/run.sh \
    hello disk disk_by_threads disk_depth network network_at_its_rate network_on_a_tap \
    offloads_on_a_tap offloads_by_vhost queues_of_a_tap sockets_both_ways entropy memory_given_back \
    serial_input stop_presses_the_power_button kill terminated_by_a_signal \
    control_answers_nonsense statistics_and_a_disk_that_grows
for guest in access msix net end; do
    work env "BELLJAR_BUILD=$T/build" tests/hostile/run.sh $guest
done
for engine in io_uring threads; do
    work env "BELLJAR_BUILD=$T/build" "DISK_OPTIONS=,aio=$engine" \
        tests/hostile/run.sh blk
done

# The network helper with real frames, in network namespaces of its own.
cat >"$T/net/belljar-net" <<END
#!/bin/bash
exec unshare -m '$B/escape/lib/belljar-net' --jail=auto,born "\$@"
END
chmod +x "$T/net/belljar-net"
for name in net_slirp_test net_hostile_test net_allow_test; do
    work env "BELLJAR_BUILD=$T/net" build-san/tests/unit/$name
done

# The switch, with VMs that come and go.
work python3 tests/jail/switch.py unshare -m "$B/escape/lib/belljar-switch" \
    --jail=auto,born

"$B/escape/rows" >"$T/rows"
[ -z "${KEEP:-}" ] || cp $record "$KEEP"
python3 tests/jail/rows.py "$T/rows" $record main vcpu loop disk \
    disk_uring net switch

#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# run.sh [GUEST...] - the hostile guest suite on this machine's KVM, in the lab
# where there is none; see README.md.
#
# BELLJAR_BUILD says which build (default build-san), KVM which device, and
# MONITOR_OPTIONS what else the monitor gets, as in '--jail=required'.
set -uo pipefail

cd "$(dirname "$0")/../.." || exit
KVM=${KVM:-/dev/kvm}

skip_all() {
    echo "ok 1 - hostile guests # SKIP $1"
    echo "hostile: 0 passed, 0 failed, 1 skipped"
    exit 0
}

# Each guest in an L1 of its own, which has 10 minutes.
in_the_lab() {
    local guest passed=0 failed=0 log
    log=$(mktemp)
    trap 'rm -f "$log"' EXIT
    for guest; do
        tests/lab/run --memory 2048 --cpus 1 -- env "MONITOR_OPTIONS=${MONITOR_OPTIONS:-}" \
            tests/hostile/run.sh "$guest" 2>&1 | tee "$log"
        if read -r _ p _ f _ < <(grep '^hostile: [0-9]* passed' "$log"); then
            passed=$((passed + p)) failed=$((failed + f))
        else
            echo "not ok - $guest: the lab gave no totals"
            failed=$((failed + 1))
        fi
    done
    echo "hostile: $passed passed, $failed failed, 0 skipped"
    [ "$failed" = 0 ]
    exit
}

if [ ! -c "$KVM" ] && [ -z "${BELLJAR_LAB:-}" ]; then
    echo "# there is no $KVM: in the lab" >&2
    [ $# -gt 0 ] || set -- ring setup access blk msix net vsock flood race end
    in_the_lab "$@"
fi
[ -c "$KVM" ] || skip_all "there is no $KVM on this machine"
tests/lab/opens || skip_all "no permission to open $KVM"
export KVM
exec python3 -B tests/hostile/suite.py "${BELLJAR_BUILD:-build-san}" "$@"

#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# check.sh [PART...] - make check: every test, or the parts named.
#
#   unit     cmocka tests, with ASan and UBSan; belljar-net in namespaces
#   prove    vq.c and gmem.c by enumeration ('make prove' adds mutants)
#   fuzz     the corpora of tests/fuzz again ('make fuzz' goes on from there)
#   payload  freestanding guests on KVM; the monitor with ASan and UBSan
#   escape   a guest that won tries to leave the monitor; are the rows of the
#            jail's filters those that are needed?
#   hostile  payload guests that break the rules, beside one that does not, in
#            the lab where KVM is missing ('make hostile' has ring, race, msix
#            too; tests/hostile/linux/run.sh is a Linux guest that does so)
#   cli      the manager's processes: who dies, who cleans up
#   compare  `belljar compare`: suite and commands, bare and in containers
#   report   the report of belljar compare in headless Chromium
#   linux    Linux guests, where KVM runs them: here, else in the lab
#   vfio     guests with devices of the host, in the lab, which has an IOMMU
#
# Each part prints "ok" and "not ok" lines and closes with its totals.
set -uo pipefail

cd "$(dirname "$0")/.."
parts=("$@")
all=(unit prove fuzz payload escape hostile cli compare report linux vfio)
[ $# -gt 0 ] || parts=("${all[@]}")
passed=0 failed=0 skipped=0
log=$(mktemp)
trap 'rm -f "$log"' EXIT

# Where a KVM opens: here, or in the lab.  Tests that need no Linux guest run on
# any KVM, also on one that emulates ring 0.  One processor is enough for them,
# and QEMU's emulation loses no interrupt between processors then.
somewhere() {
    local limit=$1 status=0 said
    shift
    if tests/lab/opens; then
        "$@"
        return
    fi
    said=$(mktemp)
    tests/lab/run --timeout "$limit" --cpus 1 --memory 2048 "$@" 2> >(tee "$said" >&2) ||
        status=$?
    if [ $status = 124 ] && grep -q '^lab: killed after' "$said"; then
        echo "check: the L1 was lost; once more: $*"
        status=0
        tests/lab/run --timeout "$limit" --cpus 1 --memory 2048 "$@" ||
            status=$?
    fi
    rm -f "$said"
    return $status
}

# Hundreds of commands with sanitizers: too many for the lab.
with_kvm() {
    local what=$1
    shift
    if tests/lab/opens; then
        "$@"
    else
        echo "ok 1 - $what # SKIP there is no /dev/kvm to open"
        echo "cli: 0 passed, 0 failed, 1 skipped"
    fi
}

# Run one part; its last "N passed, N failed[, N skipped]" line counts.
part() {
    local name=$1 begin=$SECONDS line
    shift
    echo "== $name"
    "$@" 2>&1 | tee "$log"
    local status=${PIPESTATUS[0]}
    line=$(grep -oE '[0-9]+ passed, [0-9]+ failed(, [0-9]+ skipped)?' "$log" |
        tail -n 1)
    if [ -n "$line" ]; then
        read -r p _ f _ s _ <<<"$line"
        passed=$((passed + p)) failed=$((failed + f))
        skipped=$((skipped + ${s:-0}))
        [ "$status" = 0 ] || [ "$f" != 0 ] || failed=$((failed + 1))
    else
        failed=$((failed + 1))
        echo "not ok - $name ended with status $status and no totals"
    fi
    echo "== $name: $((SECONDS - begin)) s"
}

# Reproducers by gcc, then a short pass of libFuzzer where there is one.
fuzz() {
    tests/fuzz/run.sh replay build-san
}

for p in "${parts[@]}"; do
    case $p in
    unit) part unit tests/unit/run.sh build-san ;;
    prove) part prove tests/prove/run.sh build-san quick ;;
    fuzz) part fuzz fuzz ;;
    payload)
        part payload somewhere 900 env BELLJAR_BUILD=build-san \
            tests/guest/run.sh
        ;;
    escape)
        part escape somewhere 600 tests/jail/escape.sh
        part rows somewhere 900 tests/jail/rows.sh
        ;;
    hostile)
        part hostile env BELLJAR_BUILD=build tests/hostile/run.sh \
            setup access blk net vsock flood end
        ;;
    cli)
        part cli with_kvm "processes of the manager" env \
            BELLJAR_BUILD=build-san tests/cli/run.sh
        ;;
    compare)
        part compare env BELLJAR_BUILD=build-san tests/cli/compare.sh
        ;;
    report) part report env BELLJAR_BUILD=build-san tests/compare/report.sh ;;
    linux) part linux tests/linux/run.sh ;;
    vfio) part vfio tests/vfio/run.sh ;;
    *)
        echo "check: no part '$p'; there are ${all[*]}" >&2
        exit 2
        ;;
    esac
done

echo "check: $passed passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ] && [ "$passed" -gt 0 ]

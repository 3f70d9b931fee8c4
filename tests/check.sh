#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# check.sh [PART...] - make check: every test, or the parts named.
#
#   unit     cmocka tests, with ASan and UBSan; belljar-net in namespaces
#   prove    vq.c and gmem.c by enumeration ('make prove' adds mutants)
#   fuzz     the corpora of tests/fuzz again, and 2 s of libFuzzer for each target
#   payload  freestanding guests on KVM; the monitor with ASan and UBSan
#   escape   a guest that won tries to leave the monitor; are the rows of the
#            jail's filters those that are needed?
#   hostile  payload guests that break the rules, beside one that does not
#   cli      the manager's processes: who dies, who cleans up
#   compare  `belljar compare`: suite and commands, bare and in containers
#   report   the report of belljar compare in headless Chromium
#   linux    Linux guests, where KVM runs them: here, else in the lab
#   vfio     guests with devices of the host, in the lab, which has an IOMMU
#
# Those from payload on run where a KVM is, else in the lab, two at once.  Each
# part prints "ok" and "not ok" lines and closes with its totals.
set -uo pipefail

cd "$(dirname "$0")/.."
parts=("$@")
all=(unit prove fuzz payload escape hostile cli compare report linux vfio)
[ $# -gt 0 ] || parts=("${all[@]}")
. tests/lab/totals.sh
log=$(mktemp)
trap 'rm -f "$log"' EXIT

# Run one part, and count.
part() {
    local name=$1 begin=$SECONDS
    shift
    echo "== $name"
    "$@" 2>&1 | tee "$log"
    totals "$log" "${PIPESTATUS[0]}" "$name"
    echo "== $name: $((SECONDS - begin)) s"
}

# Reproducers by gcc, then a short pass of libFuzzer where there is one.
fuzz() {
    tests/fuzz/run.sh replay build-san || return
    if echo 'int LLVMFuzzerTestOneInput(void) { return 0; }' |
        clang -x c -fsanitize=fuzzer - -o /dev/null 2>/dev/null; then
        make --no-print-directory -s fuzz T=2
    else
        echo "# libFuzzer is not installed: replayed only"
    fi
}

# What guests do: lines for tests/lab/pool.
guests() {
    local anywhere=tests/lab/somewhere guest

    case $1 in
    payload)
        echo "payload $anywhere --timeout 900 env BELLJAR_BUILD=build-san" \
            "tests/guest/run.sh"
        ;;
    escape)
        echo "escape $anywhere tests/jail/escape.sh"
        echo "rows $anywhere --timeout 900 tests/jail/rows.sh"
        ;;
    hostile)
        for guest in ring setup access blk balloon fs mem msix \
            net net_tap net_vhost vsock flood race end; do
            echo "hostile-$guest $anywhere env BELLJAR_BUILD=build" \
                "tests/hostile/run.sh $guest"
        done
        ;;
    cli)
        echo "cli $anywhere --timeout 1500 env BELLJAR_BUILD=build" \
            "tests/cli/run.sh"
        ;;
    linux) tests/linux/run.sh --list ;;
    vfio) tests/vfio/run.sh --list ;;
    esac
}

lines=()
for p in "${parts[@]}"; do
    case $p in
    unit) part unit tests/unit/run.sh build-san ;;
    prove) part prove tests/prove/run.sh build-san quick ;;
    fuzz) part fuzz fuzz ;;
    payload | escape | hostile | cli | linux | vfio)
        mapfile -t -O ${#lines[@]} lines < <(guests "$p")
        ;;
    compare) part compare env BELLJAR_BUILD=build-san tests/cli/compare.sh ;;
    report) part report env BELLJAR_BUILD=build-san tests/compare/report.sh ;;
    *)
        echo "check: no part '$p'; there are ${all[*]}" >&2
        exit 2
        ;;
    esac
done
if [ ${#lines[@]} -gt 0 ]; then
    part guests tests/lab/pool < <(printf '%s\n' "${lines[@]}")
fi
if [[ " ${parts[*]} " == *" vfio "* ]]; then
    part "rows with devices" tests/vfio/rows.sh
fi

echo "check: $passed passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ] && [ "$passed" -gt 0 ]

#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# run.sh BUILD [quick] - make prove: the enumerations, and the mutants that they
# must notice.  BUILD holds the programs, with sanitizers.  quick: only the
# enumerations.
set -uo pipefail

cd "$(dirname "$0")/../.."
build=$1 quick=${2:-}
out=$(mktemp)
trap 'rm -f "$out"' EXIT
passed=0 failed=0

# Lines "ok" and "not ok" count; a command that fails without one counts too.
count() {
    local what=$1 bad
    shift
    "$@" 2>&1 | tee "$out"
    local status=${PIPESTATUS[0]}
    bad=$(grep -c '^not ok' "$out")
    passed=$((passed + $(grep -c '^ok' "$out")))
    if [ "$status" != 0 ] && [ "$bad" = 0 ]; then
        bad=1
        echo "not ok - $what ended with status $status"
    fi
    failed=$((failed + bad))
}

count gmem_enum timeout 300 "$build/tests/prove/gmem_enum"
count vq_enum timeout 300 "$build/tests/prove/vq_enum" deep
if [ "$quick" != quick ]; then
    count mutants tests/prove/mutants.sh "$build"
fi

echo "prove: $passed passed, $failed failed"
[ "$failed" = 0 ] && [ "$passed" -gt 0 ]

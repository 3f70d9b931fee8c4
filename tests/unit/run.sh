#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# run.sh BUILDDIR - run every unit test there and add up what cmocka says.
set -uo pipefail

cd "$(dirname "$0")/../.."
build=${1:?usage: run.sh BUILDDIR}
passed=0 failed=0 skipped=0
export BELLJAR_BUILD=$build

# cmocka closes each group with "[  PASSED  ] 5 test(s)." and the like.
count() {
    grep -E "^\[ +$1 +\] [0-9]+ test" <<<"$text" |
        awk -F'] ' '{ n += $2 } END { print n + 0 }'
}

for source in tests/unit/*_test.c; do
    name=$(basename "$source" .c)
    text=$(timeout 300 "$build/tests/unit/$name" 2>&1)
    status=$?
    p=$(count PASSED) s=$(count SKIPPED) f=$(count FAILED)
    if [ "$status" = 0 ]; then
        echo "ok - $name: $p tests"
    else
        [ "$f" -gt 0 ] || f=1 # it died before it could say so
        printf '%s\n' "$text"
        echo "not ok - $name: status $status"
    fi
    passed=$((passed + p)) skipped=$((skipped + s)) failed=$((failed + f))
done

echo "unit: $passed passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ]

# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# totals.sh - to be sourced: what a command's output says of its tests.

passed=0 failed=0 skipped=0

# totals LOG STATUS NAME: the last "N passed, N failed[, N skipped]" of LOG is
# added; a STATUS that no failure explains, or no such line, is a failure.
totals() {
    local line p f s

    line=$(grep -aoE '[0-9]+ passed, [0-9]+ failed(, [0-9]+ skipped)?' "$1" |
        tail -n 1)
    if [ -z "$line" ]; then
        echo "not ok - $3: ended with status $2 and no totals"
        failed=$((failed + 1))
        return
    fi
    read -r p _ f _ s _ <<<"$line"
    passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + ${s:-0}))
    if [ "$2" != 0 ] && [ "$f" = 0 ]; then
        echo "not ok - $3: ended with status $2"
        failed=$((failed + 1))
    fi
}

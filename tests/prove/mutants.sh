#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# mutants.sh BUILD [TEXT] - take each check of mutants.txt out of a copy of its file
# in turn: the enumeration must fail.  One that passes proves nothing.  BUILD
# holds the programs, with sanitizers.  TEXT: only lines that contain it.
set -uo pipefail

cd "$(dirname "$0")/../.."
build=$1 only=${2:-}
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
export ASAN_OPTIONS=detect_leaks=0:abort_on_error=0

flags=(-std=gnu17 -D_GNU_SOURCE "-I$dir" -I. -w -O1
    -fsanitize=address,undefined -fno-sanitize-recover=undefined -fPIE)
objects=(vq_enum.o choice.o guest.o model.o)
passed=0 failed=0

not_ok() {
    failed=$((failed + 1))
    echo "not ok - mutant: $1"
}

# Compile the mutant, and link it with what is built already.
link() {
    case $2 in
    vq_enum)
        gcc "${flags[@]}" -c tests/prove/hooked.c -o "$dir/mutant.o" &&
            gcc "${flags[@]}" "$dir/mutant.o" \
                "${objects[@]/#/$build/tests/prove/}" "$build/libcore.a" \
                "$build/liblib.a" -lpthread -o "$dir/program"
        ;;
    gmem_enum)
        gcc "${flags[@]}" -c "$dir/$1" -o "$dir/mutant.o" &&
            gcc "${flags[@]}" "$dir/mutant.o" \
                "$build"/tests/prove/{gmem_enum,choice}.o \
                "$build/libcore.a" "$build/liblib.a" -lpthread \
                -o "$dir/program"
        ;;
    esac
}

# It fails, or a sanitizer, an assertion or the MMU ends it.
notices() {
    local status
    { timeout 60 "$1" >"$dir/out" 2>&1; } 2>/dev/null
    status=$?
    [ $status != 0 ] && [ $status != 124 ]
}

while IFS='|' read -r file program what change; do
    file=${file// /} program=${program// /}
    what=${what# } what=${what% }
    [[ $file = '#'* || -z $file ]] && continue
    [[ $what = *"$only"* ]] || continue
    rm -rf "${dir:?}"/*
    mkdir -p "$dir/$(dirname "$file")"
    if ! perl -0pe "${change# }" "$file" >"$dir/$file"; then
        not_ok "$what: bad substitution"
    elif cmp -s "$file" "$dir/$file"; then
        not_ok "$what: $file has no such line any more"
    elif ! link "$file" "$program" 2>"$dir/errors"; then
        head -n 3 "$dir/errors"
        not_ok "$what: does not compile"
    elif notices "$dir/program"; then
        passed=$((passed + 1))
    else
        not_ok "$what: $program did not notice, or did not end"
    fi
done < <(sed '/^#/d' tests/prove/mutants.txt)

[ "$failed" != 0 ] || echo "ok - mutants: all $passed were noticed"
[ "$failed" = 0 ] && [ "$passed" -gt 0 ]

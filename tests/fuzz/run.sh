#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# run.sh SECONDS [TARGET...] - run each fuzz target, or those named, for
# SECONDS under libFuzzer (build-fuzz/), beginning with its corpus.
# run.sh replay BUILDDIR      - only replay the corpora, with gcc's build.
#
# FUZZ_CORPUS=DIR keeps what was found interesting in DIR/TARGET and begins
# there the next time.  Inputs that break something are build-fuzz/found/*.
set -uo pipefail

cd "$(dirname "$0")/../.."
seconds=${1:?usage: run.sh SECONDS [TARGET...] | run.sh replay BUILDDIR}
shift
memory=512  # MiB that a target may take
patience=${PATIENCE:-5} # seconds for one input; more where others are busy
longest=4096 # bytes of one
passed=0 failed=0
export CMOCKA_TEST_ABORT=1
export ASAN_OPTIONS=${ASAN_OPTIONS:-detect_leaks=1}

count() { # NAME STATUS WHAT
    if [ "$2" = 0 ]; then
        passed=$((passed + 1))
        echo "ok - $1: $3"
    else
        failed=$((failed + 1))
        echo "not ok - $1: $3"
    fi
}

finish() {
    echo "fuzz: $passed passed, $failed failed"
    [ "$failed" = 0 ] && [ "$passed" -gt 0 ]
    exit
}

targets() { # DIR: of the sources, so that one that was not built fails
    for source in tests/fuzz/*_fuzz.c; do
        basename "$source" _fuzz.c
    done
}

if [ "$seconds" = replay ]; then
    build=${1:?usage: run.sh replay BUILDDIR}
    for name in $(targets); do
        text=$("$build/tests/fuzz/$name" "tests/fuzz/corpus/$name" 2>&1)
        status=$?
        [ "$status" = 0 ] || tail -n 40 <<<"$text"
        count "$name" "$status" "$(tail -n 1 <<<"$text")"
    done
    finish
fi

build=build-fuzz
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$build/found"

# What libFuzzer said last of executions and coverage.
summary() {
    local text=$1
    awk '/^#[0-9]+.* cov: / { for (i = 1; i < NF; i++)
             if ($i == "cov:") cov = $(i + 1) }
         /stat::number_of_executed_units/ { runs = $2 }
         /stat::average_exec_per_sec/ { rate = $2 }
         /stat::peak_rss_mb/ { rss = $2 }
         END { printf "%s runs, %s a second, coverage %s, %s MiB",
               runs ? runs : "?", rate ? rate : "?", cov ? cov : "?",
               rss ? rss : "?" }' "$text"
}

[ $# -gt 0 ] || mapfile -t names < <(targets)
[ $# -eq 0 ] || names=("$@")
for name in "${names[@]}"; do
    keep=${FUZZ_CORPUS:-$work}/$name
    mkdir -p "$keep"
    timeout -k 10 $((seconds + 120)) "$build/tests/fuzz/$name" \
        -max_total_time="$seconds" -timeout="$patience" \
        -rss_limit_mb="$memory" -max_len="$longest" -print_final_stats=1 \
        -artifact_prefix="$build/found/$name-" \
        "$keep" "tests/fuzz/corpus/$name" >"$work/log" 2>&1
    status=$?
    if [ "$status" != 0 ]; then
        grep -vE '^(#|INFO|\s*NEW_FUNC)' "$work/log" | tail -n 60
        grep -o 'Test unit written to .*' "$work/log"
    fi
    count "$name" "$status" "$(summary "$work/log")"
done
finish

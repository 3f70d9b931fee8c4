# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# stdio.sh - standard input and output, and the terminal.

streams_apart() {
    run -- sh -c 'echo out; echo err >&2' >"$tmp/out" 2>"$tmp/err"
    same out "$(cat "$tmp/out")"
    same err "$(cat "$tmp/err")"
}
check "stdio: stdout and stderr stay apart" streams_apart

megabytes_through() {
    head -c 3000000 /dev/urandom >"$tmp/data"
    run -i -- cat <"$tmp/data" >"$tmp/back"
    cmp "$tmp/data" "$tmp/back"
}
check "stdio: 3 MB in and out again" megabytes_through
check "stdio: without -i the process reads nothing" prints "" run -- cat

check "stdio: -t without a terminal is refused" status 125 \
    sh -c "$belljar run --rm -it test true </dev/null"
check "stdio: terminal, its size, Ctrl-C" \
    timeout 120 /usr/bin/python3 tests/linux/terminal.py "$belljar"

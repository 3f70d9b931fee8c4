# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# stats.sh - `belljar stats`: rows, formats, monitors that hang or are gone.

head='^NAME +CPU % +MEM USAGE / LIMIT +MEM % +NET I/O +BLOCK I/O +PIDS$'
row() { grep -qE -- "^$1 +$2\$" "$work/out"; } # row NAME REST
lines() { [ "$(wc -l <"$work/out")" = "$1" ]; }
# Each line is JSON, and EXPRESSION holds for the first, called o.
json() { # json EXPRESSION
    python3 -c 'import json, sys
all = [json.loads(line) for line in sys.stdin]
o = all[0]
sys.exit(not ('"$1"'))' <"$work/out"
}

try bj stats
check "stats of no VM: the header" eval 'is 0 && lines 1 && grep -qE "$head" "$work/out"'
try bj stats --format json
check "... as JSON: nothing" eval 'is 0 && lines 0'
try bj stats --format prometheus
check "... for Prometheus: nothing" eval 'is 0 && lines 0'
try bj stats nosuch
check "stats of a VM that is not there" said 125 "there is no VM 'nosuch'"
try bj stats --format xml
check "stats in no format" said 125 "is not one of table, json, prometheus"
try bj stats --devices --format json
check "--devices and a format" said 125 "have all figures anyway"
try bj stats --no-steam
check "an option that is not there" said 125 "did you mean '--no-stream'?"

start run --name box -m 256m busy balloon 100
size='[0-9.]+(|k|M|G|Ki|Mi|Gi)B'
try bj stats --no-stream
check "a row, all known" eval 'is 0 && lines 2 && row box \
    "[0-9.]+% +$size / $size +[0-9.]+% +5B / 6B +[0-9.]+kB / 0B +[1-9][0-9]*"'
try bj stats box nosuch
check "one of two is not there" said 125 "there is no VM 'nosuch'"
try bj stats box "$(only_vm)"
check "named twice, one row" eval 'is 0 && lines 2'
try bj stats --devices
check "--devices: figures" eval 'is 0 && row box "blk0 +read_bytes +[1-9][0-9]*" &&
    row box "vcpu0 +io_exits +3"'
check "... and nothing that a terminal obeys" eval 'row box "blk0 +id +\?\[31m" &&
    ! grep -q "$(printf "\033")" "$work/out"'
try bj stats --format json
check "--format json" eval 'is 0 && json "o[\"Name\"] == \"box\" and \
    o[\"NetIO\"] == \"5B / 6B\" and o[\"CPUPerc\"].endswith(\"%\") and \
    o[\"Stats\"][\"devices\"][\"net0\"][\"rx_bytes\"] == 5 and \
    o[\"Stats\"][\"memory\"] > 0"'
try bj stats --format prometheus
check "--format prometheus" eval 'is 0 &&
    grep -qE "^belljar_device_read_bytes_total\{vm=\"box\",id=\"$(only_vm)\",device=\"blk0\"\} [0-9]+$" "$work/out" &&
    grep -qE "^belljar_vm_up\{vm=\"box\",.* 1$" "$work/out" &&
    grep -qE "^belljar_vm_cpu_seconds_total\{.*\} [0-9]+\.[0-9]{6}$" "$work/out"'

# On a terminal it goes on, and ends with the VM.
script -qfec "'$build/belljar' stats box" "$work/typed" </dev/null >"$work/out2" 2>&1 &
typed=$!
pictures() { [ "$(grep -aoF "$(printf '\033[H')" "$work/typed" 2>/dev/null | wc -l)" -ge "$1" ]; }
check "on a terminal it is drawn again" wait_for pictures 3
kill -INT "$cli"
reap
ends() { ! kill -0 $typed 2>/dev/null; }
check "... until the VM has ended" wait_for ends
wait $typed
check "... with status 0" test $? = 0
check "... and shows that" eval 'tail -n 3 "$work/typed" | grep -aqE "^box +-- +-- / -- +-- +-- / --"'
try bj stats
check "a VM that has ended is not shown" lines 1
try bj stats -a
check "... with -a it is" eval 'is 0 && row box "-- +-- / -- +-- +-- / -- +-- / -- +--"'
try bj stats box
check "... and by its name" eval 'is 0 && row box "-- +-- / -- .*"'
try bj rm box

# "hang" serves no requests: nobody waits for ever, and what the host knows is
# shown all the same.
start run --name hung busy hang
before=$SECONDS
try bj stats --no-stream
check "a monitor that hangs" eval 'is 0 && row hung \
    "[0-9.]+% +$size / $size +[0-9.]+% +-- / -- +-- / -- +[1-9][0-9]*"'
try bj stats --devices
check "... has no figures" row hung "-- +-- +--"
try bj stats --format prometheus
check "... is down" grep -qE '^belljar_vm_up\{vm="hung",.* 0$' "$work/out"
check "... and it took seconds" test $((SECONDS - before)) -lt 60
run=$(bj ps --format json | sed -n 's/.*"run": *"\(.*\)".*/\1/p' | tr -d '\\')
mv "$run/control.sock" "$work/control.sock"
try bj stats --no-stream
check "a VM without its socket" row hung ".* -- / -- +-- / -- .*"
kill -9 "$(field "$(only_vm)" monitor)"
reap
try bj stats hung
check "a VM that was killed" eval 'is 0 && row hung "-- +-- / -- .*"'
try bj rm hung
check "nothing is left after stats" nothing_left

# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2154
#
# untrusted.sh - --profile untrusted and --record on the command line: what is
# planned, passed on and refused, and records that survive whatever ends a VM.

has() { grep -qF -- "$1" "$work/out"; }
# says FILE KEY VALUE, one line of JSON
says() { grep -qE "^ *\"$2\": ?$3,?\$" "$1"; }
only_record() { ls "$root/records"; }

## The plan
try bj run --dry-run --profile untrusted --serial busy
cp "$work/out" "$work/plan"
check "untrusted: the plan" is 0
for line in 'profile "untrusted"' 'network "none"' 'jail "required"' \
    'read_only true' 'required true' 'timeout 3600' 'log_max 16777216' \
    'cpus 1.0' 'disk_bps 104857600' 'disk_iops 2000' 'console_bps 65536' \
    "record \"$root/records/[0-9a-f]{12}.json\""; do
    check "... $line" says "$work/plan" "${line%% *}" "${line#* }"
done
check "... nothing is made" test ! -e "$root/records"
try run --dry-run --profile safe busy
check "an unknown profile" refused "there is no profile 'safe'; these exist: untrusted"
try bj run --dry-run --profile untrusted --network user busy
check "a network without a list" refused "--network user contradicts"
try bj run --dry-run --profile untrusted --jail auto busy
check "a weaker jail" refused "--jail auto contradicts"
try bj run --dry-run --profile untrusted -p 80 busy
check "a published port" refused "-p 80 contradicts"

## Records
echo refuse >"$work/refuse"
try run --rm --record "$work/r.json" -e SECRET=word busy exit 3
check "record: the status is the command's" is 3
check "... and in it" says "$work/r.json" status 3
check "... with an end" says "$work/r.json" finished '"20[^"]*Z"'
check "... names of variables, no values" \
    eval 'grep -q "\"SECRET\"" "$work/r.json" && ! grep -q word "$work/r.json"'
check "... readable by its owner alone" test "$(stat -c %a "$work/r.json")" = 600
check "... nothing else is left" nothing_left
(cd "$work" && try run --rm --record rel.json busy exit 0)
check "record: a relative path is the user's" says "$work/rel.json" status 0
try run --record "$work/none/r.json" busy
check "record: no directory" refused "the record of the run cannot be written"
mkfifo "$work/fifo"
try run --record "$work/fifo" busy
check "record: a pipe or a device stays one" refused "is there and not a plain file"
check "... indeed" test -p "$work/fifo"
try run --rm --record "$work/r.json" --kernel "$work/refuse" busy
check "record: a VM that never ran" said 125 "is not a kernel"
check "... is in it with the sentence" grep -q '"error": *".*is not a kernel' "$work/r.json"

start run --rm --record "$work/r.json" busy hang
check "record: while it runs, no end" says "$work/r.json" finished null
kill -9 "$(field "$(only_vm)" keeper)"
reap
check "record: a killed keeper leaves it open" says "$work/r.json" finished null
try bj ps
check "... the next command closes it" says "$work/r.json" status 125
check "... and says why" grep -q 'the keeper of the VM was killed' "$work/r.json"

mkdir "$work/gone"
start run --rm --record "$work/gone/r.json" busy hang
rm -r "$work/gone"
kill -INT "$cli"
reap
check "record: one that vanishes is a note" \
    grep -q "the record of the run cannot be written" "$work/err"
check "... and nothing is left" nothing_left

## The whole, where this host has all walls and limits
try run --rm --profile untrusted busy argv
if is 0; then
    check "untrusted: no network, no layer" \
        eval '! grep -qE "^--net|id=layer" "$work/out"'
    check "... the disk has its rates" \
        grep -q 'id=image,bps=104857600,iops=2000$' "$work/out"
    record=$root/records/$(only_record)
    check "... a record of its own" says "$record" profile '"untrusted"'
    check "... in a directory of its own" \
        test "$(stat -c %a "$root/records" "$record" | tr '\n' ' ')" = "700 600 "
    check "... it survives --rm" nothing_left
    try run --rm --profile untrusted busy exit 7
    check "... one for each run" test "$(only_record | wc -l)" = 2
else
    # Refusing is the other right answer: one sentence, and nothing left.
    check "untrusted: a host without a wall or a limit is refused" \
        eval 'is 125 && [ "$(wc -l <"$work/err")" = 1 ] && nothing_left'
    echo "ok - untrusted: the whole # SKIP $(cat "$work/err")"
fi
rm -rf "$root/records"

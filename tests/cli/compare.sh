#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# compare.sh - `belljar compare` where no KVM is needed: real runs of the
# built-in suite and of commands, bare and in containers, what it refuses, how
# it is interrupted, and that nothing stays behind.  GPUs: gpu_rows.sh.
set -uo pipefail

cd "$(dirname "$0")/../.."
build=$PWD/${BELLJAR_BUILD:-build}
work=$(mktemp -d)
root=$work/s
passed=0 failed=0 skipped=0 server=''

. tests/cli/lib.sh

mkdir -p "$work/lib/compare"
ln -s "$build/compare/image" "$work/lib/compare/image"
compare() { bj --kvm "$work/nokvm" compare "$@"; }
kept() { echo "$root"/compare/*.json; }
# value FILE PYTHON: of the document d
value() { python3 -c 'import json, sys; d = json.load(open(sys.argv[1]))
rows = {r["name"]: r for r in d["rows"]}
print('"$2"')' "$1"; }
tidy() {
    ! grep -qF "$root" /proc/self/mountinfo || return 1
    [ -z "$(find /sys/fs/cgroup -name 'belljar-compare-*' 2>/dev/null)" ] ||
        return 1
    ! ip -o link | grep -qE ': bjc61[0-9a-f]{5}@' || return 1
    [ -z "$(ls "$root/tmp" 2>/dev/null)" ] || return 1
    [ -z "$(ours)" ] && ! pgrep -f "$root/tmp/" >/dev/null
}
# Everything that needs root and a runtime.
peers=bare
for p in runc crun; do
    command -v $p >/dev/null && peers+=,$p
done

## What it refuses
tests/cli/image.sh busy:latest '{"Cmd":["sh","-c","exit 3"],"Env":["A=b"]}' |
    bj load >"$work/out" 2>"$work/err" || exit 1
try compare --with bare,rnuc
check "unknown peer, with a suggestion" said 125 "did you mean 'runc'?"
try compare --with ,
check "no peer at all" said 125 "name a peer"
try compare --suite fast
check "unknown suite" said 125 "there are quick, full, training and gpu"
try compare --runs 0
check "no runs" said 125 "--runs: 0 is outside 1..1000"
try compare --runs many
check "runs that are no number" said 125 "--runs"
try compare --format html
check "a format that is a report" said 125 "--report FILE.html"
try compare --suite quick busy
check "a suite and an image" said 125 "leave it out, or the image 'busy'"
try compare --from "$work/none" busy
check "an earlier result and an image" said 125 "--from measures nothing"
try compare --agree "$work/none"
check "--agree alone" said 125 "needs --from FILE"
try compare --from "$work/none"
check "a result that is not there" said 125 "$work/none"
echo '{"version":1' >"$work/bad"
try compare --from "$work/bad"
check "a result that is none" said 125 "$work/bad"
try compare nosuch true
check "unknown image" said_last "no image 'nosuch'"
try compare --report "$work/none/x.html" busy true
check "a report that cannot be written" said_last "write '$work/none/x.html'"
try compare --output /proc/none busy true
check "samples that cannot be kept" said_last "write '/proc/none'"
try compare -m 8m busy true
check "too little memory" said_last "too few for a VM"
try compare -m 4000g busy true
check "more memory than there is" said_last "this machine has less"
try compare --with belljar,qemu busy true
check "no KVM: nobody is left" said_last "belljar: there is no '$work/nokvm'"
PATH=/usr/sbin:/usr/bin:/sbin:/bin
mkdir "$work/bin"
for tool in rdsquashfs tar2sqfs mke2fs; do
    ln -s "$(command -v $tool)" "$work/bin/"
done
try env PATH="$work/bin" "$build/belljar" compare --with runc,crun,gvisor \
    busy true
check "no container runtime" said_last "'runc' is not installed; install runc"
rm "$work/lib/compare/image"
try compare
check "no built-in image" said_last "the built-in image"
ln -s "$build/compare/image" "$work/lib/compare/image"
check "refusals leave nothing" tidy

if [ "$(id -u)" != 0 ]; then
    try compare --with bare,runc busy true
    check "without root" said_last "needs root"
    echo "compare: $passed passed, $failed failed, 1 skipped"
    [ "$failed" = 0 ]
    exit
fi

## A command
rm -rf "$root/compare"
try compare --runs 2 --with "$peers,belljar" busy sh -c 'echo $A; sleep 0.3; head -c 9 /dev/zero'
check "a command" is 0
check "... says where the samples are" grep -qF "samples are in '$root/" "$work/err"
check "... says what it does" grep -qx 'round 2 of 2: command: bare' "$work/err"
f=$(kept)
for p in ${peers//,/ }; do
    check "... $p: two samples of each row" test "$(value "$f" \
        "[len(rows[r]['samples']['$p']) for r in ('job.time', 'job.first', 'job.cpu', 'job.memory')]")" = '[2, 2, 2, 2]'
done
check "... first output comes before the end" test "$(value "$f" \
    "min(rows['job.time']['samples']['bare']) > min(rows['job.first']['samples']['bare']) > 0")" = True
check "... belljar is absent, and why" test "$(value "$f" \
    "[p['absent'][:11] for p in d['peers'] if p['name'] == 'belljar']")" = "['there is no']"
check "... rounds, machine, time" test "$(value "$f" \
    "d['done'], d['partial'], d['machine']['processors'] > 0, len(d['begun'])")" = '2 False True 20'
check "nothing is left after it" tidy

try compare -q --runs 1 --with "$peers" busy
check "the image's own command; its status is the same in all" is 0
check "... -q" test "$(wc -l <"$work/err")" = 1
try compare --runs 1 --with bare busy true
check "one peer" grep -q 'nothing to compare it with' "$work/err"
try compare -q --runs 1 --format json --with "$peers" busy sh -c 'echo "as $$" >&2; [ $$ != 1 ]'
check "a command that fails in containers only" is 0
value "$work/out" "[rows['job.time']['failed'].get(p) for p in ('bare', 'runc')], rows['job.time']['samples'].keys()" >"$work/out2"
[ "$peers" = bare ] || check "... is said to, with its last words" grep -qxF \
    "[None, 'ended with status 1: as 1'] dict_keys(['bare'])" "$work/out2"
try compare -q --runs 1 --with "$peers" busy nosuchprogram
check "a command that is nowhere" is 125
check "... is no measurement" grep -q 'no measurement succeeded' "$work/err"

# Who has other ids, variables and directories sees them everywhere.
tests/cli/image.sh user:latest \
    '{"User":"user","WorkingDir":"/var/x","Env":["A=b"],"Entrypoint":["sh","-c"]}' |
    bj load >"$work/out" 2>"$work/err"
try compare -q --runs 1 --with "$peers" user \
    'test "$(id -u) $(id -g) $PWD $A" = "1000 1000 /var/x b"'
check "user, directory, variables, entry point" is 0
try compare -q --runs 1 --format json --with "$peers" user \
    'test "$(id -u) $(id -g) $PWD $A" = "1000 1000 /var/x b" && echo yes'
check "... are the image's in all" test "$(value "$work/out" \
    "sorted(rows['job.first']['samples']) == sorted('$peers'.split(','))")" = True

## The suite
rm -rf "$root/compare"
try compare --runs 1 --with "$peers" --report "$work/page.html"
check "the quick suite" is 0
f=$(kept)
check "... every row has samples or a reason" test "$(value "$f" \
    "[(n, p) for n, r in rows.items() for p in '$peers'.split(',') if not r.get('empty') and not r['samples'].get(p) and not r['failed'].get(p)]")" = '[]'
check "... and none failed" test "$(value "$f" \
    "[(n, r['failed']) for n, r in rows.items() if r.get('failed')]")" = '[]'
check "... a container has more system calls than none" test "$(value "$f" \
    "20 < rows['isolation.calls']['samples']['bare'][0] < 200")" = True
check "... what was freed comes back" test "$(value "$f" \
    "rows['memory.back']['samples']['bare'][0] > 90")" = True
check "... GPU rows say why they are empty" test "$(value "$f" \
    "rows['gpu.step']['empty']")" = 'no GPU was asked for: --gpus'
check "... a report" grep -q '<svg' "$work/page.html"
check "nothing is left after the suite" tidy

## Printed again
cp "$f" "$work/kept.json"
for format in table csv markdown json; do
    try compare --from "$work/kept.json" --format $format
    check "--from, as $format" is 0
    check "... has a row" grep -qE 'getpid' "$work/out"
done
try compare --from "$work/kept.json" --agree "$work/kept.json"
check "a result agrees with itself" is 0

## Interrupted
interrupt() {
    rm -rf "$root/compare"
    : >"$work/err"
    EXEC=exec compare --runs 500 --with "$peers" "${@:2}" >"$work/out" \
        2>"$work/err" </dev/null &
    cli=$!
    wait_for grep -q 'round 2 of' "$work/err"
    kill -s "$1" "$cli"
    reap
}
# busy's command does not end by itself: the job is ended.
interrupt INT busy sh -c 'echo here'
check "Ctrl-C: 130" is 130
check "... keeps what there is, marked" test "$(value "$(kept)" \
    "d['partial'], d['done'] >= 1, d['runs'], len(rows['job.time']['samples']['bare']) >= 1")" = 'True True 500 True'
check "... prints it" grep -q 'start to end' "$work/out"
check "... leaves nothing" tidy
interrupt TERM --suite training
check "SIGTERM: 143" is 143
check "... in the suite: kept and marked" test "$(value "$(kept)" "d['partial']")" = True
check "... leaves nothing" tidy
: >"$work/err"
EXEC=exec compare --runs 3 --with "$peers" busy sh -c \
    'trap "" INT TERM HUP; while :; do sleep 1; done' >"$work/out" 2>"$work/err" </dev/null &
cli=$!
wait_for pgrep -f 'trap "" INT TERM HUP' >/dev/null
kill -INT "$cli"
reap
check "a job that will not end: Ctrl-C ends it" is 130
check "... leaves nothing" tidy
# Printing waits for whoever reads it: a second Ctrl-C does not.
python3 - "$work/err" "$work/again.json" "$build/belljar" --kvm "$work/nokvm" \
    compare --runs 500 --with "$peers" --format json busy sh -c 'echo here' \
    >"$work/out" <<'END'
import fcntl, os, signal, subprocess, sys
log, kept, *command = sys.argv[1:]
reader, writer = os.pipe()
fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, 4096)
os.write(writer, b"x" * 4096)
job = subprocess.Popen([*command[:4], "--output", kept, *command[4:]],
                       stdin=subprocess.DEVNULL, stdout=writer,
                       stderr=subprocess.PIPE, text=True)
with open(log, "w") as copy:
    for line in job.stderr:
        copy.write(line)
        if "round 2 of" in line:
            job.send_signal(signal.SIGINT)
        if "samples are in" in line:
            break
# The pipe is full: it cannot have ended by itself.
job.send_signal(signal.SIGINT)
print(job.wait(timeout=60))
END
check "Ctrl-C while it prints: it ends" test "$(cat "$work/out")" = -2
check "... what there is was kept before" test "$(value "$work/again.json" "d['partial']")" = True
check "... leaves nothing" tidy
: >"$work/err"
EXEC=exec compare --runs 500 --with "$peers" busy sh -c 'sleep 1' >"$work/out" \
    2>"$work/err" </dev/null &
cli=$!
wait_for grep -q 'round 1 of' "$work/err"
kill -9 "$cli"
reap
no_jobs() {
    [ -z "$(find /sys/fs/cgroup -name 'belljar-compare-*' 2>/dev/null)" ] &&
        ! pgrep -f "$root/tmp/" >/dev/null && [ -z "$(ours)" ]
}
check "kill -9: its jobs and their cgroups end too" wait_for no_jobs
check "... no mounts" test -z "$(grep -F "$root" /proc/self/mountinfo)"
try bj images
check "... the next command sweeps its files" test -z "$(ls "$root/tmp")"

. tests/cli/gpu_rows.sh

## What is documented
bj compare --help >"$work/out" 2>"$work/err"
for option in $(grep -oE -- '--[a-z][a-z-]+' "$work/out" | sort -u); do
    grep -qE "Fl ${option#--}( |$)" vmm/manager/belljar.1 ||
        echo "belljar.1: $option"
    [ "$option" = --help ] || grep -q -- "\`$option[ \`]" docs/compare.md ||
        echo "docs: $option"
done >"$work/out2"
check "belljar.1 and docs/compare.md have every option" test ! -s "$work/out2"
python3 - >"$work/out2" <<'END'
import re
names = re.findall(r'"([a-z]+\.[a-z.0-9]+)"', open("vmm/compare/rows.c").read())
text = open("docs/compare.md").read()
print(*[n for n in names if f"`{n}`" not in text and
        not n.endswith((".p90", ".p99"))])
END
check "docs/compare.md has every row" test -z "$(tr -d '\n' <"$work/out2")"

echo "compare: $passed passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ]

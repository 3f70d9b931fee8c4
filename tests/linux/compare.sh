# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# compare.sh - `belljar compare` with VMs beside containers, on a real KVM or an
# emulated one: every row has samples or a named reason, ratios are recorded.
#
# The store lies in memory: overlays need a local file system, and the outer
# one comes over 9p.

compare() {
    BELLJAR_ROOT=$tmp/compare "$belljar" compare "$@"
}

# ask FILE PYTHON: the document is d, its rows by name are rows.
ask() {
    python3 - "$1" "$2" <<'END'
import json, statistics, sys
d = json.load(open(sys.argv[1]))
rows = {r["name"]: r for r in d["rows"]}
here = [p["name"] for p in d["peers"] if not p.get("absent")]
def ratio(row, peer, to):
    r = rows[row]
    a, b = (statistics.median(r["samples"][x]) for x in (peer, to))
    return a / b if r["better"] == "lower" else b / a
exec(sys.argv[2])
END
}

# Each of the peers is here, and each row of each has samples or a reason.
everything_answers() {
    compare --suite quick --runs 3 --with bare,runc,crun,belljar,qemu \
        --output "$out/compare.json" --report "$out/compare.html"
    ask "$out/compare.json" '
assert set(here) == {"bare", "runc", "crun", "belljar", "qemu"}, d["peers"]
silent = [(n, p) for n, r in rows.items() for p in here
          if not r.get("empty") and not r["samples"].get(p)
          and not r.get("failed", {}).get(p)]
assert not silent, silent
for n, r in rows.items():
    for p, why in r.get("failed", {}).items():
        print(f"{n}: {p}: {why}")
core = ["start.first", "start.exit", "memory.first", "memory.more",
        "cpu.integer", "cpu.float", "cpu.matrix", "sys.getpid",
        "block.random", "block.random.cpu", "net.in", "net.out", "net.rtt",
        "isolation.calls", "train.step"]
missing = [(n, p) for n in core for p in ("bare", "belljar")
           if not rows[n]["samples"].get(p)]
assert not missing, missing
assert d["done"] == 3 and not d["partial"]'
}
check "compare: every row of five peers has samples or a reason" \
    everything_answers

# How much slower work without devices is than in the container: on real hardware
# a promise (docs/compare.md); emulated hardware pays for each step of a walk
# through two page tables, so there it is recorded.
ratios() {
    ask "$out/compare.json" '
mine = "belljar"
to = "runc" if rows["train.step"]["samples"].get("runc") else "crun"
for row in ("train.step", "cpu.integer", "cpu.float", "cpu.matrix",
            "ram.copy", "ram.random"):
    r = ratio(row, mine, to)
    print(f"# {row}: belljar is {r:.3f} x {to}")
    most = 1.05 if row == "train.step" else 1.03
    assert d["emulated"] or row.startswith("ram") or r <= most, row' >"$out/ratios"
}
check "compare: work without devices is as fast as in a container" ratios
case compare: in
*$only*) cat "$out/ratios" ;;
esac

fewer_calls() {
    ask "$out/compare.json" '
calls = {p: rows["isolation.calls"]["samples"][p][0] for p in ("bare", "belljar")}
print(calls)
assert 0 < calls["belljar"] < calls["bare"], calls'
}
check "compare: a VM's job makes fewer kinds of system calls" fewer_calls

# The image and command of a person, with statuses that agree.
a_command() {
    mkdir -p "$tmp/compare"
    BELLJAR_ROOT=$tmp/compare "$belljar" load -q -i "$out/image"
    compare --runs 2 --with bare,belljar,qemu --output "$tmp/command.json" \
        test sh -c 'echo hello; sleep 1'
    ask "$tmp/command.json" '
for row in ("job.time", "job.first", "job.cpu", "job.memory"):
    for p in ("bare", "belljar", "qemu"):
        assert len(rows[row]["samples"].get(p, [])) == 2, (row, p, rows[row])'
}
check "compare: a command in each" a_command

# A VM that was ended from outside leaves no folder, cgroup or process.
interrupted() {
    local pid status=0
    mkdir -p "$tmp/compare"
    BELLJAR_ROOT=$tmp/compare "$belljar" load -q -i "$out/image"
    # In none of them does it end.
    compare --runs 50 --with belljar --output "$tmp/part.json" test \
        sh -c 'echo here; read -r x </dev/zero' >"$tmp/part" 2>&1 &
    pid=$!
    until_true 100 pgrep -x belljar-keeper
    kill -INT "$(pgrep -P $pid -x belljar || echo $pid)"
    wait $pid || status=$?
    same 130 $status
    BELLJAR_ROOT=$tmp/compare nothing_left
    same "" "$(find /sys/fs/cgroup -name 'belljar-compare-*')"
    same "" "$(ls "$tmp/compare/tmp")"
    ask "$tmp/part.json" 'assert d["partial"]'
}
check "compare: Ctrl-C with a VM that runs" interrupted

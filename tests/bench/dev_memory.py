# SPDX-License-Identifier: Apache-2.0
"""dev_memory.py - memory: how long until the host has back what a process in
the guest has freed (reporting of free pages), what an idle VM takes outside
its RAM, and how often it wakes by itself."""
import time

from guests import PEERS, Run, VCPU, family, pss, steady, tasks

TOUCH = 512
BACK = 0.95
PATIENCE_S = 90
IDLE_S = 10


def freed(rows, tmp, make):
    job = f"touch:{TOUCH}"
    peer = make(tmp, memory=TOUCH + 256)
    peer.balloon()
    with Run(peer, [job, "wait"], 2 * PATIENCE_S) as run:
        for word, name, _ in run.events():
            if word == "end" and name == job:
                break
        begin = time.monotonic()
        most = pss(run.vm.pid)
        goal = most - BACK * (TOUCH << 20)
        within, took = None, None
        while took is None and time.monotonic() - begin < PATIENCE_S:
            time.sleep(0.1)
            now, held = time.monotonic() - begin, pss(run.vm.pid)
            if within is None and now >= 2:
                within = (most - held) / (TOUCH << 20) * 100
            if held <= goal:
                took = now
    rows.add(f"memory: of {TOUCH} MiB freed, back after 2 s", "%", "higher",
             peer.name, 100 * BACK if within is None else within)
    row = f"memory: until {BACK:.0%} of {TOUCH} MiB are back"
    if took is None:
        rows.leave_out(f"{row}, {peer.name}", f"not within {PATIENCE_S} s")
    else:
        rows.add(row, "s", "lower", peer.name, took)


def wakes(pid):
    """How often threads but vCPUs went to sleep, and so woke."""
    total = 0
    for path, name in tasks(list(family(pid))):
        if VCPU.match(name):
            continue
        with open(f"{path}/status", encoding="ascii") as f:
            total += sum(int(line.split()[1]) for line in f
                         if line.startswith("voluntary_ctxt"))
    return total


def idle(rows, tmp, make):
    peer = make(tmp)
    with Run(peer, ["wait"]) as run:
        for word, _, _ in run.events():
            if word == "begin":
                break
        time.sleep(1)
        before = wakes(run.vm.pid)
        time.sleep(IDLE_S)
        rows.add("memory: idle, wake-ups of threads but vCPUs", "/s", "lower",
                 peer.name, (wakes(run.vm.pid) - before) / IDLE_S)


def measure(rows, tmp, lab, runs):
    for _ in range(1 if lab else runs):
        for make in PEERS:
            steady(idle, rows, tmp, make)
            steady(freed, rows, tmp, make)

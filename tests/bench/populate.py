#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""populate.py [--mib N] [--rounds N] [--threads N...] - allocating guest RAM.

Populates N MiB of guest RAM (1024) with gmem_populate(), by 1, 2, 4... threads
up to one for each processor, of pages of 4 KiB and of huge pages of 2 MiB, in
turns, so that a change of the machine's load meets all.  Prints a table of
medians, and in brackets the least and the most.  Huge pages are left out when
the host's pool has too few; it is not changed.
"""
import argparse
import os
import statistics
import subprocess
import sys

BUILD = os.environ.get("BELLJAR_BUILD", "build")
POOL = "/sys/kernel/mm/hugepages/hugepages-2048kB/"
THP = "/sys/kernel/mm/transparent_hugepage/shmem_enabled"
KIB = {"4 KiB": 4, "2 MiB": 2048}


def first_line(path, default=""):
    try:
        with open(path, encoding="ascii") as f:
            return f.readline().strip()
    except OSError:
        return default


def build():
    program = f"{BUILD}/bench/populate"
    os.makedirs(os.path.dirname(program), exist_ok=True)
    subprocess.run(["gcc", "-O2", "-std=gnu17", "-D_GNU_SOURCE", "-I.",
                    "-Wall", "-Wextra", "-Werror", "tests/bench/populate.c",
                    f"{BUILD}/libcore.a", f"{BUILD}/liblib.a", "-lpthread",
                    "-o", program], check=True)
    return program


def once(program, mib, page, threads):
    out = subprocess.run([program, str(mib), str(KIB[page]), str(threads)],
                         check=True, stdout=subprocess.PIPE, text=True).stdout
    ns, used = out.split()
    if int(used) != threads:
        sys.exit(f"populate.py: {used} threads ran where {threads} should")
    return int(ns) / 1e6


def machine(args):
    model = "unknown processor"
    with open("/proc/cpuinfo", encoding="ascii") as f:
        for line in f:
            if line.startswith("model name"):
                model = line.split(":", 1)[1].strip()
    hypervisor = "hypervisor" in open("/proc/cpuinfo", encoding="ascii").read()
    print(f"{model}{' (in a VM)' if hypervisor else ''}, "
          f"{len(os.sched_getaffinity(0))} processors, "
          f"NUMA nodes {first_line('/sys/devices/system/node/online', '-')}, "
          f"Linux {os.uname().release}, shmem_enabled: {first_line(THP, '-')}, "
          f"load {first_line('/proc/loadavg').split()[0]}")
    print(f"{args.mib} MiB, {args.rounds} rounds; "
          "milliseconds: median (least-most)")


def main():
    args = argparse.ArgumentParser()
    args.add_argument("--mib", type=int, default=1024)
    args.add_argument("--rounds", type=int, default=7)
    args.add_argument("--threads", type=int, nargs="+")
    args = args.parse_args()
    cpus = len(os.sched_getaffinity(0))
    counts = args.threads or sorted(
        {1 << i for i in range(5) if 1 << i <= cpus} | {min(cpus, 16)})
    free = int(first_line(POOL + "free_hugepages", "0"))
    pages = [p for p in KIB if KIB[p] == 4 or free * 2 >= args.mib]

    program = build()
    machine(args)
    cases = [(page, n) for page in pages for n in counts]
    times = {case: [] for case in cases}
    for turn in range(args.rounds):
        for case in cases if turn % 2 == 0 else reversed(cases):
            times[case].append(once(program, args.mib, *case))

    print("| pages | " + " | ".join(
        f"{n} thread{'s' if n > 1 else ''}" for n in counts) + " |")
    print("|---|" + "---|" * len(counts))
    for page in pages:
        print(f"| {page} | " + " | ".join(
            f"{statistics.median(t):.0f} ({min(t):.0f}-{max(t):.0f})"
            for t in (times[page, n] for n in counts)) + " |")
    if len(pages) < len(KIB):
        print(f"2 MiB: left out, {free} huge pages are free")


if __name__ == "__main__":
    main()

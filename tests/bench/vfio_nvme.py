# SPDX-License-Identifier: Apache-2.0
"""vfio_nvme.py OUT [--rounds N] - see vfio_nvme.sh.

Each round reads on the host, then in a VM, with the same program, with
interrupts on the same number of processors; medians, least and most.  The lab's
disk and processors are one program on the same cores: there the ratio says more
of how idle the machine is than of VFIO.
"""
import argparse
import json
import os
import statistics
import subprocess
import sys

BDF = "0000:02:00.0"
GOAL = 0.9
SAMPLES = 3  # of each round
READS = 2  # of the whole disk for a sample; the clock has 10 ms
MEGABYTES = 256  # of the disk
DEPTHS = (1, 4)  # readers at once, each of its own part
READ = f"""
sample() {{
    for read in $(seq {READS}); do
        reader=0
        while [ $reader -lt $1 ]; do
            dd if=/dev/nvme0n1 of=/dev/null bs=1M iflag=direct \\
                count=$(({MEGABYTES} / $1)) \\
                skip=$(({MEGABYTES} / $1 * reader)) 2>/dev/null &
            reader=$((reader + 1))
        done
        wait
    done
}}
for depth in {' '.join(map(str, DEPTHS))}; do
    for n in $(seq {SAMPLES}); do
        cat /proc/uptime
        sample $depth
    done
done
cat /proc/uptime
"""


def speeds(output):
    """Depth to MB/s, from the times before and behind each sample."""
    times = [float(line.split()[0]) for line in output.splitlines()]
    if len(times) != SAMPLES * len(DEPTHS) + 1:
        sys.exit(f"vfio_nvme: these are no times: {output}")
    took = [after - before for before, after in zip(times, times[1:])]
    rates = [READS * MEGABYTES * 1.048576 / t for t in took]
    return {depth: rates[i * SAMPLES:(i + 1) * SAMPLES]
            for i, depth in enumerate(DEPTHS)}


def host():
    return speeds(subprocess.run(["busybox", "sh", "-c", READ], check=True,
                                 stdout=subprocess.PIPE).stdout)


def guest(out):
    with open(f"{out}/generic/version", encoding="ascii") as f:
        version = f.read().strip()
    argv = ["build/belljar", "--root", f"{out}/store", "run", "--rm", "-q",
            "--kernel", f"{out}/generic/vmlinuz", "--kernel-modules",
            f"{out}/generic/lib/modules/{version}", "-m", "256m", "--cpus", "2", "--network", "none",
            "--device", f"vfio={BDF}", "test", "sh", "-c", READ]
    return speeds(subprocess.run(argv, check=True, timeout=200,
                                 stdout=subprocess.PIPE).stdout)


def report(depth, samples):
    """One metric, printed and returned, and whether it reaches the goal."""
    medians = {name: statistics.median(v[depth]) for name, v in samples.items()}
    print(f"nvme, sequential reads of 1 MiB, direct, {depth} at once (MB/s)")
    for name, values in samples.items():
        v = values[depth]
        print(f"  {name:10} {medians[name]:8.0f}  "
              f"({min(v):.0f} .. {max(v):.0f}, {len(v)} samples)")
    ratio = medians["belljar"] / medians["host"]
    # One reader at a time waits for interrupts: latency, which has no goal.
    goal = GOAL if depth == max(DEPTHS) else 0
    print(f"  ratio {ratio:.3f}" + (f", goal {goal}" if goal else ""))
    return {"name": f"nvme sequential read through VFIO, {depth} at once",
            "unit": "MB/s", "better": "higher", "belljar": medians["belljar"],
            "peers": {"host": medians["host"]},
            "samples": {n: v[depth] for n, v in samples.items()}}, ratio >= goal


def main():
    args = argparse.ArgumentParser()
    args.add_argument("out")
    args.add_argument("--rounds", type=int, default=4)
    args = args.parse_args()
    samples = {name: {d: [] for d in DEPTHS} for name in ("host", "belljar")}
    for _ in range(args.rounds):
        for name, found in (("host", host()), ("belljar", guest(args.out))):
            for depth, rates in found.items():
                samples[name][depth] += rates
    metrics, good = zip(*(report(d, samples) for d in DEPTHS))
    with open("build/bench-vfio.json", "w", encoding="ascii") as f:
        json.dump({"cpus": os.cpu_count(), "metrics": metrics}, f, indent=1)
    sys.exit(not all(good))


main()

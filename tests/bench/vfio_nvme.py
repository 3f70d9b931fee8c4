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
READ = f"""
for sample in $(seq {SAMPLES}); do
    cat /proc/uptime
    for read in $(seq {READS}); do
        dd if=/dev/nvme0n1 of=/dev/null bs=1M count={MEGABYTES} \
            iflag=direct 2>/dev/null || exit 1
    done
done
cat /proc/uptime
"""


def speeds(output):
    """In MB/s, from the times before and behind each sample."""
    times = [float(line.split()[0]) for line in output.splitlines()]
    if len(times) != SAMPLES + 1:
        sys.exit(f"vfio_nvme: these are no times: {output}")
    took = [after - before for before, after in zip(times, times[1:])]
    return [READS * MEGABYTES * 1.048576 / t for t in took]


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


def main():
    args = argparse.ArgumentParser()
    args.add_argument("out")
    args.add_argument("--rounds", type=int, default=4)
    args = args.parse_args()
    samples = {"host": [], "belljar": []}
    for _ in range(args.rounds):
        samples["host"] += host()
        samples["belljar"] += guest(args.out)
    medians = {name: statistics.median(v) for name, v in samples.items()}
    print("nvme, sequential reads of 1 MiB, direct (MB/s)")
    for name, values in samples.items():
        print(f"  {name:10} {medians[name]:8.0f}  "
              f"({min(values):.0f} .. {max(values):.0f}, {len(values)} samples)")
    ratio = medians["belljar"] / medians["host"]
    print(f"  ratio {ratio:.3f}, goal {GOAL}")
    metric = {"name": "nvme sequential read through VFIO", "unit": "MB/s",
              "better": "higher", "belljar": medians["belljar"],
              "peers": {"host": medians["host"]}, "samples": samples}
    with open("build/bench-vfio.json", "w", encoding="ascii") as f:
        json.dump({"cpus": os.cpu_count(), "metrics": [metric]}, f, indent=1)
    sys.exit(ratio < GOAL)


main()

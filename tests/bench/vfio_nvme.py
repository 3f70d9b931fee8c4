# SPDX-License-Identifier: Apache-2.0
"""vfio_nvme.py OUT [--rounds N] - see vfio_nvme.sh.

Each round reads on the host, then in a VM, with the same program, with
interrupts on the same number of processors; medians, least and most.
"""
import argparse
import json
import os
import re
import statistics
import subprocess
import sys

BDF = "0000:02:00.0"
READS = 3
GOAL = 0.9
# busybox's dd says "268435456 bytes (256.0MB) copied, 1.23 seconds, 208MB/s".
SPEED = re.compile(rb"^(\d+) bytes .* copied, ([0-9.]+) seconds", re.M)
READ = ("for i in $(seq %d); do dd if=/dev/nvme0n1 of=/dev/null bs=1M "
        "iflag=direct; done 2>&1" % READS)


def speeds(output):
    found = [int(size) / float(s) / 1e6 for size, s in SPEED.findall(output)]
    if len(found) != READS:
        sys.exit("vfio_nvme: no speed in:\n" + output.decode(errors="replace"))
    return found


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
              f"({min(values):.0f} .. {max(values):.0f}, {len(values)} reads)")
    ratio = medians["belljar"] / medians["host"]
    print(f"  ratio {ratio:.3f}, goal {GOAL}")
    metric = {"name": "nvme sequential read through VFIO", "unit": "MB/s",
              "better": "higher", "belljar": medians["belljar"],
              "peers": {"host": medians["host"]}, "samples": samples}
    with open("build/bench-vfio.json", "w", encoding="ascii") as f:
        json.dump({"cpus": os.cpu_count(), "metrics": [metric]}, f, indent=1)
    sys.exit(ratio < GOAL)


main()

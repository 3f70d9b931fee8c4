#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""shared_image.py [--vms N] [--mib N] - many VMs that read one image.

Starts N VMs (10) one after the other, each of which reads all of one EROFS of N
MiB (200), once from a disk and once from memory (dax), and prints for each way
what the host has less of, what lies in guests' page caches, and what of the
image the monitors have mapped.  Goes into build/bench.json beside what make
bench wrote there.  KERNEL: minimal (default) or stock.  BELLJAR_ROOT has the image 'test' of tests/linux/image.sh:

  BELLJAR_ROOT=$PWD/build/linux/store tests/lab/kvm --cpus 1 --memory 2560 \\
      tests/bench/shared_image.py --mib 64
"""
import argparse
import os
import re
import statistics
import subprocess
import sys
import tempfile

from guests import keep_metrics

KERNEL = os.environ.get("KERNEL", "minimal")
READ = """
cached() { awk '/^Cached:/ { print $2 }' /proc/meminfo; }
a=$(cached); cat /data/* | wc -c; b=$(cached); echo "cached $((b - a))"
read -r _
"""


def meminfo(key):
    with open("/proc/meminfo", encoding="ascii") as f:
        return next(int(x.split()[1]) for x in f if x.startswith(key + ":"))


def mapped(path):
    """Rss and Pss, KiB, of @path in each process that has it mapped."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        rss = pss = 0
        inside = False
        try:
            with open(f"/proc/{pid}/smaps", encoding="ascii",
                      errors="replace") as f:
                for line in f:
                    if re.match(r"[0-9a-f]+-[0-9a-f]+ ", line):
                        inside = line.rstrip().endswith(path)
                    elif inside and line.startswith("Rss:"):
                        rss += int(line.split()[1])
                    elif inside and line.startswith("Pss:"):
                        pss += int(line.split()[1])
        except OSError:
            continue
        if rss:
            found.append((rss, pss))
    return found


def start(image, dax, memory, size):
    vm = subprocess.Popen(
        ["build/belljar", "run", "--rm", "-i", "--kernel", KERNEL,
         "--network", "none", "--read-only", "-m", f"{memory}m", "--mount",
         f"type=image,src={image},dst=/data{',dax' if dax else ''}", "test",
         "sh", "-c", READ], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        text=True)
    if int(vm.stdout.readline() or 0) != size:
        sys.exit("shared_image.py: a VM did not read all of the image")
    return vm, int(vm.stdout.readline().split()[1])


def measure(image, dax, args):
    """MiB for each VM."""
    before = meminfo("MemAvailable")
    vms, cached = [], []
    for n in range(args.vms):
        vm, grown = start(image, dax, args.memory, args.mib << 20)
        vms.append(vm)
        cached.append(grown / 1024)
        print(f"shared_image: {'dax' if dax else 'disk'}: VM {n + 1} has "
              f"read it", file=sys.stderr)
    host = (before - meminfo("MemAvailable")) / 1024 / args.vms
    maps = mapped(image)
    for vm in vms:
        vm.stdin.close()
    for vm in vms:
        vm.wait()
    return {"host": [host], "cached": cached,
            "rss": [rss / 1024 for rss, _ in maps],
            "pss": [pss / 1024 for _, pss in maps]}


def main():
    args = argparse.ArgumentParser()
    args.add_argument("--vms", type=int, default=10)
    args.add_argument("--mib", type=int, default=200)
    args = args.parse_args()
    args.memory = args.mib + args.mib // 50 + 96
    with tempfile.TemporaryDirectory() as tmp:
        os.mkdir(f"{tmp}/d")
        with open(f"{tmp}/d/data", "wb") as f:
            for _ in range(args.mib):
                f.write(os.urandom(1 << 20))
        image = f"{tmp}/image.erofs"
        subprocess.run(["mkfs.erofs", "-E", "noinline_data", image,
                        f"{tmp}/d"], check=True, stdout=subprocess.DEVNULL)
        os.remove(f"{tmp}/d/data")
        ways = {"disk": measure(image, False, args),
                "dax": measure(image, True, args)}
    metrics = []
    what = f"{args.vms} VMs of one image of {args.mib} MiB, "
    for key, title in (
            ("host", "host memory less, for each"),
            ("cached", "in the guest's page cache"),
            ("rss", "of the image mapped by a monitor"),
            ("pss", "the same, each page divided by who has it (PSS)")):
        medians = {w: statistics.median(v[key]) if v[key] else 0
                   for w, v in ways.items()}
        metrics.append({"name": what + title, "unit": "MiB",
                        "better": "lower", "belljar": medians["dax"],
                        "peers": {"belljar-disk": medians["disk"]},
                        "samples": {w: v[key] for w, v in ways.items()}})
        print(f"{title + ' (MiB)':60} disk {medians['disk']:8.1f}"
              f"   dax {medians['dax']:8.1f}")
    keep_metrics(metrics)


main()

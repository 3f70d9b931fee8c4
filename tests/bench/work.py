# SPDX-License-Identifier: Apache-2.0
"""work.py [--runs N] [--most RATIO] [--keep] - what work without devices costs
in a VM and in a container, in turns, with the suite of `belljar compare`.

Meant for a clock that counts instructions (tests/lab/run --icount): there a
"second" is what was executed, by the program, its kernel, the host's and
KVM, whatever else the machine does; and it is the same in each run.  What it
does not show is time that is no instruction: walks of page tables, caches.
With --most, status 1 when cpu.* or train.step take more of the VM than that
many times the container's.  With --keep, rows are added to build/bench.json.
"""
import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile

from guests import keep_metrics

SUITE = "build/compare/suite"
IMAGE = "build/compare/image"
TRAIN_MOST = 1.05
# Rows, and whether more is better; the others of the suite use devices.
ROWS = {"cpu.integer": "higher", "cpu.float": "higher", "cpu.matrix": "higher",
        "ram.copy": "higher", "ram.random": "lower", "sys.getpid": "lower",
        "sys.pipe": "lower", "sys.fault": "lower", "sys.mmap": "lower",
        "sys.forkexec": "lower", "train.step": "lower"}


class Container:
    name = "runc"

    def __init__(self, tmp, command):
        self.bundle, self.tmp, self.nr = f"{tmp}/bundle", tmp, 0
        for folder in ("proc", "dev", "sys", "tmp"):
            os.makedirs(f"{self.bundle}/rootfs/{folder}")
        shutil.copy(SUITE, f"{self.bundle}/rootfs/suite")
        subprocess.run(["runc", "spec", "--bundle", self.bundle], check=True)
        with open(f"{self.bundle}/config.json", encoding="utf-8") as f:
            spec = json.load(f)
        spec["process"] |= {"terminal": False, "args": command}
        spec["mounts"].append({"destination": "/tmp", "type": "tmpfs",
                               "source": "tmpfs"})
        with open(f"{self.bundle}/config.json", "w", encoding="utf-8") as f:
            json.dump(spec, f)

    def command(self):
        self.nr += 1
        return ["runc", "--root", f"{self.tmp}/runc", "run", "--bundle",
                self.bundle, f"work-{os.getpid()}-{self.nr}"]


class Vm:
    name = "belljar"

    def __init__(self, tmp, command):
        self.argv = ["build/belljar", "--root", f"{tmp}/store"]
        subprocess.run([*self.argv, "load", "-q", "-i", IMAGE], check=True)
        self.argv += ["run", "--rm", "-m", "512m", "belljar-compare",
                      *command]

    def command(self):
        return self.argv


def run_once(peer):
    done = subprocess.run(peer.command(), stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, check=False)
    values = dict(line.split()[1:3] for line in done.stdout.splitlines()
                  if line.startswith("value "))
    if done.returncode != 0 or set(values) != set(ROWS):
        sys.exit(f"work: {peer.name}: status {done.returncode}, "
                 f"{sorted(values)}: {done.stderr.strip()}")
    return values


def report(samples, most):
    metrics, late = [], []
    for row, better in ROWS.items():
        mine, other = (statistics.median(samples[p][row])
                       for p in ("belljar", "runc"))
        ratio = mine / other if better == "lower" else other / mine
        limit = TRAIN_MOST if row == "train.step" else most
        if most and ratio > limit and row.startswith(("cpu.", "train.")):
            late.append(row)
        print(f"{row:12} runc {other:12,.2f}  belljar {mine:12,.2f}  "
              f"{ratio:6.3f} x" + (" too much" if row in late else ""))
        metrics.append({"name": f"work: {row}", "unit": "as the suite has it",
                        "better": better, "belljar": mine,
                        "peers": {"runc": other},
                        "samples": {p: v[row] for p, v in samples.items()}})
    return metrics, late


def main():
    args = argparse.ArgumentParser()
    args.add_argument("--runs", type=int, default=3)
    args.add_argument("--most", type=float)
    args.add_argument("--keep", action="store_true")
    args = args.parse_args()
    command = ["/suite", "run", "--time", "200", "--dir", "/tmp", *ROWS]
    with tempfile.TemporaryDirectory() as tmp:
        peers = [Container(tmp, command), Vm(tmp, command)]
        samples = {p.name: {row: [] for row in ROWS} for p in peers}
        for _ in range(args.runs):
            for peer in peers:
                for row, value in run_once(peer).items():
                    samples[peer.name][row].append(float(value))
    metrics, late = report(samples, args.most)
    if args.keep:
        keep_metrics(metrics)
    return 1 if late else 0


sys.exit(main())

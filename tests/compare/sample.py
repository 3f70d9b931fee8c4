#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""sample.py [KIND] - a result that nobody measured, to try the writers on.

KIND is one of full (default), emulated, partial, hostile, single. The numbers
are drawn from a seeded generator around plausible ones; the image's name says
that they are invented.
"""
import json
import math
import random
import sys

PEERS = ["runc", "belljar", "bare", "qemu"]
# name: (median of runc, times worse for belljar, bare, qemu; spread)
ROWS = {
    "start.first": (31, 2.9, 0.05, 9.8, 0.08),
    "start.exit": (44, 2.6, 0.04, 8.1, 0.08),
    "start.many": (95, 2.2, 0.04, 7.5, 0.15),
    "start.rate": (42, 2.1, 0.03, 7.9, 0.05),
    "memory.first": (2.1, 17.5, 0.12, 61, 0.02),
    "memory.more": (1.4, 15.2, 0.15, 70, 0.03),
    "memory.back": (99.8, 1.08, 0.999, 6.3, 0.004),
    "cpu.integer": (812, 1.004, 0.998, 1.01, 0.01),
    "cpu.float": (640, 1.006, 1.001, 1.012, 0.012),
    "cpu.matrix": (5300, 1.015, 0.995, 1.03, 0.008),
    "ram.copy": (9800, 1.02, 0.99, 1.05, 0.03),
    "ram.random": (86, 1.09, 0.98, 1.21, 0.02),
    "sys.getpid": (61, 0.82, 0.93, 0.84, 0.01),
    "sys.pipe": (5.4, 0.74, 0.97, 0.91, 0.06),
    "sys.forkexec": (520, 1.31, 0.96, 1.44, 0.05),
    "sys.fault": (310, 1.22, 0.99, 1.61, 0.04),
    "sys.mmap": (840, 1.03, 0.98, 1.1, 0.1),
    "block.random": (61000, 1.45, 0.99, 1.9, 0.05),
    "block.random.cpu": (9.1, 2.15, 0.99, 2.9, 0.05),
    "block.read": (2900, 1.12, 1.0, 1.3, 0.06),
    "block.write": (1400, 1.18, 0.99, 1.4, 0.09),
    "block.fsync": (190, 1.21, 0.99, 1.3, 0.2),
    "net.in": (3100, 2.8, 0.6, 3.3, 0.05),
    "net.out": (3300, 2.6, 0.6, 3.1, 0.05),
    "net.rtt": (22, 2.9, 0.7, 3.4, 0.07),
    "isolation.calls": (74, 0.41, 1.0, 0.9, 0),
    "train.step": (128, 1.012, 0.99, 1.04, 0.01),
    "train.loader": (4100, 1.03, 0.99, 1.1, 0.03),
    "train.checkpoint": (510, 1.15, 0.98, 1.4, 0.08),
}
HIGHER = {
    "start.rate", "memory.back", "cpu.integer", "cpu.float", "cpu.matrix",
    "ram.copy", "block.random", "block.read", "block.write", "net.in",
    "net.out", "train.loader", "train.checkpoint",
}
MANY = {"start.first": 40, "start.exit": 40, "start.many": 120}
NO_GPU = "no GPU is attached: 'belljar gpu ls' lists what this machine has"


def draw(rng, median, spread, count):
    """Skewed to the right, as times are."""
    values = []
    for _ in range(count):
        tail = rng.expovariate(4) if rng.random() < 0.15 else 0
        values.append(median * math.exp(rng.gauss(0, spread) + spread * tail))
    return values


def row_of(rng, name, runs):
    base, *times, spread = ROWS[name]
    row = {"name": name, "samples": {}, "failed": {}}
    for peer, worse in zip(PEERS, [1, *times]):
        median = base / worse if name in HIGHER else base * worse
        if name == "isolation.calls":
            row["samples"][peer] = [round(median)] * runs
            continue
        values = draw(rng, median, spread, MANY.get(name, runs))
        if name == "memory.back":
            values = [min(v, 100) for v in values]
        row["samples"][peer] = [round(v, 4) for v in values]
    return row


def make(kind):
    rng = random.Random(kind)
    runs = 1 if kind == "single" else 20
    doc = {
        "version": 1, "suite": "full", "image": "invented-numbers",
        "command": "", "begun": "2025-01-31T12:00:00Z", "runs": runs,
        "done": 7 if kind == "partial" else runs,
        "partial": kind == "partial", "emulated": kind == "emulated",
        "machine": {
            "cpu": "Invented CPU @ 3.40GHz", "cpus": 16,
            "memory_mib": 64208, "kernel": "6.1.0-40-amd64",
            "kvm": "vmx, nested off", "governor": "performance",
            "load_before": 0.21, "file_system": "ext4 on nvme0n1p2",
        },
        "peers": [
            {"name": "bare"},
            {"name": "runc", "version": "1.1.5"},
            {"name": "crun", "absent": "no 'crun' in PATH; the package crun "
                                       "has it"},
            {"name": "belljar", "version": "0.1.0"},
            {"name": "qemu", "version": "7.2.17"},
            {"name": "gvisor", "absent": "no 'runsc' in PATH"},
        ],
        "rows": [row_of(rng, name, runs) for name in ROWS],
    }
    rows = {row["name"]: row for row in doc["rows"]}
    for name in ("net.in", "net.out", "net.rtt"):
        del rows[name]["samples"]["qemu"]
        rows[name]["failed"]["qemu"] = (
            "the guest has no network: QEMU was built without user networking")
    if kind != "single":
        del rows["train.checkpoint"]["samples"]["bare"][3:]
        rows["train.checkpoint"]["failed"]["bare"] = (
            "the disk is full: 3 of 20 rounds wrote a checkpoint")
    for name in ("gpu.in", "gpu.out", "gpu.step"):
        doc["rows"].append({"name": name, "samples": {}, "empty": NO_GPU})
    if kind == "hostile":
        bad = "</title></svg></script><script>alert(1)</script>\"'&<!--"
        doc["image"] = bad
        doc["command"] = bad + " <img src=x onerror=alert(2)> 画像.png"
        doc["suite"] = "<b>&\"'"
        doc["begun"] = "<i onclick='x'>"
        doc["machine"][bad] = bad
        doc["peers"][2]["absent"] = bad
        doc["peers"][4] = {"name": "<q onload=1>\"", "version": bad}
        for row in doc["rows"]:
            for part in (row["samples"], row.get("failed", {})):
                if "qemu" in part:
                    part["<q onload=1>\""] = part.pop("qemu")
        rows["net.in"]["failed"] = {"<q onload=1>\"": bad}
        doc["rows"][-1]["empty"] = bad
    return doc


def main():
    kind = sys.argv[1] if len(sys.argv) > 1 else "full"
    if kind not in ("full", "emulated", "partial", "hostile", "single"):
        sys.exit(__doc__)
    json.dump(make(kind), sys.stdout, indent=1)
    print()


if __name__ == "__main__":
    main()

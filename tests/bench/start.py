#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""start.py [ROUNDS] - from exec to the guest's first byte, and to the end.

A payload guest that prints a line and resets (tests/guest/fault.c) runs on
this machine's KVM under belljar-monitor and under QEMU's microvm, in turns,
so that a change of the machine's load meets both.  Prints one JSON object:
for each, the least and the median of

  first_ms  from fork to the first byte on the serial port
  life_ms   from fork to the end of the process
  cpu_ms    user and system time of the process, start to end
"""
import json
import os
import shutil
import statistics
import subprocess
import sys
import time

BUILD = os.environ.get("BELLJAR_BUILD", "build")
GUEST = f"{BUILD}/guest/fault.elf"
QEMU = "qemu-system-x86_64"
MACHINE = "microvm,acpi=off,x-option-roms=off,rtc=off,pit=off,pic=off"
MONITORS = {
    "belljar": [f"{BUILD}/belljar-monitor", "--kernel", GUEST, "--memory",
                "128m", "--serial", "stdio"],
    "qemu-microvm": [QEMU, "-M", MACHINE, "-accel", "kvm", "-m", "128",
                     "-nodefaults", "-display", "none", "-no-reboot",
                     "-serial", "stdio", "-kernel", GUEST],
}


def once(argv):
    read, write = os.pipe()
    begin = time.monotonic()
    child = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=write,
                             stderr=subprocess.DEVNULL)
    os.close(write)
    with os.fdopen(read, "rb", buffering=0) as serial:
        text = serial.read(1)
        first = time.monotonic()
        while part := serial.read(4096):
            text += part
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode != 0 or b"pass" not in text:
        sys.exit(f"start.py: {argv[0]}: status {child.returncode}, {text!r}")
    return {
        "first_ms": (first - begin) * 1e3,
        "life_ms": (time.monotonic() - begin) * 1e3,
        "cpu_ms": (usage.ru_utime + usage.ru_stime) * 1e3,
    }


def summary(runs):
    return {
        key: {
            "min": round(min(r[key] for r in runs), 2),
            "median": round(statistics.median(r[key] for r in runs), 2),
        }
        for key in runs[0]
    }


def main():
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    names = [n for n in MONITORS if shutil.which(MONITORS[n][0])]
    runs = {n: [] for n in names}
    for _ in range(rounds):
        for n in names:
            runs[n].append(once(MONITORS[n]))
    print(json.dumps({n: summary(runs[n]) for n in names}))


if __name__ == "__main__":
    main()

# SPDX-License-Identifier: Apache-2.0
"""dev_boot.py - from exec of the monitor to the first instruction of a guest
that has no kernel (payload.S): it writes a byte to the serial port."""
import os
import subprocess
import time

from guests import INITRD, LKVM, MONITOR, lkvm

GUEST = "build/bench/payload"
COMMANDS = {
    "belljar": [MONITOR, "--kernel", GUEST, "--memory", "128m", "--serial",
                "stdio"],
    "qemu": ["qemu-system-x86_64", "-M",
             "microvm,acpi=off,x-option-roms=off,rtc=off,pit=off,pic=off",
             "-accel", "kvm", "-m", "128", "-nodefaults", "-no-user-config",
             "-display", "none", "-no-reboot", "-serial", "stdio", "-kernel",
             GUEST],
}
if LKVM:
    COMMANDS["kvmtool"] = [*lkvm(f"{GUEST}.bin", INITRD, 128), "-n",
                           "mode=none"]


def once(argv):
    read, write = os.pipe()
    begin = time.monotonic_ns()
    child = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=write,
                             stderr=subprocess.DEVNULL)
    os.close(write)
    byte = os.read(read, 1)
    ns = time.monotonic_ns() - begin
    child.kill()
    child.wait()
    os.close(read)
    assert byte == b"!", (argv[0], byte)
    return ns / 1e6


def measure(rows, _tmp, lab, runs):
    for _ in range(runs * 3):
        for name, argv in COMMANDS.items():
            rows.add("boot: exec to the first guest instruction", "ms",
                     "lower", name, once(argv))

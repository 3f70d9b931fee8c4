# SPDX-License-Identifier: Apache-2.0
"""bench.py OUT [--instructions-per-ns X] [--runs N] - see run.sh.

Interleaved runs; medians, least and most.  Counts (exits, system calls,
instructions) rather than times, because they do not depend on load.
"""
import argparse
import json
import os
import re
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile

from guests import (BZIMAGE, CMDLINE, KERNEL, LAB, LKVM, LKVM_CMDLINE, MONITOR,
                    NO_LKVM, SERIAL, lkvm, own_home)

# isa-debug-exit ends QEMU with 2 * value + 1; the value is "power off", 0x34.
QEMU_STATUS = 2 * 0x34 + 1


def cmdline(serial):
    return SERIAL if serial else f"{CMDLINE} 8250.nr_uarts=0"


class Belljar:
    name = "belljar"

    def __init__(self, out, tmp):
        self.out, self.tmp, self.nr = out, tmp, 0

    def command(self, init, serial=None):
        """With the five usual devices; returns argv and descriptors."""
        self.nr += 1
        # Nobody answers on the network: the other end is just kept open.
        near, self.far = socket.socketpair(socket.AF_UNIX,
                                           socket.SOCK_SEQPACKET)
        near.set_inheritable(True)
        self.near = near
        argv = [MONITOR, "--kernel", KERNEL, "--initrd", f"{self.out}/{init}",
                "--memory", "128m", "--cmdline", cmdline(serial),
                "--disk", f"{self.out}/a.raw", "--disk", f"{self.out}/b.raw",
                "--net", f"fd:{near.fileno()}", "--rng", "--vsock",
                f"cid=3,listen={self.tmp}/vsock{self.nr}"]
        if serial:
            argv += ["--serial", "stdio"]
        return argv, (near.fileno(),), 0


class Qemu:
    """QEMU's microvm machine, five virtio-mmio or virtio-pci devices."""

    def __init__(self, out, bus):
        self.out, self.bus = out, bus
        self.name = f"qemu-microvm-{bus}"

    def command(self, init, serial=None):
        machine = "microvm,pic=off,pit=off,rtc=off,usb=off,graphics=off"
        machine += ",isa-serial=" + ("on" if serial else "off")
        machine += ",pcie=" + ("on" if self.bus == "pci" else "off")
        kind = "pci" if self.bus == "pci" else "device"
        if self.bus == "mmio":
            machine += ",acpi=off"
        argv = ["qemu-system-x86_64", "-M", machine, "-accel", "kvm", "-cpu",
                "host,-xsave,-avx" if LAB else "host",
                "-m", "128", "-nodefaults", "-no-user-config", "-display",
                "none", "-no-reboot", "-monitor", "none",
                "-kernel", KERNEL, "-initrd", f"{self.out}/{init}",
                "-append", cmdline(serial),
                "-device", "isa-debug-exit,iobase=0x600,iosize=4",
                "-device", f"virtio-rng-{kind}",
                "-netdev", "user,id=n,restrict=on", "-device",
                f"virtio-net-{kind},netdev=n",
                "-device", f"vhost-vsock-{kind},guest-cid=4"]
        for disk in "ab":
            argv += ["-drive", f"if=none,id={disk},format=raw,"
                     f"file={self.out}/{disk}.raw",
                     "-device", f"virtio-blk-{kind},drive={disk}"]
        if serial:
            argv += ["-serial", "stdio"]
        return argv, (), QEMU_STATUS


class Kvmtool:
    """Its own five devices, on PCI.  It knows no ELF: its kernel unpacks
    itself first."""
    name = "kvmtool"

    def __init__(self, out):
        self.out = out

    def command(self, init, serial=None):
        return [*lkvm(BZIMAGE, f"{self.out}/{init}", 128), "-n", "mode=user",
                "--rng", "--vsock", "5", "-d", f"{self.out}/a.raw", "-d",
                f"{self.out}/b.raw", "-p",
                f"{LKVM_CMDLINE} {cmdline(serial)}"], (), 0


def boot_once(out, peer):
    argv, fds, want = peer.command("first.cpio")
    done = subprocess.run([f"{out}/count", *argv], pass_fds=fds,
                          stdin=subprocess.DEVNULL, capture_output=True,
                          text=True, timeout=300, check=False)
    try:
        cost = json.loads(done.stdout.splitlines()[-1])
    except (IndexError, json.JSONDecodeError):
        cost = {"status": done.returncode}
    if cost["status"] != want:
        return None, (done.stderr.strip().splitlines() or
                      [f"status {cost['status']}"])[-1]
    return cost, None


def outside_ram(pid):
    """PSS in KiB of @pid without the mappings that are guest RAM."""
    pss, ram = 0, False
    with open(f"/proc/{pid}/smaps", encoding="ascii",
              errors="replace") as smaps:
        for line in smaps:
            head = re.match(r"([0-9a-f]+)-([0-9a-f]+) .{4} \S+ \S+ \S+\s*(.*)",
                            line)
            if head:
                size = int(head[2], 16) - int(head[1], 16)
                # Ours is a file; QEMU's is one anonymous mapping of -m.
                ram = "guest-ram" in head[3] or size == 128 << 20
            elif line.startswith("Pss:") and not ram:
                pss += int(line.split()[1])
    return pss


def idle_once(peer):
    argv, fds, _ = peer.command("idle.cpio", serial=True)
    vm = subprocess.Popen(argv, pass_fds=fds, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        seen = b""
        while b"ready" not in seen:
            piece = os.read(vm.stdout.fileno(), 4096)
            if not piece:
                return None, vm.stderr.read().decode().strip()[-200:]
            seen += piece
        return outside_ram(vm.pid), None
    finally:
        vm.kill()
        vm.wait()
        vm.stdout.close()
        vm.stderr.close()


def machine():
    with open("/proc/cpuinfo", encoding="ascii") as f:
        cpu = next(x.split(":")[1].strip() for x in f if "model name" in x)
    kind = ("lab: emulated SVM under QEMU TCG, instruction-counting clock"
            if LAB else "this machine's KVM")
    return {"cpu": cpu, "kernel": os.uname().release, "kvm": kind,
            "guest_kernel": open("build/kernels/minimal/version",
                                 encoding="ascii").read().strip()}


def gather(args, peers, tmp):
    costs = {p.name: [] for p in peers}
    pss = {p.name: [] for p in peers}
    absent = {}
    for run in range(args.runs):
        for peer in peers:
            if peer.name in absent:
                continue
            cost, why = boot_once(args.out, peer)
            if cost:
                costs[peer.name].append(cost)
            else:
                absent[peer.name] = why
            print(f"bench: run {run + 1} of {args.runs}: {peer.name}: "
                  f"{'ok' if cost else why}", file=sys.stderr)
    for peer in peers:
        if peer.name in absent:
            continue
        kib, why = idle_once(peer)
        if kib is None:
            print(f"bench: idle {peer.name}: {why}", file=sys.stderr)
        else:
            pss[peer.name].append(kib)
    return costs, pss, absent


def metrics(args, costs, pss):
    rows = [("exits to the monitor until init", "count", "user_exits", 1),
            ("exits in all until init", "count", "exits", 1),
            ("system calls of the monitor until init", "count", "syscalls", 1)]
    if args.instructions_per_ns:
        rows.append(("instructions, monitor exec to first user-space one",
                     "million", "ns", args.instructions_per_ns / 1e6))
    else:
        rows.append(("monitor exec to first user-space instruction", "ms",
                     "ns", 1e-6))
    table = []
    for title, unit, key, scale in rows:
        table.append((title, unit, {
            name: [c[key] * scale for c in runs if c[key] >= 0]
            for name, runs in costs.items()}))
    table.append(("memory outside guest RAM, booted, idle, 128 MiB", "MiB",
                  {name: [k / 1024 for k in v] for name, v in pss.items()}))
    return table


def show(value):
    return f"{value:,.0f}" if value >= 1000 else f"{value:.2f}"


def report(args, table, absent):
    result = {"machine": machine(), "metrics": []}
    for title, unit, samples in table:
        medians = {n: statistics.median(v) for n, v in samples.items() if v}
        ours = medians.pop("belljar", None)
        result["metrics"].append({
            "name": title, "unit": unit, "better": "lower", "belljar": ours,
            "peers": medians, "samples": samples})
        print(f"\n{title} ({unit})")
        for name, values in samples.items():
            if not values:
                print(f"  {name:20} -  {absent.get(name, 'not measured')}")
                continue
            m = statistics.median(values)
            ratio = f"  {m / ours:6.2f} x" if ours else ""
            print(f"  {name:20} {show(m):>12}  "
                  f"({show(min(values))} .. {show(max(values))}){ratio}")
    for name, why in absent.items():
        print(f"\n{name}: absent: {why}")
    result["absent"] = absent
    with open("build/bench.json", "w", encoding="ascii") as f:
        json.dump(result, f, indent=1)
    print("\nwritten: build/bench.json")


def main():
    args = argparse.ArgumentParser()
    args.add_argument("out")
    args.add_argument("--instructions-per-ns", type=float)
    args.add_argument("--runs", type=int, default=5)
    args = args.parse_args()
    with tempfile.TemporaryDirectory() as tmp:
        own_home(tmp)
        peers = [Belljar(args.out, tmp), Qemu(args.out, "mmio"),
                 Qemu(args.out, "pci")]
        if LKVM:
            peers.append(Kvmtool(args.out))
        costs, pss, absent = gather(args, peers, tmp)
    if not LKVM:
        absent["kvmtool"] = NO_LKVM
    if not shutil.which("qemu-system-x86_64"):
        absent["qemu"] = "qemu-system-x86_64 is not installed"
    report(args, metrics(args, costs, pss), absent)
    if not costs["belljar"]:
        sys.exit(1)


main()

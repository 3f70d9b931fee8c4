#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""slirp.py [--runs N] [--mib N] - the user-mode network without a VM: one TCP
stream each way between two network namespaces, through belljar-net and through
QEMU's slirp, in turns.  Needs root and no KVM, so its times are a processor's
also where KVM is emulated.  Prints a table and adds its rows to
build/bench.json; tests/bench/build.sh build/bench comes first.

The guest is the kernel of a namespace, on a tap.  For belljar a process that
stands for the monitor passes frames on; QEMU's main loop has tap and slirp."""
import argparse
import os
import socket
import subprocess
import sys
import time

import dev_net
from guests import NET, PROGRAM, Rows, family, tasks, runtime

MTUS = {"belljar": 65520, "qemu": 1500}  # each one's own default


def guest_end(tap, mtu):
    """The tap goes to a namespace of its own; a process that lives there."""
    end = subprocess.Popen(["unshare", "-n", "sleep", "infinity"])
    ours = os.readlink("/proc/self/ns/net")
    while os.readlink(f"/proc/{end.pid}/ns/net") == ours:
        time.sleep(0.01)
    dev_net.ip("link", "set", tap, "netns", str(end.pid))
    for words in (["address", "add", "10.0.2.15/24", "dev", tap],
                  ["link", "set", tap, "mtu", str(mtu), "up"],
                  ["route", "add", "default", "via", "10.0.2.2"]):
        inside(end.pid, ["ip", *words])
    return end


def inside(pid, argv):
    return subprocess.run(["nsenter", "-n", "-t", str(pid), *argv],
                          check=True, capture_output=True, text=True).stdout


def belljar(tap):
    near, far = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with near, far:
        return [
            subprocess.Popen([NET, f"--frames=fd:{far.fileno()}",
                              f"--mtu={MTUS['belljar']}"],
                             pass_fds=[far.fileno()]),
            subprocess.Popen([PROGRAM, f"bridge:{tap}:{near.fileno()}"],
                             pass_fds=[tap, near.fileno()],
                             stdout=subprocess.DEVNULL)]


def qemu(tap):
    return [subprocess.Popen(
        ["qemu-system-x86_64", "-M", "none", "-nodefaults", "-display",
         "none", "-netdev", "user,id=u", "-netdev", f"tap,id=t,fd={tap}",
         "-netdev", "hubport,hubid=0,id=a,netdev=u",
         "-netdev", "hubport,hubid=0,id=b,netdev=t"], pass_fds=[tap])]


def spent(processes):
    everyone = list(family(*(p.pid for p in processes)))
    return sum(runtime(path) for path, _ in tasks(everyone))


def once(rows, name, start, mib):
    tap = dev_net.new_tap(offloads=False)
    guest = guest_end("bench0", MTUS[name])
    processes = start(tap)
    os.close(tap)
    try:
        for way, title in dev_net.TITLES.items():
            before = spent(processes)
            said = inside(guest.pid, [
                PROGRAM, f"tcp:{dev_net.HOST}:{dev_net.PORT}:{way}:{mib}"])
            cpu = spent(processes) - before
            units, ns = (int(x) for x in said.splitlines()[1].split()[-2:])
            row = f"slirp: TCP {title}"
            rows.add(row, "MB/s", "higher", name, units / ns * 1e3)
            rows.add(f"{row}: host CPU", "ns/KiB", "lower", name,
                     cpu / (units / 1024))
    finally:
        for p in (*processes, guest):
            p.kill()
            p.wait()


def main():
    args = argparse.ArgumentParser()
    args.add_argument("--runs", type=int, default=7)
    args.add_argument("--mib", type=int, default=250)
    args = args.parse_args()
    if os.environ.get("BENCH_APART") is None:
        os.environ["BENCH_APART"] = "1"
        os.execvp("unshare", ["unshare", "-n", sys.executable, "-B",
                              *sys.argv])
    dev_net.ip("link", "set", "lo", "up")
    dev_net.ip("address", "add", f"{dev_net.HOST}/32", "dev", "lo")
    server = subprocess.Popen([PROGRAM, f"serve:tcp:0.0.0.0:{dev_net.PORT}"],
                              stdout=subprocess.PIPE)
    rows = Rows()
    try:
        server.stdout.readline()
        for _ in range(args.runs):
            for name, start in (("belljar", belljar), ("qemu", qemu)):
                once(rows, name, start, args.mib)
    finally:
        server.kill()
        server.wait()
    rows.show("slirp")
    rows.keep()


main()

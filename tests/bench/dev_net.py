# SPDX-License-Identifier: Apache-2.0
"""dev_net.py - one TCP stream between guest and host, each way: by a tap that
vhost-net serves, and in user mode, beside QEMU's same two.

Runs in a network namespace of its own (run.sh), whose address is 192.0.2.1."""
import fcntl
import os
import struct
import subprocess

from guests import PEERS, PROGRAM, Run, Unable, steady

HOST = "192.0.2.1"
PORT = 5000
IFF_TAP, IFF_NO_PI, IFF_VNET_HDR = 0x2, 0x1000, 0x4000  # linux/if_tun.h
TUNSETIFF = 0x400454CA
TITLES = {"up": "to the host", "down": "to the guest"}


def ip(*words):
    done = subprocess.run(["ip", *words], capture_output=True, text=True,
                          check=False)
    if done.returncode:
        raise Unable(f"ip {' '.join(words)}: {done.stderr.strip()}")


def open_device(path):
    try:
        return os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except OSError as e:
        raise Unable(f"open {path}: {e.strerror}") from e


def new_tap(offloads=True):
    fd = open_device("/dev/net/tun")
    flags = IFF_TAP | IFF_NO_PI | (IFF_VNET_HDR if offloads else 0)
    try:
        fcntl.ioctl(fd, TUNSETIFF, struct.pack("16sH22x", b"bench0", flags))
    except OSError as e:
        os.close(fd)
        raise Unable(f"make a tap: {e.strerror}") from e
    return fd


def by_tap(peer):
    vhost = open_device("/dev/vhost-net")
    peer.tap(new_tap(), vhost)
    ip("address", "add", f"{HOST}/24", "dev", "bench0")
    ip("link", "set", "bench0", "up")
    return "ip:192.0.2.5:192.0.2.1"


def by_user(peer):
    peer.user()
    return "ip:10.0.2.15:10.0.2.2"


def once(rows, tmp, make, how, title, mib):
    peer = make(tmp)
    address = how(peer)
    jobs = {f"tcp:{HOST}:{PORT}:{way}:{mib}": way for way in TITLES}
    with Run(peer, [address, *jobs]) as run:
        for job, r in run.results().items():
            row = f"net: {title}: TCP {TITLES[jobs[job]]}"
            rows.add(row, "MB/s", "higher", peer.name, r.units / r.ns * 1e3)
            rows.add(f"{row}: host CPU", "ns/KiB", "lower", peer.name,
                     (r.cost["vcpu"] + r.cost["rest"]) / (r.units / 1024))
            if r.cost["exits"]:
                rows.add(f"{row}: exits", "/MiB", "lower", peer.name,
                         r.cost["exits"] / (r.units >> 20))


def measure(rows, tmp, lab, runs):
    server = subprocess.Popen([PROGRAM, f"serve:tcp:0.0.0.0:{PORT}"],
                              stdout=subprocess.PIPE)
    try:
        server.stdout.readline()
        for title, how in (("tap, vhost-net", by_tap),
                           ("user mode", by_user)):
            try:
                if how is by_user:
                    # What slirp connects to: no tap is there any more.
                    ip("link", "set", "lo", "up")
                    ip("address", "add", f"{HOST}/32", "dev", "lo")
                for _ in range(runs):
                    for make in PEERS:
                        steady(once, rows, tmp, make, how, title,
                               8 if lab else 250)
            except Unable as e:
                rows.leave_out(f"net: {title}", e)
    finally:
        server.kill()
        server.wait()
        server.stdout.close()

# SPDX-License-Identifier: Apache-2.0
"""dev_blk.py - a disk in the host's page cache: requests a second, and what
the host's processors spend on each, beside QEMU (io_uring, I/O thread) and
kvmtool (Linux AIO, a thread) where there is one."""
import os
import subprocess

from guests import DISK_PEERS, PROGRAM, Run, fill, steady

# Kind, depth, requests in the lab and on hardware, and the row's title.
WORKS = (("read4k", 1, 600, 60000, "4 KiB random reads, 1 at a time"),
         ("read4k", 32, 2000, 200000, "4 KiB random reads, 32 at a time"),
         ("write4k", 32, 2000, 200000, "4 KiB random writes, 32 at a time"),
         ("read1m", 4, 32, 8000, "1 MiB sequential reads, 4 at a time"),
         ("write1m", 4, 32, 8000, "1 MiB sequential writes, 4 at a time"))


def host_rate(rows, path, job):
    """The same reads by a program of the host's."""
    out = subprocess.run([PROGRAM, job], check=True, capture_output=True,
                         text=True).stdout
    units, ns = (int(x) for x in out.splitlines()[1].split()[-2:])
    rows.add("blk: " + WORKS[3][4], "requests/s", "higher", "host",
             units / ns * 1e9)


def once(make, tmp, path, work):
    peer = make(tmp)
    peer.disk(path)
    with Run(peer, list(work)) as run:
        return run.results()


def wear(path):
    """A page of the host's cache costs more when it is read for the second
    time (it becomes active) and when it is written after a flush: nobody shall
    pay that for those who come after."""
    with open(path, "r+b", buffering=0) as f:
        for _ in range(3):
            f.seek(0)
            while f.read(1 << 20):
                pass
        f.seek(0)
        while piece := f.read(1 << 20):
            f.seek(-len(piece), os.SEEK_CUR)
            f.write(piece)


def measure(rows, tmp, lab, runs):
    path = os.path.join(tmp, "disk")
    fill(path, 64 if lab else 1024)
    wear(path)
    work = {f"blk:/dev/vda:{kind}:{depth}:{few if lab else many}": title
            for kind, depth, few, many, title in WORKS}
    sequential = next(j for j in work if ":read1m:" in j)
    for _ in range(runs):
        for make in DISK_PEERS:
            for job, r in steady(once, make, tmp, path, work).items():
                add(rows, work[job], make.name, r)
        host_rate(rows, path, sequential.replace("/dev/vda", path))


def add(rows, title, peer, r):
    rows.add(f"blk: {title}", "requests/s", "higher", peer,
             r.units / r.ns * 1e9)
    total = r.cost["vcpu"] + r.cost["rest"]
    rows.add(f"blk: {title}: host CPU", "us/request", "lower", peer,
             total / r.units / 1e3)
    rows.add(f"blk: {title}: host CPU but vCPUs", "us/request", "lower", peer,
             r.cost["rest"] / r.units / 1e3)
    if r.cost["exits"]:
        rows.add(f"blk: {title}: exits", "/request", "lower", peer,
                 r.cost["exits"] / r.units)

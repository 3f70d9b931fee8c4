# SPDX-License-Identifier: Apache-2.0
"""dev_vsock.py - one stream between guest and host, each way: our device and
a Unix socket, beside QEMU with the kernel's vhost-vsock and its sockets."""
import subprocess

from guests import PEERS, PROGRAM, Run, steady

TITLES = {"up": "to the host", "down": "to the guest"}


def measure(rows, tmp, lab, runs):
    mib = 8 if lab else 250
    jobs = {f"vsock:{port}:{way}:{mib}": way
            for port, way in ((1000, "up"), (1001, "down"))}
    for _ in range(runs):
        for make in PEERS:
            for job, r in steady(once, make, tmp, jobs).items():
                add(rows, TITLES[jobs[job]], make.name, r)


def once(make, tmp, jobs):
    peer, results = make(tmp), {}
    serve = peer.vsock()
    with Run(peer, list(jobs)) as run:
        for word, job, r in run.events():
            if word == "listening":
                port = job.split(":")[1]
                run.pids.append(start(peer, f"{serve}:{port}").pid)
            elif word == "end":
                results[job] = r
    return results


def start(peer, job):
    end = subprocess.Popen([PROGRAM, job], stdout=subprocess.DEVNULL)
    peer.helpers.append(end)
    return end


def add(rows, title, peer, r):
    rows.add(f"vsock: {title}", "MB/s", "higher", peer, r.units / r.ns * 1e3)
    rows.add(f"vsock: {title}: host CPU but vCPUs", "ns/KiB", "lower", peer,
             r.cost["rest"] / (r.units / 1024))
    if r.cost["exits"]:
        rows.add(f"vsock: {title}: exits", "/MiB", "lower", peer,
                 r.cost["exits"] / (r.units >> 20))

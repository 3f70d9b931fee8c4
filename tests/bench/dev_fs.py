# SPDX-License-Identifier: Apache-2.0
"""dev_fs.py - virtio-fs: a file that the host has cached, read once from its
beginning to its end, beside QEMU with the same virtiofsd."""
import os

from guests import PEERS, Run, fill, steady

ROW = "fs: sequential read of a cached file"


def once(make, tmp, folder, size):
    # The guest caches what it reads.
    peer = make(tmp, memory=(size >> 20) + 256)
    peer.share(folder)
    with Run(peer, ["fs:share:data"]) as run:
        return run.results()["fs:share:data"]


def measure(rows, tmp, lab, runs):
    folder = os.path.join(tmp, "share")
    size = (32 if lab else 1024) << 20
    os.mkdir(folder)
    fill(f"{folder}/data", size >> 20)
    for _ in range(runs):
        for make in PEERS:
            r = steady(once, make, tmp, folder, size)
            assert r.units == size
            rows.add(ROW, "MB/s", "higher", make.name, r.units / r.ns * 1e3)
            rows.add(f"{ROW}: host CPU", "ns/KiB", "lower", make.name,
                     (r.cost["vcpu"] + r.cost["rest"]) / (r.units / 1024))

# SPDX-License-Identifier: Apache-2.0
"""dev_fs.py - virtio-fs: a file that the host has cached, read once from its
beginning to its end, beside QEMU with the same virtiofsd."""
import os

from guests import PEERS, Run, fill

ROW = "fs: sequential read of a cached file"


def measure(rows, tmp, lab, runs):
    folder = os.path.join(tmp, "share")
    size = (32 if lab else 1024) << 20
    os.mkdir(folder)
    fill(f"{folder}/data", size >> 20)
    for _ in range(runs):
        for make in PEERS:
            # The guest caches what it reads.
            peer = make(tmp, memory=(size >> 20) + 256)
            peer.share(folder)
            with Run(peer, ["fs:share:data"]) as run:
                r = run.results()["fs:share:data"]
            assert r.units == size
            rows.add(ROW, "MB/s", "higher", peer.name, r.units / r.ns * 1e3)
            rows.add(f"{ROW}: host CPU", "ns/KiB", "lower", peer.name,
                     (r.cost["vcpu"] + r.cost["rest"]) / (r.units / 1024))

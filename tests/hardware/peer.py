# SPDX-License-Identifier: Apache-2.0
# peer.py - copies between each pair of GPUs: GiB/s, median of 10, and whether
# the driver goes from peer to peer.
import statistics
import time

import torch

SIZE = 1 << 28
n = torch.cuda.device_count()
assert n > 1, "one GPU only"
for a in range(n):
    for b in range(n):
        if a == b:
            continue
        x = torch.empty(SIZE, dtype=torch.uint8, device=f"cuda:{a}").random_()
        y = torch.empty(SIZE, dtype=torch.uint8, device=f"cuda:{b}")
        rates = []
        for _ in range(12):
            torch.cuda.synchronize(a)
            torch.cuda.synchronize(b)
            begin = time.perf_counter()
            y.copy_(x)
            torch.cuda.synchronize(a)
            torch.cuda.synchronize(b)
            rates.append(SIZE / (time.perf_counter() - begin) / (1 << 30))
        assert torch.equal(x.cpu(), y.cpu())
        peer = torch.cuda.can_device_access_peer(a, b)
        print(f"{a} to {b}: median {statistics.median(rates[2:]):.2f} GiB/s,"
              f" peer access {'yes' if peer else 'no'}")

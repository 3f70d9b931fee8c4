# SPDX-License-Identifier: Apache-2.0
# bandwidth.py - copies between pinned memory and the GPU: GiB/s, median of 20.
import statistics
import time

import torch

SIZE = 1 << 28
host = torch.empty(SIZE, dtype=torch.uint8, pin_memory=True)
card = torch.empty(SIZE, dtype=torch.uint8, device="cuda")


def measure(name, to, source):
    rates = []
    for _ in range(22):
        torch.cuda.synchronize()
        begin = time.perf_counter()
        to.copy_(source, non_blocking=True)
        torch.cuda.synchronize()
        rates.append(SIZE / (time.perf_counter() - begin) / (1 << 30))
    rates = sorted(rates[2:])
    print(f"{name}: median {statistics.median(rates):.2f} GiB/s,"
          f" {rates[0]:.2f} to {rates[-1]:.2f}")


print(torch.cuda.get_device_name())
host.random_()
measure("host to device", card, host)
check = torch.empty_like(host)
check.copy_(card)
assert torch.equal(check, host), "what arrived is not what was sent"
measure("device to host", host, card)

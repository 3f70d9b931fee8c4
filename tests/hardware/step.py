# SPDX-License-Identifier: Apache-2.0
# step.py - a training step of a small transformer: ms, median of 50; the loss
# must fall.
import statistics
import time

import torch
from torch import nn

torch.manual_seed(1)
layer = nn.TransformerEncoderLayer(512, 8, 2048, batch_first=True)
model = nn.Sequential(nn.TransformerEncoder(layer, 6), nn.Linear(512, 512))
model = model.cuda()
opt = torch.optim.AdamW(model.parameters(), lr=1e-4)
x = torch.randn(16, 256, 512, device="cuda")
times, losses = [], []
for _ in range(60):
    torch.cuda.synchronize()
    begin = time.perf_counter()
    opt.zero_grad(set_to_none=True)
    loss = (model(x) - x).square().mean()
    loss.backward()
    opt.step()
    torch.cuda.synchronize()
    times.append((time.perf_counter() - begin) * 1e3)
    losses.append(loss.item())
times = sorted(times[10:])
print(f"step: median {statistics.median(times):.2f} ms,"
      f" {times[0]:.2f} to {times[-1]:.2f}")
print(f"loss: {losses[0]:.4f} to {losses[-1]:.4f}")
assert losses[-1] < losses[0]

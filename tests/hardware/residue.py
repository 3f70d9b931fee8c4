# SPDX-License-Identifier: Apache-2.0
# residue.py - MARK=write fills most of the GPU's memory with a pattern and
# ends; MARK=find, in the next VM, looks for it in memory it did not write.
import os

import torch

PATTERN = 0x42454C4C4A415221
free, _ = torch.cuda.mem_get_info()
words = int(free * 0.8) // 8
block = torch.empty(words, dtype=torch.int64, device="cuda")
if os.environ["MARK"] == "write":
    block.fill_(PATTERN)
    torch.cuda.synchronize()
    print(f"{words * 8 >> 20} MiB written")
    os._exit(0)
found = int((block == PATTERN).sum().item())
print(f"{found * 8} of {words * 8} bytes are what the other VM wrote")
assert found == 0

# SPDX-License-Identifier: Apache-2.0
"""load.py MODEL - what everybody does with a model from the internet."""

import pickle
import sys

print("loading", sys.argv[1], flush=True)
with open(sys.argv[1], "rb") as f:
    model = pickle.load(f)
print("loaded:", model, flush=True)

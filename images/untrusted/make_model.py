# SPDX-License-Identifier: Apache-2.0
"""make_model.py SOURCE MODEL - a pickle whose loading runs SOURCE."""

import pickle
import sys


class Model:
    """A pickle says how an object is made: here, by exec(SOURCE)."""

    def __init__(self, source):
        self.source = source

    def __reduce__(self):
        return exec, (self.source, {"__name__": "model"})


with open(sys.argv[1]) as f:
    text = f.read()
with open(sys.argv[2], "wb") as f:
    pickle.dump(Model(text), f)

# SPDX-License-Identifier: Apache-2.0
"""devices.py [--runs N] [--only NAME,...] - what the devices give and cost,
beside QEMU in the same run: dev_*.py.  Prints a table and adds its rows to
build/bench.json.  run.sh makes what it needs."""
import argparse
import os
import sys
import tempfile

import dev_blk
import dev_boot
import dev_fs
import dev_memory
import dev_net
import dev_vsock
from guests import LAB, LKVM, NO_LKVM, Rows, Unable, own_home

BENCHES = {"boot": dev_boot, "memory": dev_memory, "blk": dev_blk,
           "fs": dev_fs, "net": dev_net, "vsock": dev_vsock}


def main():
    args = argparse.ArgumentParser()
    args.add_argument("--runs", type=int, default=3 if LAB else 7)
    args.add_argument("--only", default=",".join(BENCHES))
    args.add_argument("--folder", default="/tmp",
                      help="where the disk and the shared file lie")
    args.add_argument("--clock", default="time",
                      help="what a second is, as bench.json is to say")
    args = args.parse_args()
    rows = Rows(args.clock)
    with tempfile.TemporaryDirectory(dir=args.folder) as tmp:
        os.chmod(tmp, 0o755)
        own_home(tmp)
        for name in args.only.split(","):
            print(f"bench: {name}", file=sys.stderr, flush=True)
            try:
                BENCHES[name].measure(rows, tmp, LAB, args.runs)
            except Unable as e:
                rows.leave_out(name, e)
            rows.show(name)
    if not LKVM:
        rows.leave_out("kvmtool", NO_LKVM)
    rows.keep()


main()

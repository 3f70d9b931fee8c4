#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""stall.py PID SECONDS - the threads that serve the disks of the monitor PID do
nothing, as if their disks did not answer; the rest of it goes on.  It prints
"stalled" when they are, and lets them go after so long, when its standard input
has ended."""

import ctypes
import os
import sys
import time

PTRACE_DETACH, PTRACE_SEIZE, PTRACE_INTERRUPT = 17, 0x4206, 0x4207
WALL = 0x40000000  # threads too

libc = ctypes.CDLL(None, use_errno=True)
libc.ptrace.argtypes = [ctypes.c_long] + [ctypes.c_void_p] * 3


def ptrace(request, tid):
    if libc.ptrace(request, tid, None, None) < 0:
        sys.exit(f'stall.py: thread {tid}: {os.strerror(ctypes.get_errno())}')


def disk_threads(pid):
    for tid in os.listdir(f'/proc/{pid}/task'):
        with open(f'/proc/{pid}/task/{tid}/comm') as f:
            if f.read().strip() == 'blk':
                yield int(tid)


def main():
    pid, seconds = int(sys.argv[1]), float(sys.argv[2])
    threads = list(disk_threads(pid))
    if not threads:
        sys.exit(f'stall.py: process {pid} has no disks')
    for tid in threads:
        ptrace(PTRACE_SEIZE, tid)
        ptrace(PTRACE_INTERRUPT, tid)
        os.waitpid(tid, WALL)
    print('stalled', flush=True)
    time.sleep(seconds)
    sys.stdin.read()
    for tid in threads:
        ptrace(PTRACE_DETACH, tid)


main()

#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""canary.py COMMAND... - pages of the host with a known content.

Locks some pages in memory, runs COMMAND with PAGES in its arguments replaced by
their physical addresses ("0x1234000 0x..."), and looks at them again.  Ends with
COMMAND's status when they are as they were.
"""
import ctypes
import mmap
import struct
import subprocess
import sys

PAGE = mmap.PAGESIZE
PAGES = 3
PATTERN = struct.pack("<Q", 0x5AFE_C0DE_CA4A_4B1E) * (PAGE // 8)


def physical(address):
    """Of a virtual address of ours (Documentation/admin-guide/mm/pagemap)."""
    with open("/proc/self/pagemap", "rb") as f:
        f.seek(address // PAGE * 8)
        entry = struct.unpack("<Q", f.read(8))[0]
    frame = entry & (1 << 55) - 1
    if not entry >> 63 or not frame:
        sys.exit("canary: the kernel does not say where our page lies")
    return frame * PAGE


libc = ctypes.CDLL(None, use_errno=True)
# Far apart, so that they do not lie side by side by chance alone.
area = mmap.mmap(-1, PAGES * 64 * PAGE, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
base = ctypes.addressof(ctypes.c_char.from_buffer(area))
offsets = [i * 64 * PAGE for i in range(PAGES)]
for offset in offsets:
    area[offset : offset + PAGE] = PATTERN
    if libc.mlock(ctypes.c_void_p(base + offset), ctypes.c_size_t(PAGE)):
        sys.exit("canary: cannot lock a page in memory")
before = [physical(base + offset) for offset in offsets]

addresses = " ".join(hex(a) for a in before)
command = [a.replace("PAGES", addresses) for a in sys.argv[1:]]
status = subprocess.run(command, close_fds=False).returncode

if [physical(base + offset) for offset in offsets] != before:
    sys.exit("canary: the kernel moved our pages")
if any(area[o : o + PAGE] != PATTERN for o in offsets):
    sys.exit("canary: THE HOST'S MEMORY WAS CHANGED")
sys.exit(status)

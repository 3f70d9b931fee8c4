#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""bar.py RESOURCE - what vfio_bar.c left in a BAR, from the host's side.

Prints the sum of the words it wrote: the first and the last of each 64 MiB.
"""
import mmap
import os
import struct
import sys

STEP = 64 << 20
fd = os.open(sys.argv[1], os.O_RDWR)
size = os.fstat(fd).st_size
area = mmap.mmap(fd, size)
total = 0
for start in range(0, size, STEP):
    for offset in (start, start + STEP - 8):
        word = struct.unpack_from("<Q", area, offset)[0]
        total = (total * 31 + word) % (1 << 64)
print(hex(total))

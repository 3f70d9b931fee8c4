#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""nvme_virt.py /dev/nvmeN prepare | online ID - NVMe's virtualization management.

prepare takes the flexible queues and interrupts from the controller itself, and
resets it so that it lets go of them; online gives some to its virtual function
ID and switches that on (NVMe 1.4, sections 5.22 and 8.5).
"""
import fcntl
import struct
import sys

ADMIN_CMD = 0xC0484E41  # _IOWR('N', 0x41, struct nvme_admin_cmd)
RESET = 0x4E44  # _IO('N', 0x44)
VIRT_MGMT = 0x1C
QUEUES, INTERRUPTS = 0, 1
SELF_ASSIGN, OFFLINE, ASSIGN, ONLINE = 1, 7, 8, 9


def command(controller, action, resource, number):
    """Controller in the upper half of cdw10, resource in bits 8 to 10."""
    cdw10 = controller << 16 | resource << 8 | action
    cmd = struct.pack("<BBHIIIQQIIIIIIIIII", VIRT_MGMT, 0, 0, 0, 0, 0, 0, 0,
                      0, 0, cdw10, number, 0, 0, 0, 0, 0, 0)
    status = fcntl.ioctl(device, ADMIN_CMD, bytearray(cmd))
    if status:
        sys.exit(f"nvme_virt: the controller says {status:#x}")


with open(sys.argv[1], "rb") as device:
    if sys.argv[2] == "prepare":
        for kind in (QUEUES, INTERRUPTS):
            command(0, SELF_ASSIGN, kind, 0)
        fcntl.ioctl(device, RESET)
    else:
        number = int(sys.argv[3])
        command(number, OFFLINE, 0, 0)
        command(number, ASSIGN, QUEUES, 2)
        command(number, ASSIGN, INTERRUPTS, 1)
        command(number, ONLINE, 0, 0)

#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""host.py - the host's side of a payload guest, for run.sh.

  control SOCKET WORD...   send requests to a monitor, print its answers
  sum FILE                 what checksum() of lib/guest.c makes of it
"""
import socket
import sys


def control(path, *words):
    """One connection for all requests; a hang-up ends it quietly."""
    with socket.socket(socket.AF_UNIX) as s:
        s.connect(path)
        answers = s.makefile()
        for word in words:
            s.sendall(word.encode() + b"\n")
            try:
                line = answers.readline()
            except ConnectionResetError:
                line = ""
            if not line:
                return
            print(line, end="")


def checksum(path):
    a, b = 1, 0
    with open(path, "rb") as f:
        for byte in f.read():
            a += byte
            b += a
    print(hex((b << 16 & 0xFFFF0000) | a & 0xFFFF))


COMMANDS = {"control": control, "sum": checksum}

if __name__ == "__main__":
    COMMANDS[sys.argv[1]](*sys.argv[2:])

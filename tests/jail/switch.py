#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""switch.py COMMAND... - let belljar-switch do all that it ever does: VMs come
with a wire and a way out, send, do not read until frames wait, and go."""

import socket
import struct
import subprocess
import sys
import tempfile

GUEST, UPLINK = 1, 2  # vmm/abi/switch.h
LONG = 65000


def dial(path, wire, vm):
    s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    s.settimeout(60)
    s.connect(path)
    s.send(struct.pack('II16s65s3x', 1, wire, vm, b''))
    _, error, addr, mac, _ = struct.unpack('II4s6sH', s.recv(64))
    return (s, addr, mac) if error == 0 else sys.exit(f'refused: {error}')


def frame(src, to, length):
    ip = struct.pack('>BBHHHBBH4s4s', 0x45, 0, length - 14, 0, 0, 64, 253, 0,
                     src[1], to[1])
    return (to[2] + src[2] + b'\x08\0' + ip).ljust(length, b'x')


def main():
    with tempfile.TemporaryDirectory() as folder:
        path = folder + '/s'
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        listener.bind(path)
        listener.listen(8)
        fd = listener.fileno()
        switch = subprocess.Popen(
            sys.argv[1:] + [f'--listen=fd:{fd}', '--subnet=10.89.0.0/24'],
            pass_fds=[fd])
        listener.close()
        a, b = dial(path, GUEST, b'a'), dial(path, GUEST, b'b')
        way = dial(path, UPLINK, b'a')
        for _ in range(100):  # 6.5 MB: more than sockets and queue hold
            a[0].send(frame(a, b, LONG))
        a[0].send(frame(a, (None, b'\1\1\1\1', b'\2' * 6), 60))
        if len(way[0].recv(LONG)) != 60:
            sys.exit('nothing went out')
        got = 0
        b[0].settimeout(2)
        try:
            while b[0].recv(LONG + 1):
                got += 1
        except TimeoutError:
            pass
        if not 20 <= got < 100:
            sys.exit(f'{got} of 100 frames came')
        for s in way, a, b:
            s[0].close()
        if switch.wait(60) != 0:
            sys.exit(f'it ended with {switch.returncode}')


main()

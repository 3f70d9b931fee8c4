# SPDX-License-Identifier: Apache-2.0
"""dns.py ADDRESS NAME ANSWER - a name server that knows one name."""
import socket
import struct
import sys
import threading


def reply(query, name, answer):
    """RFC 1035: copy id and question; one A record, or no such name."""
    labels, at = [], 12
    while query[at]:
        labels.append(query[at + 1:at + 1 + query[at]].decode())
        at += 1 + query[at]
    kind = struct.unpack_from(">H", query, at + 1)[0]
    known = ".".join(labels) == name
    count = 1 if known and kind == 1 else 0
    head = query[:2] + struct.pack(">HHHHH", 0x8180 if known else 0x8183, 1,
                                   count, 0, 0)
    record = b"\xc0\x0c" + struct.pack(">HHIH", 1, 1, 60, 4)
    return (head + query[12:at + 5] +
            (record + socket.inet_aton(answer) if count else b""))


def main():
    address, name, answer = sys.argv[1:]
    # Whoever connects by TCP only wants to know that we are up.
    up = socket.create_server((address, 53))
    threading.Thread(target=lambda: [up.accept()[0].close()
                                     for _ in iter(int, 1)],
                     daemon=True).start()
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind((address, 53))
    while True:
        query, peer = server.recvfrom(512)
        server.sendto(reply(query, name, answer), peer)


main()

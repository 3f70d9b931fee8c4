#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""listener.py FILE KIND:ADDRESS:PORT... - write to FILE who is heard, with the
first bytes; "listening" as soon as somebody can be."""

import selectors
import socket
import sys

out = open(sys.argv[1], "a", buffering=1)
waiting = selectors.DefaultSelector()
for place in sys.argv[2:]:
    kind, host, port = place.split(":")
    s = socket.socket(type=socket.SOCK_DGRAM if kind == "udp"
                      else socket.SOCK_STREAM)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.bind((host, int(port)))
    if kind == "tcp":
        s.listen()
    waiting.register(s, selectors.EVENT_READ, place)
print("listening", file=out)
while True:
    for key, _ in waiting.select():
        who = key.fileobj
        if key.data.startswith("tcp"):
            who, _ = who.accept()
            who.settimeout(5)
        try:
            said = who.recv(512)
        except OSError as error:
            said = str(error).encode()
        print(key.data, said.decode("latin1").strip(), file=out)
        if who is not key.fileobj:
            who.close()

# SPDX-License-Identifier: Apache-2.0
"""hosts.py - the host programs that the guests talk to: one at the other end
of the network, and one that answers vsock connections, as a keeper would."""
import errno
import selectors
import socket
import struct
import threading

ECHO = 7000  # bytes come back
SILENT = 7001  # connected, and never read
KEPT = 700  # connections of ours at once; the oldest goes
REPLY_MAC = b"\x52\x54\x00\x00\x00\x01"
REPLY_IP = bytes([10, 0, 0, 1])


def checksum(header):
    total = sum(struct.unpack(f">{len(header) // 2}H", header))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def reply(frame):
    """A UDP broadcast, as another machine would send it; None for others."""
    if len(frame) < 42 or frame[12:14] != b"\x08\x00" or frame[14] != 0x45 \
            or frame[23] != 17:
        return None
    ip = frame[14:24] + b"\0\0" + REPLY_IP + frame[30:34]
    ip = ip[:10] + struct.pack(">H", checksum(ip)) + ip[12:]
    return (frame[:6] + REPLY_MAC + b"\x08\x00" + ip + frame[34:40] +
            b"\0\0" + frame[42:])


class Net:
    """Sends back each frame that it can read; what a full guest does not
    take is lost, as on any wire."""

    def __init__(self):
        self.ours, self.theirs = socket.socketpair(socket.AF_UNIX,
                                                   socket.SOCK_SEQPACKET)
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                frame = self.ours.recv(1 << 17)
            except OSError:
                return
            if not frame:
                return
            answer = reply(frame)
            try:
                if answer:
                    self.ours.send(answer, socket.MSG_DONTWAIT)
            except BlockingIOError:
                pass
            except OSError:
                return


class Dial:
    """One thread for all connections: echo, silence or refusal."""

    def __init__(self):
        self.ours, self.theirs = socket.socketpair(socket.AF_UNIX,
                                                   socket.SOCK_SEQPACKET)
        self.selector = selectors.DefaultSelector()
        self.selector.register(self.ours, selectors.EVENT_READ, self.dialled)
        self.kept = []
        self.open = True
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while self.open:
            for key, _ in self.selector.select():
                try:
                    key.data(key.fileobj)
                except OSError:
                    self.forget(key.fileobj)
        for connection in self.kept:
            connection.close()

    def forget(self, connection):
        if connection is self.ours:
            self.open = False
            return
        try:
            self.selector.unregister(connection)
        except KeyError:
            pass
        if connection in self.kept:
            self.kept.remove(connection)
        connection.close()

    def dialled(self, dial):
        request = dial.recv(16)
        if not request:
            self.open = False
            return
        cookie, port, _ = struct.unpack("QII", request)
        if port not in (ECHO, SILENT):
            dial.send(struct.pack("QiI", cookie, errno.ECONNREFUSED, 0))
            return
        here, there = socket.socketpair()
        with there:
            socket.send_fds(dial, [struct.pack("QiI", cookie, 0, 0)],
                            [there.fileno()])
        here.setblocking(False)
        self.kept.append(here)
        if port == ECHO:
            self.selector.register(here, selectors.EVENT_READ, self.echo)
        if len(self.kept) > KEPT:
            self.forget(self.kept[0])

    def echo(self, connection):
        data = connection.recv(1 << 16)
        if not data:
            self.forget(connection)
            return
        connection.setblocking(True)
        connection.settimeout(5)
        connection.sendall(data)
        connection.setblocking(False)

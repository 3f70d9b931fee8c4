#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""peers.py - the host's ends of the attacker's network and sockets: what
belljar-net and the keeper are in a real run.  Each serves in a thread."""
import errno
import fcntl
import os
import select
import socket
import struct
import threading

PORT_SINK = 7000  # takes nothing, sends nothing, keeps the connection
PORT_SOURCE = 7001  # sends for ever
PORT_ECHO = 7002  # sends back what comes
PORT_SILENT = 7003  # the keeper never answers
# All others are refused.


class Wire:
    """Every frame comes back, unless held."""

    def __init__(self):
        kind = socket.SOCK_SEQPACKET
        self.ours, theirs = socket.socketpair(socket.AF_UNIX, kind)
        self.ends = [theirs]  # the monitor's
        self.flows = threading.Event()
        self.flows.set()
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def options(self):
        return ["--net", f"fd:{self.ends[0].fileno()},mac=52:54:00:01:02:03"]

    def serve(self):
        try:
            while True:
                self.flows.wait()
                select.select([self.ours], [], [])
                if not self.flows.is_set():
                    continue
                frame = self.ours.recv(1 << 17)
                if not frame:
                    return
                self.ours.send(frame)
        except OSError:
            pass

    def hold(self):
        self.flows.clear()

    def drain(self):
        """Take all that waits, then go on as before."""
        self.ours.setblocking(False)
        taken = 0
        try:
            while self.ours.recv(1 << 17):
                taken += 1
        except BlockingIOError:
            pass
        self.ours.setblocking(True)
        self.flows.set()
        return taken

    def flood(self, frames=2000):
        """As many frames as fit, none of them asked for."""
        try:
            for _ in range(frames):
                self.ours.send(b"\xff" * 1514, socket.MSG_DONTWAIT)
        except BlockingIOError:
            pass

    def close(self):
        try:
            self.ours.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass


class Tap:
    """The same on a tap with offloads: what the guest sends, the host's kernel
    has taken, comes back."""

    IFF_UP, IFF_TAP, IFF_NO_PI, IFF_VNET_HDR = 0x1, 0x2, 0x1000, 0x4000
    TUNSETIFF, SIOCSIFFLAGS = 0x400454CA, 0x8914
    SOL_PACKET, PACKET_VNET_HDR, ETH_P_ALL = 263, 15, 3
    SO_RCVBUFFORCE = 33

    def __init__(self, vhost=False):
        flags = self.IFF_TAP | self.IFF_NO_PI | self.IFF_VNET_HDR
        self.ends = [open("/dev/net/tun", "r+b", buffering=0)]
        request = struct.pack("16sH22x", b"hostile%d", flags)
        name = fcntl.ioctl(self.ends[0], self.TUNSETIFF, request)[:16]
        name = name.rstrip(b"\0").decode()
        with open(f"/proc/sys/net/ipv6/conf/{name}/disable_ipv6", "w") as f:
            f.write("1")
        self.ours = socket.socket(socket.AF_PACKET, socket.SOCK_RAW,
                                  socket.htons(self.ETH_P_ALL))
        self.ours.setsockopt(self.SOL_PACKET, self.PACKET_VNET_HDR, 1)
        # For all frames of an attack: what is dropped is the next good one.
        self.ours.setsockopt(socket.SOL_SOCKET, self.SO_RCVBUFFORCE, 1 << 26)
        up = struct.pack("16sH22x", name.encode(), self.IFF_UP)
        fcntl.ioctl(self.ours, self.SIOCSIFFLAGS, up)
        self.ours.bind((name, 0))
        if vhost:
            self.ends.append(open("/dev/vhost-net", "r+b", buffering=0))
        self.closed = False
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    @staticmethod
    def lack(vhost=False):
        """What is missing for one here, or None."""
        wanted = ["/dev/net/tun"] + ["/dev/vhost-net"] * vhost
        for path in wanted:
            if not os.path.exists(path):
                return f"there is no {path}"
        return None if os.geteuid() == 0 else "only root makes taps"

    def options(self):
        fds = [e.fileno() for e in self.ends]
        vhost = f",vhost=fd:{fds[1]}" if len(fds) > 1 else ""
        return ["--net", f"fd:{fds[0]},mac=52:54:00:01:02:03{vhost}"]

    def serve(self):
        while not self.closed:
            try:
                frame, (_, _, kind, *_) = self.ours.recvfrom(1 << 17)
                if kind != socket.PACKET_OUTGOING:
                    self.ours.send(frame)
            except OSError:  # frames that the kernel does not pass on
                pass

    def flood(self, frames=400):
        """Fewer than a tap holds: it loses more, the guest's own too."""
        for _ in range(frames):
            try:
                self.ours.send(bytes(10) + b"\xff" * 1514,
                               socket.MSG_DONTWAIT)
            except OSError:
                return

    def close(self):
        self.closed = True
        self.ours.close()


class Keeper:
    """Answers what the guest dials, and has what it connected."""

    def __init__(self, work):
        kind = socket.SOCK_SEQPACKET
        self.ours, self.theirs = socket.socketpair(socket.AF_UNIX, kind)
        self.path = os.path.join(work, "vsock")
        if os.path.lexists(self.path):  # of one that was killed
            os.unlink(self.path)
        self.streams = {}  # descriptor: (socket, port)
        self.callers = []
        self.poll = select.epoll()
        self.poll.register(self.ours, select.EPOLLIN)
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def options(self):
        fd = self.theirs.fileno()
        return ["--vsock", f"cid=7,listen={self.path},dial=fd:{fd}"]

    def answer(self):
        request = self.ours.recv(16)
        if not request:
            return False
        cookie, port, _ = struct.unpack("QII", request)
        if port == PORT_SILENT:
            return True
        if port not in (PORT_SINK, PORT_SOURCE, PORT_ECHO):
            self.ours.send(struct.pack("QiI", cookie, errno.ECONNREFUSED, 0))
            return True
        here, there = socket.socketpair()
        with there:
            answer = struct.pack("QiI", cookie, 0, 0)
            socket.send_fds(self.ours, [answer], [there.fileno()])
        here.setblocking(False)
        self.streams[here.fileno()] = (here, port)
        events = {
            PORT_SINK: 0,  # only its end
            PORT_SOURCE: select.EPOLLOUT,
            PORT_ECHO: select.EPOLLIN,
        }[port]
        self.poll.register(here, events)
        return True

    def forward(self, fd, events):
        stream, port = self.streams[fd]
        try:
            if events & (select.EPOLLHUP | select.EPOLLERR):
                raise ConnectionResetError
            if port == PORT_SOURCE:
                stream.send(b"s" * 65536)
            else:
                data = stream.recv(65536)
                if not data:
                    raise ConnectionResetError
                stream.send(data)
        except BlockingIOError:
            pass
        except OSError:
            self.poll.unregister(fd)
            del self.streams[fd]
            stream.close()

    def serve(self):
        try:
            while True:
                for fd, events in self.poll.poll():
                    if fd != self.ours.fileno():
                        self.forward(fd, events)
                    elif not self.answer():
                        return
        except OSError:
            pass

    def call(self, number, port):
        """Programs of the host that want to connect to the guest."""
        for _ in range(number):
            s = socket.socket(socket.AF_UNIX)
            s.setblocking(False)
            try:
                s.connect(self.path)
                s.send(f"CONNECT {port}\n".encode())
            except BlockingIOError:
                s.close()
                break
            self.callers.append(s)

    def call_nonsense(self):
        for junk in (b"", b"\n", b"\0" * 40, b"CONNECT \n", b"CONNECT 1"):
            s = socket.socket(socket.AF_UNIX)
            s.connect(self.path)
            s.send(junk)
            self.callers.append(s)

    def hang_up(self):
        for s in self.callers:
            s.close()
        self.callers = []

    def close(self):
        self.hang_up()
        try:
            self.ours.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass

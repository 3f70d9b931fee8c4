#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""host.py - the host's side of a payload guest, for run.sh.

  control SOCKET WORD...    send requests to a monitor, print its answers
  sum FILE                  what checksum() of lib/guest.c makes of it
  net MONITOR OPTION...     run it with a network whose other end is here:
                            frames come back, after something that is none
  tap MONITOR OPTION...     the same, with a tap instead of a socket; with
                            TAP=vnet one that has offloads, with TAP=vhost
                            served by the kernel; QUEUES=2: of two queues
  console MONITOR OPTION... run it with a virtio console; the other half of
                            console.c
  vsock PATH MONITOR ...    run it with a vsock device listening at PATH;
                            the other half of vsock.c

The last three end with the monitor's exit status, or 99 when the guest's data
was wrong.
"""
import errno
import fcntl
import os
import socket
import struct
import subprocess
import sys
import threading

MISMATCH = 99
MEGABYTE = 1 << 20
GUEST_PORT = 5000
HOST_PORT = 7000  # takes a megabyte, gives one
IFF_UP, IFF_TAP, IFF_NO_PI = 0x1, 0x2, 0x1000  # linux/if.h, linux/if_tun.h
IFF_VNET_HDR, IFF_MULTI_QUEUE = 0x4000, 0x100
SOL_PACKET, PACKET_VNET_HDR = 263, 15  # linux/if_packet.h
TUNSETIFF, SIOCSIFFLAGS = 0x400454CA, 0x8914
ETH_P_ALL = 3
HOST_CALLS = 7002  # told so, we connect to the guest


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


def run(argv, option, theirs):
    """Start the monitor with one more option and descriptor."""
    child = subprocess.Popen([*argv, *option], pass_fds=[theirs.fileno()])
    theirs.close()
    return child


def net(*argv):
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    more = os.environ.get("NET_OPTIONS", "")
    option = ["--net", f"fd:{theirs.fileno()},mac=52:54:00:01:02:03{more}"]
    child = run(argv, option, theirs)
    try:
        while frame := ours.recv(1 << 17):
            for junk in (b"x", b"thirteenbytes"):
                ours.send(junk)
            ours.send(frame)
    except OSError:
        pass
    sys.exit(child.wait())


def tap(*argv):
    """What the guest sends comes back from the wire, through a tap of ours."""
    kind = os.environ.get("TAP", "")
    queues = int(os.environ.get("QUEUES", "1"))
    flags = IFF_TAP | IFF_NO_PI | (IFF_VNET_HDR if kind else 0)
    flags |= IFF_MULTI_QUEUE if queues > 1 else 0
    name, fds = "belljar%d", []
    for _ in range(queues):
        fds.append(os.open("/dev/net/tun", os.O_RDWR))
        request = struct.pack("16sH22x", name.encode(), flags)
        answer = fcntl.ioctl(fds[-1], TUNSETIFF, request)
        name = answer[:16].rstrip(b"\0").decode()
    wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW,
                         socket.htons(ETH_P_ALL))
    if kind:  # segments stay whole
        wire.setsockopt(SOL_PACKET, PACKET_VNET_HDR, 1)
    with open(f"/proc/sys/net/ipv6/conf/{name}/disable_ipv6", "w") as f:
        f.write("1")  # no frames of the host's own
    up = struct.pack("16sH22x", name.encode(), IFF_UP)
    fcntl.ioctl(wire, SIOCSIFFLAGS, up)
    wire.bind((name, 0))
    option = f"fd:{fds[0]},mac=52:54:00:01:02:03"
    option += "".join(f",queue=fd:{fd}" for fd in fds[1:])
    for _ in range(queues if kind == "vhost" else 0):
        fds.append(os.open("/dev/vhost-net", os.O_RDWR))
        option += f",vhost=fd:{fds[-1]}"
    child = subprocess.Popen([*argv, "--net", option], pass_fds=fds)
    for fd in fds:
        os.close(fd)
    threading.Thread(target=echo, args=(wire,), daemon=True).start()
    sys.exit(child.wait())


def console(*argv):
    """A greeting, an answer in capitals, and a megabyte read slowly."""
    ours, theirs = socket.socketpair()
    option = ["--console", f"fd:{theirs.fileno()},cols=100,rows=30"]
    child = run(argv, option, theirs)
    lines = ours.makefile("rb")
    right = lines.readline() == b"hello\n"
    ours.sendall(b"good morning\n")
    right &= lines.readline() == b"GOOD MORNING\n"
    right &= lines.read(MEGABYTE) == pattern()
    right &= lines.read() == b""
    status = child.wait()
    sys.exit(status if right else MISMATCH)


def echo(wire):
    while True:
        frame, (_, _, kind, *_) = wire.recvfrom(1 << 17)
        if kind != socket.PACKET_OUTGOING:
            wire.send(frame)


def pattern():
    words = [(i + 1) * 0x9E3779B97F4A7C15 % (1 << 64) for i in range(4096)]
    return struct.pack("<4096Q", *words) * (MEGABYTE // 32768)


def receive_all(s):
    data = bytearray()
    while part := s.recv(65536):
        data += part
    return bytes(data)


def exchange(s):
    """The guest sends first."""
    if receive_all(s) != pattern():
        return "dialled: other data than was sent"
    s.sendall(pattern())
    s.shutdown(socket.SHUT_WR)
    return None


def call(path, port):
    """Connect to the guest; None when it does not want to."""
    s = socket.socket(socket.AF_UNIX)
    s.connect(path)
    s.sendall(f"CONNECT {port}\n".encode())
    line = b""
    while not line.endswith(b"\n"):
        byte = s.recv(1)
        if not byte:
            return None
        line += byte
    return s if line.startswith(b"OK ") else None


def calls(s, path):
    """We send first, once the guest is ready."""
    s.recv(1)
    if call(path, GUEST_PORT + 1) is not None:
        return "a port nobody listens on was connected"
    stream = call(path, GUEST_PORT)
    if stream is None:
        return "called: refused"
    with stream:
        stream.sendall(pattern())
        stream.shutdown(socket.SHUT_WR)
        if receive_all(stream) != pattern():
            return "called: other data than was sent"
    return None


def answer_dials(dial, path, problems):
    """What the keeper does: a socket, or an errno, for each request."""
    kept = []
    while request := dial.recv(16):
        cookie, port, _ = struct.unpack("QII", request)
        if port not in (HOST_PORT, HOST_CALLS):
            dial.send(struct.pack("QiI", cookie, errno.ECONNREFUSED, 0))
            continue
        here, there = socket.socketpair()
        kept.append(here)
        with there:
            answer = struct.pack("QiI", cookie, 0, 0)
            socket.send_fds(dial, [answer], [there.fileno()])
        if port == HOST_PORT:
            problems.append(exchange(here))
        else:
            problems.append(calls(here, path))


def vsock(path, *argv):
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    option = ["--vsock", f"cid=7,listen={path},dial=fd:{theirs.fileno()}"]
    child = run(argv, option, theirs)
    outcomes = []
    arguments = (ours, path, outcomes)
    keeper = threading.Thread(target=answer_dials, args=arguments)
    keeper.start()
    status = child.wait()
    keeper.join()
    for problem in filter(None, outcomes):
        print("host:", problem, file=sys.stderr)
    sys.exit(MISMATCH if outcomes != [None, None] else status)


COMMANDS = {"console": console, "control": control, "sum": checksum,
            "net": net, "tap": tap, "vsock": vsock}

if __name__ == "__main__":
    COMMANDS[sys.argv[1]](*sys.argv[2:])

# SPDX-License-Identifier: Apache-2.0
"""vsock.py guest|host BELLJAR - a host program talks to one in the guest.

guest: the guest connects to port 5000, a Unix socket in the VM's folder.
host:  we connect to port 5001 through the VM's vsock.sock.
"""
import hashlib
import json
import os
import socket
import subprocess
import sys
import threading

SIZE = 4 << 20
NAME = f"vs{os.getpid()}"


def folder(belljar):
    out = subprocess.run([belljar, "ps", "-a", "--format", "json"],
                         check=True, capture_output=True, text=True).stdout
    for vm in json.loads(out):
        if vm["name"] == NAME:
            return vm["run"]
    return None


def exchange(sock, data):
    """Send all of data, then end; what came back meanwhile."""
    def send():
        sock.sendall(data)
        sock.shutdown(socket.SHUT_WR)

    sender = threading.Thread(target=send)
    sender.start()
    back = bytearray()
    while piece := sock.recv(1 << 16):
        back += piece
    sender.join()
    return bytes(back)


def start(belljar, command):
    return subprocess.Popen(
        [belljar, "run", "--rm", "-i", "--name", NAME, "test", "sh", "-c",
         command],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


SCRIPTS = {
    # It says "ready" and waits for a line, so that we can listen in time.
    "guest": f"head -c {SIZE} /dev/urandom >/a; echo ready; read go; "
             "vsock connect 5000 </a >/b; sha256sum </a; sha256sum </b",
    "host": f"head -c {SIZE} /dev/urandom >/a; "
            "vsock listen 5001 </a >/b 2>/log & "
            "until grep -q listening /log; do :; done 2>/dev/null; "
            "echo ready; wait; sha256sum </a; sha256sum </b",
}


def guest(vm, run):
    server = socket.socket(socket.AF_UNIX)
    server.bind(os.path.join(run, "vsock.sock_5000"))
    server.listen()
    vm.stdin.write("go\n")
    vm.stdin.flush()
    return server.accept()[0]


def host(_vm, run):
    sock = socket.socket(socket.AF_UNIX)
    sock.connect(os.path.join(run, "vsock.sock"))
    sock.sendall(b"CONNECT 5001\n")
    answer = b""
    while not answer.endswith(b"\n"):
        answer += sock.recv(1)
    assert answer.startswith(b"OK "), answer
    return sock


def main():
    data = os.urandom(SIZE)
    vm = start(sys.argv[2], SCRIPTS[sys.argv[1]])
    try:
        assert vm.stdout.readline() == "ready\n"
        back = exchange({"guest": guest, "host": host}[sys.argv[1]](
            vm, folder(sys.argv[2])), data)
        sent, received = (vm.stdout.readline().split()[0] for _ in range(2))
        assert hashlib.sha256(back).hexdigest() == sent, "guest to host"
        assert hashlib.sha256(data).hexdigest() == received, "host to guest"
        assert vm.wait() == 0
    finally:
        vm.kill()


main()

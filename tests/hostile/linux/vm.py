# SPDX-License-Identifier: Apache-2.0
"""vm.py - one VM of the hostile tests: start it, read its serial port, and
look at its monitor from outside."""
import json
import os
import select
import shlex
import socket
import subprocess
import time

from hosts import Dial, Net

KERNEL = "build/kernels/stock"
INITRD = "build/hostile/linux.cpio"
BUILD = os.environ.get("BELLJAR_BUILD", "build")
SANITIZER = BUILD.endswith("-san")
MEMORY = 192  # MiB; hostile.h knows
LINUX = 176  # of them; the rest is for wild addresses
DISK = 4 << 20
# KiB that are not guest RAM.  64 MiB are allowed to those who do not read: 512
# vsock connections of 128 KiB.
PRIVATE_MAX = (700 if SANITIZER else 24 + 64) << 10
LOG_MAX = 64 << 10
DESCRIPTORS_MAX = 1200  # 512 vsock connections are allowed
QUIET = 0.1  # of a processor
WINDOW = 0.5  # seconds for which it must be quiet
SLOW = 6 if SANITIZER else 1  # allowance for the time limits
TICK = os.sysconf("SC_CLK_TCK")


class Wrong(Exception):
    """What must not be is; the sentence says what."""


class VM:
    def __init__(self, tmp, name, life, cpus):
        self.name = name
        self.life = life
        self.control = os.path.join(tmp, name + ".control")
        self.log_path = os.path.join(tmp, name + ".log")
        self.disks = [os.path.join(tmp, f"{name}.disk{i}") for i in range(2)]
        for disk in self.disks:
            with open(disk, "wb") as f:
                f.truncate(DISK)
        self.net, self.dial = Net(), Dial()
        self.rest = b""
        self.lines = []
        command = [
            f"{BUILD}/belljar-monitor", "--id", name,
            "--kernel", f"{KERNEL}/vmlinuz",
            "--initrd", f"{KERNEL}/modules.cpio", "--initrd", INITRD,
            "--memory", f"{MEMORY}m", "--cpus", str(cpus),
            "--serial", "stdio", "--control", self.control,
            "--disk", self.disks[0], "--disk", self.disks[1],
            "--net", f"fd:{self.net.theirs.fileno()}",
            "--vsock", f"cid=5,listen={self.control}.vsock,"
                       f"dial=fd:{self.dial.theirs.fileno()}", "--rng",
            "--cmdline", f"console=ttyS0 quiet panic=-1 mem={LINUX}M "
                         f"iomem=relaxed rdinit=/init life={life}",
            *shlex.split(os.environ.get("MONITOR_OPTIONS", ""))]
        with open(self.log_path, "wb") as log:
            self.process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                stderr=log, bufsize=0,
                pass_fds=[self.net.theirs.fileno(),
                          self.dial.theirs.fileno()])
        self.net.theirs.close()
        self.dial.theirs.close()

    def read(self, timeout):
        """Lines of ours among what the serial port said meanwhile; False at
        its end."""
        out = self.process.stdout
        if not select.select([out], [], [], timeout)[0]:
            return True
        data = out.read(1 << 16)
        *lines, self.rest = (self.rest + data).split(b"\n")
        self.rest = self.rest[-256:]
        for line in lines:
            if b"@@ " in line:
                text = line.split(b"@@ ", 1)[1].decode(errors="replace")
                self.lines.append(text.split())
        return bool(data)

    def answer(self, wanted, seconds):
        """The first line that begins with one of these words; None when the
        VM ends, [] when the time does."""
        end = time.monotonic() + seconds * SLOW
        while True:
            while self.lines:
                line = self.lines.pop(0)
                if line and line[0] in wanted:
                    return line
            left = end - time.monotonic()
            if left <= 0:
                return []
            if not self.read(left):
                return None

    def say(self, text):
        self.process.stdin.write(text.encode() + b"\n")

    def log(self):
        with open(self.log_path, encoding="utf-8", errors="replace") as f:
            return f.read(2 * LOG_MAX)

    def request(self, word):
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(20 * SLOW)
            s.connect(self.control)
            s.sendall(word.encode() + b"\n")
            line = s.makefile().readline()
        return json.loads(line) if line else {}

    def ended(self, allowed):
        """It has ended by itself, or is about to: with a clear record?"""
        try:
            status = self.process.wait(20 * SLOW)
        except subprocess.TimeoutExpired:
            raise Wrong("the serial port is closed, the monitor runs on")
        self.check_log()
        if status not in allowed:
            raise Wrong(f"the monitor's status is {status}: {self.log()}")
        if status == 125 and not self.log().strip():
            raise Wrong("status 125 without a sentence")
        return status

    def kill(self):
        """End it through its control socket: it listens whatever its guest
        does."""
        self.request("kill")
        self.drain_until_closed()
        return self.ended({124})

    def drain_until_closed(self):
        end = time.monotonic() + 20 * SLOW
        while time.monotonic() < end and self.read(0.1):
            pass

    def check_log(self):
        log = self.log()
        if "Sanitizer" in log or "runtime error" in log:
            raise Wrong("sanitizer report:\n" + log)
        if len(log) > LOG_MAX:
            raise Wrong(f"{len(log)} bytes of log")

    def own_time(self):
        """Processor time of all threads but the guest's, in seconds."""
        total = 0
        task = f"/proc/{self.process.pid}/task"
        for thread in os.listdir(task):
            try:
                with open(f"{task}/{thread}/stat", encoding="ascii") as f:
                    head, tail = f.read().rsplit(")", 1)
            except FileNotFoundError:
                continue
            if "vcpu" not in head:
                fields = tail.split()
                total += int(fields[11]) + int(fields[12])
        return total / TICK

    def check_quiet(self):
        """Half a second without work, soon."""
        end = time.monotonic() + 20 * SLOW
        used = 0
        while time.monotonic() < end:
            begin, before = time.monotonic(), self.own_time()
            while time.monotonic() < begin + WINDOW:
                if not self.read(begin + WINDOW - time.monotonic()):
                    raise Wrong("ended while it was to be quiet")
            used = self.own_time() - before
            if used <= QUIET * (time.monotonic() - begin):
                return
        raise Wrong(f"spins: {used:.2f} s of {WINDOW} s")

    def check(self):
        """Alive, within its limits, quiet.  Returns its memory in KiB."""
        if self.process.poll() is not None:
            raise Wrong("the monitor has ended")
        if not self.request("status").get("ok"):
            raise Wrong("the control socket does not answer")
        with open(f"/proc/{self.process.pid}/status", encoding="ascii") as f:
            facts = dict(line.split(":", 1) for line in f)
        private = int(facts["RssAnon"].split()[0])
        if private > PRIVATE_MAX:
            raise Wrong(f"{private} KiB of memory beside the guest's")
        fds = len(os.listdir(f"/proc/{self.process.pid}/fd"))
        if fds > DESCRIPTORS_MAX:
            raise Wrong(f"{fds} descriptors")
        self.check_quiet()
        self.check_log()
        return private

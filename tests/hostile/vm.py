#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""vm.py - a monitor under observation: its guest's lines, its control socket,
and what the kernel says of it (memory, descriptors, processor time)."""
import fcntl
import json
import os
import re
import select
import shlex
import socket
import subprocess
import time

# Seconds for anything a VM owes us, on a loaded machine; in the lab every
# instruction is emulated.
PATIENCE = 60 if os.environ.get("BELLJAR_LAB") else 15
F_SETPIPE_SZ = 1031
PIPE = 16384  # bytes that fit between the serial port and us
WINDOW_MS = 25  # of observation
BUSY = 0.3  # of the window: a thread that was on a processor for longer spins


def contents(path):
    """Of a small file of /proc."""
    fd = os.open(path, os.O_RDONLY)
    try:
        return os.read(fd, 4096)
    finally:
        os.close(fd)


class Trouble(Exception):
    """What the suite is there to find."""


class Vm:
    """One monitor and its payload guest."""

    def __init__(self, build, work, guest, options=(), fds=()):
        self.name = os.path.basename(guest)
        self.path = os.path.join(work, self.name + ".control")
        self.events = os.path.join(work, self.name + ".events")
        self.errors = os.path.join(work, self.name + ".err")
        for path in (self.path, self.events):
            if os.path.lexists(path):
                os.unlink(path)
        open(self.events, "w").close()
        argv = [f"{build}/belljar-monitor"]
        argv += ["--kvm", os.environ.get("KVM", "/dev/kvm")]
        argv += ["--kernel", f"{build}/{guest}.elf", "--serial", "stdio"]
        argv += ["--control", self.path, "--events", self.events]
        argv += [*options, *shlex.split(os.environ.get("MONITOR_OPTIONS", ""))]
        with open(self.errors, "w") as errors:
            self.child = subprocess.Popen(
                argv,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                pass_fds=fds,
                bufsize=0,
            )
        self.out = self.child.stdout.fileno()
        os.set_blocking(self.out, False)
        fcntl.fcntl(self.out, F_SETPIPE_SZ, PIPE)
        self.pending = b""
        self.control = None
        self.slowest = 0.0

    @property
    def pid(self):
        return self.child.pid

    def readable(self, seconds):
        return bool(select.select([self.out], [], [], seconds)[0])

    def line(self, wanted, seconds=PATIENCE):
        """The guest's next line that begins with one of the tuple @wanted;
        None when the monitor has ended.  Between them guests talk nonsense."""
        end = time.monotonic() + seconds
        while True:
            while b"\n" in self.pending:
                line, self.pending = self.pending.split(b"\n", 1)
                if line.startswith(wanted):
                    return line.decode("latin-1")
            left = end - time.monotonic()
            if left <= 0 or not self.readable(left):
                raise Trouble(f"no line from the guest for {seconds} s")
            part = os.read(self.out, 65536)
            if not part:
                return None
            self.pending += part

    def send(self, data):
        self.child.stdin.write(data)

    def ask(self, word):
        """A round trip on the control socket."""
        begin = time.monotonic()
        if not self.control:
            s = socket.socket(socket.AF_UNIX)
            s.settimeout(PATIENCE)
            s.connect(self.path)
            self.control = s.makefile("rw")
        try:
            self.control.write(word + "\n")
            self.control.flush()
            answer = json.loads(self.control.readline())
        except (OSError, ValueError) as e:
            raise Trouble(f"the monitor does not answer '{word}': {e}") from e
        if not answer["ok"]:
            raise Trouble(f"the monitor answers '{word}' with {answer}")
        self.slowest = max(self.slowest, time.monotonic() - begin)
        return answer

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.pid}/fd"))

    def memory(self):
        """KiB of it outside of guest RAM, shared pages by share."""
        with open(f"/proc/{self.pid}/smaps") as f:
            mappings = re.split(r"^(?=[0-9a-f]+-)", f.read(), flags=re.M)
        return sum(
            int(re.search(r"^Pss: *(\d+)", m, re.M)[1])
            for m in mappings
            if m and "guest-ram" not in m.partition("\n")[0]
        )

    def own_memory(self):
        """KiB that are its alone: cheap, and what a guest could make grow."""
        with open(f"/proc/{self.pid}/status") as f:
            return int(re.search(r"^RssAnon:\s*(\d+)", f.read(), re.M)[1])

    def threads(self):
        """Of each: is it asleep, nanoseconds it ran so far, its name."""
        states = {}
        for task in os.listdir(f"/proc/{self.pid}/task"):
            try:
                stat = contents(f"/proc/{self.pid}/task/{task}/stat")
                ran = contents(f"/proc/{self.pid}/task/{task}/schedstat")
            except (FileNotFoundError, ProcessLookupError):
                continue
            name, rest = stat.partition(b"(")[2].rsplit(b") ", 1)
            states[task] = (rest[:1] == b"S", int(ran.split()[0]), name)
        return states

    def is_quiet(self):
        """Over a window, every thread is seen asleep and hardly runs.

        The state is looked at too, because on a loaded machine a thread that
        spins waits for a processor most of the time.
        """
        begin, first = time.monotonic_ns(), self.threads()
        if self.readable(WINDOW_MS / 1000):
            return False
        last = self.threads()
        allowed = (time.monotonic_ns() - begin) * BUSY
        return first.keys() == last.keys() and all(
            first[task][0] and asleep and ran - first[task][1] < allowed
            for task, (asleep, ran, _) in last.items()
        )

    def await_rest(self):
        """The same by its count of exits, whatever the guest prints."""
        end = time.monotonic() + PATIENCE
        exits, equal = -1, 0
        while equal < 3:
            before, exits = exits, self.ask("status")["exits"]
            # Not the one that has just answered us.
            asleep = all(
                asleep
                for asleep, _, name in self.threads().values()
                if name.startswith(b"vcpu")
            )
            equal = equal + 1 if asleep and exits == before else 0
            if time.monotonic() > end:
                raise Trouble("the guest does not come to rest")

    def drain(self):
        """Read all it has printed; how many bytes."""
        taken = len(self.pending)
        self.pending = b""
        try:
            while part := os.read(self.out, 65536):
                taken += len(part)
        except BlockingIOError:
            pass
        return taken

    def settle(self, descriptors=None):
        """Wait until nothing runs, and no descriptor is left over."""
        end = time.monotonic() + PATIENCE
        while not self.is_quiet():
            if time.monotonic() > end:
                raise Trouble(f"the monitor spins: {self.busy_threads()}")
        while descriptors and self.descriptors() > descriptors:
            if time.monotonic() > end:
                raise Trouble(
                    f"{self.descriptors()} descriptors are open, not "
                    f"{descriptors}"
                )

    def busy_threads(self):
        busy = [n.decode() for asleep, _, n in self.threads().values() if not asleep]
        return ", ".join(busy) or "the guest does not sleep, or talks"

    def log(self):
        with open(self.errors, errors="replace") as f:
            return f.read()

    def reasons(self):
        """How it ended, from the event stream."""
        with open(self.events) as f:
            events = [json.loads(line) for line in f]
        return [e["reason"] for e in events if e["event"] == "ended"]

    def end(self, seconds=PATIENCE):
        """Wait for its end; the exit status."""
        deadline = time.monotonic() + seconds
        while self.readable(max(0, deadline - time.monotonic())):
            if not os.read(self.out, 65536):
                break
        try:
            return self.child.wait(max(0.1, deadline - time.monotonic()))
        except subprocess.TimeoutExpired as e:
            raise Trouble("the monitor does not end") from e

    def kill(self):
        """Whatever state it is in."""
        if self.child.poll() is None:
            self.child.kill()
            self.child.wait()
        if self.control:
            self.control.close()
        self.child.stdout.close()
        self.child.stdin.close()

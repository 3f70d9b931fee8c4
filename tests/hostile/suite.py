#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""suite.py - runs the hostile guests one after the other, one neighbour VM
beside all of them, and looks at both after every attack; see README.md.

  suite.py BUILD [GUEST...]

DISK_OPTIONS is put behind the options of its disks.
"""
import os
import sys
import tempfile
import time
import traceback

from peers import Keeper, Tap, Wire
import shares
from vm import PIPE, Trouble, Vm

SECTORS = 2048
LOG_LINES = 60  # of one monitor: 8 for each of its devices, and no flood

# KiB outside guest RAM: what an idle monitor has, what may come to it, and what
# while vsock.c holds 24 connections with full buffers of 128 KiB or 512 empty
# ones.  Sanitizers keep freed memory back, and have a shadow of everything.
PLAIN = {"idle": 2048, "growth": 1024, "held": 24 * 136 + 1024}
SANITIZED = {"idle": 65536, "growth": 16384, "held": 24 * 200 + 16384}


class Attacker:
    """What a guest gets: its devices and the host's ends of them."""

    def __init__(self, build, work, guest, cpus=1, memory="4g", cmdline=None,
                 nr_shares=0, elf=None, wire=Wire, memory_max=None):
        disk = os.path.join(work, "disk")
        if not os.path.exists(disk):
            with open(disk, "wb") as f:
                f.write(os.urandom(SECTORS * 512))
        self.wire, self.keeper = wire(), Keeper(work)
        options = ["--memory", memory, "--cpus", str(cpus), "--rng",
                   "--balloon"]
        if memory_max:
            options += ["--memory-max", memory_max]
        options += ["--console", os.path.join(work, "console")]
        how = os.environ.get("DISK_OPTIONS", "")
        options += ["--disk", disk + how, "--disk", disk + ",ro" + how]
        options += ["--pmem", disk + ",ro"]
        options += self.wire.options() + self.keeper.options()
        self.shares = [shares.Share(work, n) for n in range(nr_shares)]
        for share in self.shares:
            options += share.options()
        if cmdline:
            options += ["--cmdline", cmdline]
        ends = [*self.wire.ends, self.keeper.theirs]
        ends += [s.theirs for s in self.shares]
        fds = [s.fileno() for s in ends]
        self.vm = Vm(build, work, f"hostile/{elf or guest}", options, fds)
        for s in ends:
            s.close()

    def host(self, word):
        """What the guest wants done on the host's side."""
        verb, *arguments = word.split()
        numbers = [int(a) for a in arguments]
        {
            "hold-network": lambda: self.wire.hold(),
            "drain-network": lambda: self.wire.drain(),
            "flood-network": self.wire.flood,
            "close-network": self.wire.close,
            "call": self.keeper.call,
            "call-nonsense": self.keeper.call_nonsense,
            "hang-up": self.keeper.hang_up,
            "pause": lambda: (self.vm.ask("pause"), self.vm.ask("resume")),
            "settle": self.vm.settle,
            "plug-half": lambda: self.vm.ask(f"resize {(1024 + 64) << 20}"),
            "read-nothing": self.read_nothing,
            "input": lambda n: self.vm.send(b"x" * n),
        }[verb](*numbers)

    def read_nothing(self):
        """Let the guest go on, and read again when it waits for us."""
        self.vm.send(b"n")
        self.vm.await_rest()
        if not 0 < self.vm.drain() <= PIPE:
            raise Trouble("the flood did not fill the pipe")

    def close(self):
        self.vm.kill()
        for end in (self.wire, self.keeper, *self.shares):
            end.close()


class Neighbour:
    """The VM that must not notice."""

    def __init__(self, build, work):
        disk = os.path.join(work, "neighbours-disk")
        self.data = os.urandom(SECTORS * 512)
        with open(disk, "wb") as f:
            f.write(self.data)
        options = ["--memory", "64m", "--disk", disk + ",ro"]
        self.vm = Vm(build, work, "hostile/neighbour", options)
        self.asked = 0
        self.slowest = 0.0

    def start(self):
        if self.vm.line((b"ready",)) is None:
            raise Trouble("the neighbour does not start")
        self.vm.send(b"n")

    def sum_of(self, sector):
        a, b = 1, 0
        for byte in self.data[sector * 512 : (sector + 1) * 512]:
            a += byte
            b += a
        return (b << 16 & 0xFFFF0000) | a & 0xFFFF

    def ask(self):
        begin = time.monotonic()
        sector = self.asked * 37 % SECTORS
        self.asked += 1
        self.vm.send(f"{sector}\n".encode())
        line = self.vm.line((b"0x", b"FAIL"))
        right = f"{sector:#x} {self.sum_of(sector):#x} {self.asked:#x}"
        if line != right:
            raise Trouble(f"the neighbour says '{line}', not '{right}'")
        self.slowest = max(self.slowest, time.monotonic() - begin)

    def end(self):
        self.vm.send(b"\n")
        status = self.vm.end()
        if status != 0 or self.vm.log():
            raise Trouble(f"the neighbour ends with {status}: {self.vm.log()}")


class Suite:
    """Counts, prints, and knows what is allowed."""

    def __init__(self, build, work):
        self.build, self.work = build, work
        self.limit = SANITIZED if build.endswith("-san") else PLAIN
        self.passed = self.failed = self.skipped = 0
        self.neighbour = None

    def report(self, name, problem=None):
        ok = problem is None
        self.passed += ok
        self.failed += not ok
        number = self.passed + self.failed + self.skipped
        print(f"{'' if ok else 'not '}ok {number} - {name}", flush=True)
        for line in (problem or "").splitlines():
            print(f"#   {line}", flush=True)

    def skip(self, name, why):
        self.skipped += 1
        number = self.passed + self.failed + self.skipped
        print(f"ok {number} - {name} # SKIP {why}", flush=True)

    def look(self, vm, before, held=False):
        """After an attack: the attacker's monitor, then the neighbour."""
        vm.ask("status")
        vm.settle(None if held else before["descriptors"])
        vm.ask("status")
        growth = vm.own_memory() - before["own"]
        allowed = self.limit["held" if held else "growth"]
        if growth > allowed:
            raise Trouble(f"its memory grew by {growth} KiB, not {allowed}")
        if vm.log().count("\n") > LOG_LINES:
            raise Trouble(f"it floods the log:\n{vm.log()[:2000]}")
        self.neighbour.ask()
        return growth

    def attacks(self, guest, attacker):
        vm = attacker.vm
        if vm.line((b"ready",)) is None:
            raise Trouble("the guest does not start")
        vm.ask("status")  # our connection is one of the descriptors
        vm.settle()
        idle = vm.memory()
        before = {"descriptors": vm.descriptors(), "own": vm.own_memory()}
        if idle > self.limit["idle"]:
            raise Trouble(f"{idle} KiB outside guest RAM, idle")
        peak = number = 0
        while True:
            vm.send(b"n")
            line = vm.line((b"host ", b"done ", b"pass", b"FAIL", b"exception"))
            word, _, rest = (line or "").partition(" ")
            if word == "host":
                attacker.host(rest)
            elif word == "done":
                self.current = rest
                held = rest.endswith("(held)")
                peak = max(peak, self.look(vm, before, held))
                number += 1
                self.report(f"{guest}: {rest}")
            elif line == "pass":
                break
            else:
                raise Trouble(f"the guest: {line}")
        if vm.end() != 0:
            raise Trouble(f"the monitor's status is {vm.child.returncode}")
        if vm.reasons() != ["poweroff"]:
            raise Trouble(f"the record says {vm.reasons()}")
        print(
            f"# {guest}: {number} attacks; outside guest RAM {idle} KiB, "
            f"{peak} KiB more at most; answers within {vm.slowest * 1000:.0f} "
            f"ms, the neighbour's within {self.neighbour.slowest * 1000:.0f} ms"
        )

    def end(self, how, attacker):
        status, reason, sentence = ENDS[how]
        vm = attacker.vm
        if vm.line((b"ready",)) is None:
            raise Trouble("the guest does not start")
        vm.ask("status")
        vm.send(b"n")
        if sentence is None:
            if how == "halt":
                vm.settle()
            vm.ask("status")
            self.neighbour.ask()
            vm.ask("kill")
        if vm.end() != status:
            raise Trouble(f"the status is {vm.child.returncode}, not {status}")
        if vm.reasons() != [reason]:
            raise Trouble(f"the record says {vm.reasons()}, not '{reason}'")
        lines = vm.log().splitlines()
        if sentence and not any(line.startswith(sentence) for line in lines):
            raise Trouble("it does not say why")
        if os.path.lexists(vm.path) or os.path.lexists(attacker.keeper.path):
            raise Trouble("it leaves a socket behind")
        self.neighbour.ask()
        self.report(f"end: {how}")

    def skip(self, name, why):
        self.skipped += 1
        print(f"ok - {name} # SKIP {why}", flush=True)

    def run_ends(self):
        for how in ENDS:
            self.run("end", cmdline=how)

    def run(self, guest, **options):
        begin = time.monotonic()
        self.current = "(none)"
        attacker = Attacker(self.build, self.work, guest, **options)
        try:
            if guest == "end":
                self.end(options["cmdline"], attacker)
            else:
                self.attacks(guest, attacker)
        except Exception as e:  # pylint: disable=broad-except
            what = e if isinstance(e, Trouble) else traceback.format_exc()
            vm = attacker.vm
            status = vm.child.poll()
            state = "runs" if status is None else f"ended with {status}"
            said = "".join(share.said() for share in attacker.shares)
            self.report(
                f"{guest}: after '{self.current}'",
                f"{what}\nthe monitor {state}; it said:\n{vm.log()[-6000:]}"
                f"{said[-6000:]}",
            )
        finally:
            attacker.close()
        print(f"# {guest}: {time.monotonic() - begin:.1f} s", flush=True)


# How the guest ends itself: the monitor's status, its record, its sentence.
# None: it does not; it answers still, and has to be killed.
ENDS = {
    "power-off": (0, "poweroff", ""),
    "reset": (0, "reset", ""),
    "triple-fault": (0, "reset", ""),
    "hole": (125, "error", "error: vCPU 0: KVM could not emulate"),
    "halt": (124, "killed", None),
    "spin": (124, "killed", None),
}

GUESTS = {
    "ring": {},
    "setup": {},
    "access": {},
    "blk": {},
    "balloon": {},
    "mem": {"memory": "1g", "memory_max": "1152m"},
    "msix": {},
    "net": {},
    "net_tap": {"wire": Tap},
    "net_vhost": {"wire": lambda: Tap(vhost=True), "elf": "net_tap",
                  "cmdline": "vhost"},
    "vsock": {},
    "flood": {},
    "fs": {"nr_shares": 16},  # one for each attack, and one beside
    "race": {"cpus": 2},
    "end": {},
}


def lacks(guest):
    """What of the host @guest needs and there is not; None: nothing."""
    if guest not in ("net_tap", "net_vhost"):
        return None
    return Tap.lack(vhost=guest == "net_vhost")


def main():
    build, *wanted = sys.argv[1:]
    for name in wanted:
        if name not in GUESTS:
            sys.exit(f"hostile: no guest '{name}'; there are {list(GUESTS)}")
    os.environ.setdefault("ASAN_OPTIONS", "quarantine_size_mb=4")
    with tempfile.TemporaryDirectory() as work:
        suite = Suite(build, work)
        try:
            suite.neighbour = Neighbour(build, work)
            suite.neighbour.start()
            for name in wanted or GUESTS:
                lack = lacks(name)
                if lack:
                    suite.skip(name, lack)
                elif name == "end":
                    suite.run_ends()
                elif "nr_shares" in GUESTS[name] and shares.missing():
                    suite.skip(name, shares.missing())
                else:
                    suite.run(name, **GUESTS[name])
            suite.neighbour.end()
            suite.report("the neighbour noticed nothing")
        except Trouble as e:
            suite.report("the neighbour noticed nothing", str(e))
        finally:
            if suite.neighbour:
                suite.neighbour.vm.kill()
        print(
            f"hostile: {suite.passed} passed, {suite.failed} failed, "
            f"{suite.skipped} skipped"
        )
    sys.exit(suite.failed != 0)


if __name__ == "__main__":
    main()

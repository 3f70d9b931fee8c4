#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""run.py [--seed N] [--seconds N] [--only NAME,...] - a Linux guest attacks
its monitor while an honest one works beside it.

Prints a line for each attack, with the seed that repeats it.  Status 0: all of
them left the monitor and the neighbour as they should be.
"""
import argparse
import os
import struct
import sys
import tempfile
import time

from vm import SLOW, VM, Wrong

# Which machine each attack needs (main.c), the mildest first.
PLAN = [
    ("driver", ["chains", "places", "flipping", "vsock-lies", "serial",
                "power", "mmio", "ports", "random", "reset"]),
    ("live", ["registers", "config", "masks", "moving-bars", "command",
              "wild-vectors", "connections", "status", "live-rings",
              "deadly-vectors"]),
]
# The guest's drivers must get on after them: a device ignores what it has to.
HARMLESS = {"registers", "config", "masks", "moving-bars", "command"}
FLOWS = "f"  # disk, network, vsock, random numbers
# A guest may end or hang by its own hand.
DEADLY = {"wild-vectors", "live-rings", "status", "deadly-vectors", "ports",
          "random"}
# It begins with the guest's own disk, which those before it may have lost.
FRESH = {"live-rings"}
BLOCK, BLOCKS = 65536, 16  # honest.c
BOOT = 90
PATIENCE = 60


class Neighbour:
    """The honest VM, and what it has done so far."""

    def __init__(self, tmp):
        self.vm = VM(tmp, "honest", "honest", 1)
        self.rounds = -1

    def next_round(self, seconds=PATIENCE):
        """Wait for a whole round that began after now."""
        while self.vm.read(0):
            if not self.vm.lines:
                break
            self.take(seconds)
        for _ in range(2):
            self.take(seconds)

    def take(self, seconds):
        line = self.vm.answer({"round", "wrong", "cannot"}, seconds)
        if not line:
            raise Wrong("the neighbour is silent: " + self.vm.log())
        if line[0] != "round" or int(line[1]) != self.rounds + 1:
            raise Wrong(f"the neighbour says {line} after {self.rounds}")
        self.rounds += 1

    def finish(self):
        """Its disk is what it said, seen from here."""
        self.vm.check_log()
        self.vm.kill()
        with open(self.vm.disks[0], "rb") as f:
            for block in range(BLOCKS):
                words = struct.unpack(f"<{BLOCK // 8}Q", f.read(BLOCK))
                if words not in [pattern(self.rounds + i, block)
                                 for i in range(4)]:
                    raise Wrong(f"block {block} of the neighbour's disk")


def pattern(number, block):
    first = (number * BLOCKS + block + 1) * 0x9E3779B97F4A7C15
    return tuple((first + i) % (1 << 64) for i in range(BLOCK // 8))


class Attacker:
    """A VM of one kind; another one when it has died."""

    def __init__(self, tmp, life):
        self.tmp, self.life = tmp, life
        self.vm = None
        self.is_ready = False

    def start(self):
        if not self.vm:
            self.vm = VM(self.tmp, "hostile", self.life, 2)
            self.is_ready = False

    def ready(self):
        self.start()
        if self.is_ready:
            return
        line = self.vm.answer({"ready", "cannot"}, BOOT)
        if not line or line[0] != "ready" or line[1] != "5":
            raise Wrong(f"the guest does not start: {line} {self.vm.rest} "
                        + self.vm.log())
        self.is_ready = True

    def attack(self, name, seed, seconds):
        """One sentence about how it went."""
        self.ready()
        self.vm.say(f"\n{name} {seed} {seconds}")
        line = self.vm.answer({name, "cannot", "unknown"},
                              seconds + 75)
        if name == "reset":
            if line is not None:
                raise Wrong("the reset register does nothing")
            return self.dead({0})
        if line is None and name in DEADLY:
            return self.dead({0, 125})
        if line == [] and name in DEADLY:
            return self.hung()
        if not line or line[0] != name or line[1] == "failed":
            raise Wrong(f"answer {line}, serial port {self.vm.rest}, "
                        f"log: {self.vm.log()}")
        if line[1] != "done" and name not in DEADLY:
            raise Wrong(f"the attack is {line[1]}")
        if int(line[2]) == 0:
            raise Wrong("nothing was done")
        if name in HARMLESS and line[3] != FLOWS:
            raise Wrong(f"of the guest's own traffic only {line[3]} goes on")
        private = self.vm.check()
        return f"{line[1]}, {line[2]} operations, {private} KiB"

    def dead(self, allowed):
        status = self.vm.ended(allowed)
        log = self.vm.log().strip().splitlines()
        self.vm = None
        return f"the guest ended, status {status} {log[-1:]}"

    def hung(self):
        """The guest hangs; its monitor does not."""
        self.vm.check()
        self.finish()
        return "the guest hangs, its monitor does not"

    def finish(self):
        if self.vm:
            self.vm.kill()
            self.vm = None


def perform(neighbour, attacker, name, seed, seconds):
    begin = time.monotonic()
    how = attacker.attack(name, seed, seconds)
    neighbour.next_round()
    print(f"ok - {name} (seed {seed}, {time.monotonic() - begin:.0f} s): {how}",
          flush=True)


def wanted(names, only):
    return not only or set(names) & set(only.split(","))


def run(args, tmp):
    number, name, attacker, neighbour = 0, "neighbour", None, None
    try:
        neighbour = Neighbour(tmp)
        for life, names in PLAN:
            attacker = Attacker(tmp, life)
            if wanted(names, args.only):
                attacker.start()
            if neighbour.rounds < 0:
                neighbour.next_round(BOOT)
            for name in names:
                number += 1
                if name in FRESH:
                    attacker.finish()
                if wanted([name], args.only):
                    perform(neighbour, attacker, name, args.seed + number,
                            args.seconds)
            attacker.finish()
        name = "neighbour"
        neighbour.finish()
        print(f"ok - neighbour: {neighbour.rounds + 1} rounds, all right")
        return 0
    except (Wrong, OSError) as e:
        print(f"not ok - {name} (seed {args.seed + number}): {e}")
        return 1
    finally:
        for vm in (neighbour and neighbour.vm, attacker and attacker.vm):
            if vm:
                vm.process.kill()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int,
                        default=int.from_bytes(os.urandom(4), "big"))
    parser.add_argument("--seconds", type=int, default=2)
    parser.add_argument("--only")
    args = parser.parse_args()
    print(f"seed {args.seed}, {args.seconds} s for each attack, time limits "
          f"times {SLOW}", flush=True)
    with tempfile.TemporaryDirectory() as tmp:
        return run(args, tmp)


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""shares.py - shared directories for a guest, each with a virtiofsd of its own,
as the keeper gives them to a monitor."""
import os
import socket
import subprocess

PLACES = ("/usr/libexec/virtiofsd", "/usr/lib/qemu/virtiofsd",
          "/usr/lib/virtiofsd")


def missing():
    """Why there can be none; None when there can."""
    if os.geteuid() != 0:
        return "virtiofsd is started as root here"
    if not any(map(os.path.exists, PLACES)):
        return "there is no virtiofsd"
    return None


class Share:
    """One of them; it ends when its connection does."""

    def __init__(self, work, number):
        program = next(filter(os.path.exists, PLACES))
        self.tag = f"share{number}"
        place = os.path.join(work, self.tag)
        os.makedirs(place, exist_ok=True)
        with socket.socket(socket.AF_UNIX) as listener:
            path = place + ".socket"
            listener.bind(path)
            listener.listen()
            self.theirs = socket.socket(socket.AF_UNIX)
            self.theirs.connect(path)
            os.unlink(path)
            fd = listener.fileno()
            argv = [program, f"--fd={fd}", "-o", f"source={place}"]
            argv += ["-o", "sandbox=namespace", "-o", "cache=auto"]
            argv += ["--thread-pool-size=0", "--rlimit-nofile=0"]
            self.errors = place + ".err"
            with open(self.errors, "w") as errors:
                self.child = subprocess.Popen(argv, stderr=errors,
                                              pass_fds=[fd])

    def options(self):
        return ["--fs", f"fd:{self.theirs.fileno()},tag={self.tag}"]

    def said(self):
        with open(self.errors, errors="replace") as f:
            return "".join(f"{self.tag}: {line}" for line in f)

    def close(self):
        self.child.kill()
        self.child.wait()

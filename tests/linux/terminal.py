# SPDX-License-Identifier: Apache-2.0
"""terminal.py BELLJAR - `run -it` on a terminal: size, resize, echo, Ctrl-C."""
import fcntl
import os
import pty
import select
import struct
import sys
import termios


def set_size(fd, rows, cols):
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, cols, 0, 0))


class Terminal:
    def __init__(self, argv):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            set_size(0, 24, 80)
            os.execv(argv[0], argv)
        self.seen = b""

    def expect(self, text, seconds=60):
        while text not in self.seen:
            ready, _, _ = select.select([self.fd], [], [], seconds)
            try:
                data = os.read(self.fd, 4096) if ready else b""
            except OSError:
                data = b""
            if not data:
                sys.exit(f"no {text!r} in {self.seen!r}")
            self.seen += data
        self.seen = self.seen.split(text, 1)[1]

    def type(self, data):
        os.write(self.fd, data)

    def status(self):
        try:
            while os.read(self.fd, 4096):
                pass
        except OSError:
            pass
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])


def main():
    term = Terminal([sys.argv[1], "run", "--rm", "-it", "test", "sh", "-c",
                     "trap 'echo got-int' INT; trap 'stty size' WINCH; "
                     "stty size; test -t 0 && echo is-a-tty; "
                     "while :; do read line || continue; "
                     "echo \"line=$line\"; "
                     "[ \"$line\" = bye ] && exit 5; done"])
    term.expect(b"24 80")
    term.expect(b"is-a-tty")
    term.type(b"hello\n")
    term.expect(b"line=hello")
    set_size(term.fd, 30, 100)
    term.type(b"\n")
    term.expect(b"30 100")
    term.type(b"\x03")
    term.expect(b"got-int")
    term.type(b"bye\n")
    if (got := term.status()) != 5:
        sys.exit(f"status {got}, wanted 5")


main()

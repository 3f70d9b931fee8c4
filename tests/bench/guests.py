# SPDX-License-Identifier: Apache-2.0
"""guests.py - what the benches of devices have in common: belljar-monitor and
QEMU's microvm with the same kernel, the same guest program (guest/guest.h) and
the same files, one run of a guest, and rows in build/bench.json."""
import json
import os
import re
import shutil
import socket
import statistics
import subprocess
import tempfile
import threading
import tty

KERNEL = "build/kernels/minimal/vmlinux"
BZIMAGE = "build/kernels/minimal/bzImage"
MONITOR = "build/belljar-monitor"
NET = "build/belljar-net"
PROGRAM = "build/bench/guest"
INITRD = "build/bench/guest.cpio"
VIRTIOFSD = ("/usr/lib/qemu/virtiofsd", "/usr/libexec/virtiofsd")
# As belljar run has it (vmm/manager/keeper_start.c); the same for everybody.
CMDLINE = ("reboot=t panic=-1 pci=noearly noreplace-smp quiet "
           "initcall_blacklist=slab_sysfs_init")
SERIAL = f"{CMDLINE} console=ttyS0"
LAB = bool(os.environ.get("BELLJAR_LAB"))
# kvmtool is in no release of Debian 12: whoever has it says where.
LKVM = os.environ.get("BELLJAR_LKVM") or shutil.which("lkvm")
NO_LKVM = "no package of Debian 12; BELLJAR_LKVM=PATH names one that was built"
# What its machine needs, before a command line of the others'.
LKVM_CMDLINE = "noapic pci=conf1"
PATIENCE_S = 30 if LAB else 300  # for a run
VCPU = re.compile(r"(kvm-)?v?cpu[ -]?\d+$|CPU \d+/KVM$")


class Unable(Exception):
    """What cannot be measured here, and why."""


class Ended(Unable):
    """A VM that ended by itself."""


def steady(once, *args):
    """once(*args), and again where an emulated SVM has broken the guest: one
    in twenty runs with a counting clock, whoever the monitor is."""
    for left in (2, 1, 0):
        try:
            return once(*args)
        except Ended:
            if not LAB or not left:
                raise
    return None


class Peer:
    """How a monitor is started: devices are added, then argv is complete."""

    def __init__(self, tmp, memory=256):
        self.tmp, self.memory = tmp, memory
        self.options, self.fds, self.helpers, self.keep = [], [], [], []

    def add(self, *options):
        self.options += options

    def give(self, file):
        """A descriptor that the monitor shall have; its number."""
        self.keep.append(file)
        self.fds.append(file if isinstance(file, int) else file.fileno())
        return self.fds[-1]

    def console(self):
        """Descriptors: of the bench, of the monitor's input and output."""
        return (one.detach() for one in socket.socketpair())

    def virtiofsd(self, folder):
        """Start one for @folder; returns a connected socket."""
        program = next((p for p in VIRTIOFSD if os.access(p, os.X_OK)), None)
        if not program:
            raise Unable("virtiofsd is not installed (qemu-system-common)")
        path = f"{self.tmp}/fs{len(os.listdir(self.tmp))}"
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(path)
        listener.listen()
        # As vmm/manager/share_server.c has it.
        self.helpers.append(subprocess.Popen(
            [program, f"--fd={listener.fileno()}", "-o", f"source={folder}",
             "-o", "sandbox=namespace", "-o", "cache=auto",
             "--thread-pool-size=0", "--rlimit-nofile=0"],
            pass_fds=[listener.fileno()], stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL))
        listener.close()
        return path


class Belljar(Peer):
    name = "belljar"

    def disk(self, path):
        self.add("--disk", path)

    def tap(self, fd, vhost):
        self.add("--net", f"fd:{self.give(fd)},mac=52:54:00:01:02:03,vhost="
                 f"fd:{self.give(vhost)}")

    def user(self):
        near, far = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        # As vmm/manager/keeper_net.c has it.
        self.helpers.append(subprocess.Popen(
            [NET, f"--frames=fd:{far.fileno()}", "--mtu=65520"],
            pass_fds=[far.fileno()]))
        far.close()
        self.add("--net", f"fd:{self.give(near)},mac=52:54:00:01:02:03,"
                 "mtu=65520")

    def vsock(self):
        path = f"{self.tmp}/vsock{len(os.listdir(self.tmp))}"
        self.add("--vsock", f"cid=3,listen={path}")
        return f"serve:unix:{path}"

    def share(self, folder):
        sock = socket.socket(socket.AF_UNIX)
        sock.connect(self.virtiofsd(folder))
        self.add("--fs", f"fd:{self.give(sock)},tag=share")

    def balloon(self):
        self.add("--balloon")

    def argv(self, jobs):
        return [MONITOR, "--kernel", KERNEL, "--initrd", INITRD, "--memory",
                f"{self.memory}m", "--serial", "stdio", "--cmdline",
                f"{SERIAL} -- {' '.join(jobs)}", *self.options]


class Qemu(Peer):
    name = "qemu"

    def disk(self, path):
        self.add("-object", "iothread,id=io", "-drive",
                 f"if=none,id=d,format=raw,cache=writeback,aio=io_uring,"
                 f"discard=unmap,file={path}",
                 "-device", "virtio-blk-pci,drive=d,iothread=io")

    def tap(self, fd, vhost):
        self.add("-netdev", f"tap,id=n,fd={self.give(fd)},vhost=on,"
                 f"vhostfd={self.give(vhost)}", "-device",
                 "virtio-net-pci,netdev=n,mac=52:54:00:01:02:03")

    def user(self):
        self.add("-netdev", "user,id=n", "-device",
                 "virtio-net-pci,netdev=n,mac=52:54:00:01:02:03")

    def vsock(self):
        if not os.path.exists("/dev/vhost-vsock"):
            raise Unable("there is no /dev/vhost-vsock")
        self.add("-device", "vhost-vsock-pci,guest-cid=4")
        return "serve:vsock:4"

    def share(self, folder):
        self.add("-chardev", f"socket,id=c,path={self.virtiofsd(folder)}",
                 "-device", "vhost-user-fs-pci,chardev=c,tag=share",
                 "-object", f"memory-backend-memfd,id=m,share=on,"
                 f"size={self.memory}M", "-machine", "memory-backend=m")

    def balloon(self):
        self.add("-device", "virtio-balloon-pci,free-page-reporting=on")

    def argv(self, jobs):
        return ["qemu-system-x86_64", "-name", "bench,debug-threads=on", "-M",
                "microvm,pic=off,pit=off,rtc=off,usb=off,graphics=off,"
                "isa-serial=on,pcie=on", "-accel", "kvm", "-cpu",
                "host,-xsave,-avx" if LAB else "host", "-m",
                str(self.memory), "-nodefaults", "-no-user-config",
                "-display", "none", "-no-reboot", "-monitor", "none",
                "-serial", "stdio", "-kernel", KERNEL, "-initrd", INITRD,
                "-append", f"{SERIAL} -- {' '.join(jobs)}", *self.options]


def lkvm(kernel, initrd, mib):
    """kvmtool, with none of its own parameters for the kernel.  Without an
    initramfs or a disk it would make a root file system."""
    return [LKVM, "run", "--nodefaults", "-k", kernel, "-i", initrd, "-m",
            str(mib), "-c", "1", "--console", "serial"]


def own_home(tmp):
    """For whoever is started: kvmtool makes a socket in it."""
    os.environ["HOME"] = tmp


class Kvmtool(Peer):
    name = "kvmtool"

    def disk(self, path):
        self.add("-d", path)

    def console(self):
        """It reads nothing but a terminal."""
        near, far = os.openpty()
        tty.setraw(far)
        return near, far

    def argv(self, jobs):
        return [*lkvm(BZIMAGE, INITRD, self.memory), "-n", "mode=none",
                *self.options, "-p",
                f"{LKVM_CMDLINE} {SERIAL} -- {' '.join(jobs)}"]


PEERS = (Belljar, Qemu)
DISK_PEERS = PEERS + ((Kvmtool,) if LKVM else ())


def fill(path, mib):
    """A file of noise; the same megabyte again and again."""
    noise = os.urandom(1 << 20)
    with open(path, "wb") as f:
        for _ in range(mib):
            f.write(noise)
        f.flush()
        os.fsync(f.fileno())


def runtime(path):
    """Nanoseconds on a processor."""
    try:
        with open(f"{path}/schedstat", encoding="ascii") as f:
            return int(f.read().split()[0])
    except (OSError, ValueError):
        return 0


def family(*pids):
    """They and their descendants: a jailed monitor is a child of its own."""
    for pid in pids:
        yield pid
        yield from children(pid)


def children(pid):
    try:
        for task in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{task}/children",
                      encoding="ascii") as f:
                yield from family(*map(int, f.read().split()))
    except OSError:
        return


def tasks(pids):
    """(directory, name) of each thread, and of vhost's workers for them."""
    workers = {f"vhost-{pid}" for pid in pids}
    for folder in (*(f"/proc/{pid}/task" for pid in pids), "/proc"):
        for task in os.listdir(folder):
            if not task.isdigit():
                continue
            try:
                with open(f"{folder}/{task}/comm", encoding="ascii") as f:
                    name = f.read().strip()
            except OSError:
                continue
            if folder != "/proc" or name in workers:
                yield f"{folder}/{task}", name


def pss(pid):
    """Bytes of a process and its descendants, what they share counted once."""
    total = 0
    for one in family(pid):
        with open(f"/proc/{one}/smaps_rollup", encoding="ascii") as f:
            total += sum(int(line.split()[1]) << 10 for line in f
                         if line.startswith("Pss:"))
    return total


def sample(pids):
    """Processor time of vCPUs, of all the rest, and exits of the VM."""
    cpu = {"vcpu": 0, "rest": 0, "exits": 0, "user_exits": 0}
    everyone = list(family(*pids))
    for path, name in tasks(everyone):
        cpu["vcpu" if VCPU.match(name) else "rest"] += runtime(path)
    base = "/sys/kernel/debug/kvm"
    for entry in os.listdir(base) if os.path.isdir(base) else ():
        if entry.partition("-")[0] not in map(str, everyone):
            continue
        for key, file in (("exits", "exits"), ("user_exits", "mmio_exits")):
            with open(f"{base}/{entry}/{file}", encoding="ascii") as f:
                cpu[key] += int(f.read())
    return cpu


class Result:
    """One job's: units (bytes, requests), ns, and what the host spent."""

    def __init__(self, units, ns, before, after):
        self.units, self.ns = units, ns
        self.cost = {k: after[k] - before[k] for k in after}


class Run:
    """One guest of @peer, and its lines; ends with the `with` block."""

    def __init__(self, peer, jobs, patience=PATIENCE_S):
        self.peer, self.jobs, self.before = peer, jobs, None
        self.patience_s = patience

    def __enter__(self):
        self.errors = tempfile.TemporaryFile()
        near, far = self.peer.console()
        self.vm = subprocess.Popen(
            self.peer.argv(self.jobs), pass_fds=self.peer.fds, stdin=far,
            stdout=far, stderr=self.errors)
        os.close(far)
        self.console = os.fdopen(near, "r+b", buffering=0)
        # One that hangs ends its lines, and so its rows.
        self.patience = threading.Timer(self.patience_s, self.vm.kill)
        self.patience.start()
        self.pids = [self.vm.pid, *(h.pid for h in self.peer.helpers)]
        return self

    def __exit__(self, *_):
        self.patience.cancel()
        for p in (self.vm, *self.peer.helpers):
            p.kill()
            p.wait()
        self.console.close()
        self.errors.close()
        for file in self.peer.keep:
            if isinstance(file, int):
                os.close(file)
            else:
                file.close()

    def lines(self):
        text = b""
        while True:
            try:
                piece = self.console.read(4096)
            except OSError:  # a terminal's end is EIO
                return
            if not piece:
                return
            *whole, text = (text + piece).split(b"\n")
            for line in whole:
                yield line.decode("ascii", "replace").strip()

    def events(self):
        """(word, job, Result or None) for each line of the guest's program."""
        said = []
        for line in self.lines():
            said = [*said[-5:], line]
            word, _, rest = line.partition(" ")
            if word == "begin":
                self.before = sample(self.pids)
                self.console.write(b"\n")
                yield word, rest, None
            elif word == "end":
                after = sample(self.pids)
                job, units, ns = rest.rsplit(" ", 2)
                yield word, job, Result(int(units), int(ns), self.before,
                                        after)
            elif word == "failed":
                raise Unable(f"{self.peer.name}: {rest}")
            elif word == "listening":
                yield word, rest, None
            elif word == "done":
                return
        status = self.vm.wait()
        self.errors.seek(0)
        text = self.errors.read().decode("utf-8", "replace").strip()
        raise Ended(f"{self.peer.name} ended with {status}: "
                    f"{text[-300:]} {said}")

    def results(self):
        return {job: r for word, job, r in self.events() if word == "end"}


def keep_metrics(metrics, absent=(), path="build/bench.json"):
    """Into what is there, in place of what it has of these names."""
    result = {"metrics": [], "absent": {}}
    if os.path.exists(path):
        with open(path, encoding="ascii") as f:
            result |= json.load(f)
    names = {m["name"] for m in metrics}
    result["metrics"] = [m for m in result["metrics"]
                         if m["name"] not in names] + metrics
    result["absent"] |= dict(absent)
    with open(f"{path}.new", "w", encoding="ascii") as f:
        json.dump(result, f, indent=1)
    os.replace(f"{path}.new", path)


class Rows:
    """Samples by row and peer; medians and ratios to print and to keep."""

    def __init__(self, clock="time"):
        self.rows, self.absent = {}, {}
        where = "lab" if LAB else "this machine"
        self.measured = f"{where}, clock: {clock}"

    def add(self, row, unit, better, peer, value):
        entry = self.rows.setdefault(row, {"unit": unit, "better": better,
                                           "samples": {}})
        entry["samples"].setdefault(peer, []).append(value)

    def leave_out(self, row, why):
        self.absent[row] = str(why)

    def metrics(self):
        for row, e in self.rows.items():
            medians = {p: statistics.median(v)
                       for p, v in e["samples"].items()}
            yield {"name": row, "unit": e["unit"], "better": e["better"],
                   "belljar": medians.pop("belljar", None), "peers": medians,
                   "samples": e["samples"], "measured": self.measured}

    def show(self, bench):
        for m in self.metrics():
            if not m["name"].startswith(f"{bench}:"):
                continue
            line = f"{m['name']:44} {m['unit']:12}"
            for peer, values in m["samples"].items():
                line += (f" {peer} {statistics.median(values):.2f}"
                         f" ({min(values):.2f}-{max(values):.2f})")
            for peer, other in m["peers"].items():
                if m["belljar"] and other:
                    line += f" {m['belljar'] / other:.2f} x {peer}"
            print(line, flush=True)
        for row, why in self.absent.items():
            if row.startswith(bench):
                print(f"{row:44} -            {why}", flush=True)

    def keep(self):
        keep_metrics(list(self.metrics()), self.absent)

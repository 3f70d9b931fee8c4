#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# escape.sh - the guest has won: it makes system calls inside the monitor.  Each
# attempt to get out must end the monitor by its filter (SIGSYS); and with the
# filter taken away, the other walls must refuse it (gate.c).
#
# Needs a KVM; prints the list.
set -uo pipefail

cd "$(dirname "$0")/../.." || exit
B=${BELLJAR_BUILD:-build}
KVM=${KVM:-/dev/kvm}
T=$(mktemp -d)
passed=0 failed=0 DISK=
trap 'rm -rf "$T"' EXIT
HEADER=/usr/include/x86_64-linux-gnu/asm/unistd_64.h

tests/lab/opens || {
    echo "ok 1 - escape attempts # SKIP there is no $KVM to open"
    echo "escape: 0 passed, 0 failed, 1 skipped"
    exit 0
}
truncate -s 1M "$T/disk"
# What the attempts are after: a file, a socket that listens, a process.
echo secret >"$T/secret"
chmod 666 "$T/secret"
chmod 711 "$T"
tail -f /dev/null --pid=$$ &
victim=$!

nr() {
    case $1 in
    [0-9]*)
        echo "$1"
        return ;;
    esac
    awk -v name="__NR_$1" '$2 == name { print $3 }' "$HEADER"
}

# call MONITOR THREAD CALL ARGUMENT...: its exit status; $T/out is what came.
call() {
    local monitor=$1 thread=$2 name=$3
    shift 3
    timeout -s KILL 60 "$B/escape/$monitor" --kvm "$KVM" --jail required \
        --kernel "$B/escape/guest.elf" --memory 64m --serial stdio \
        --disk "$T/disk$DISK" --cmdline "$thread $(nr "$name") $*" \
        >"$T/out" 2>"$T/err" </dev/null
}

result() {
    if [ "$1" = 0 ]; then
        passed=$((passed + 1))
        printf 'ok %d - %s\n' $((passed + failed)) "$2"
    else
        failed=$((failed + 1))
        printf 'not ok %d - %s\n' $((passed + failed)) "$2"
        sed 's/^/#   /' "$T/out" "$T/err"
    fi
}

# dies THREAD NAME CALL ARGUMENT...
dies() {
    local thread=$1 what=$2 status
    shift 2
    call monitor "$thread" "$@"
    status=$?
    [ $status = 159 ] && grep -q 'a system call that its jail forbids' "$T/err"
    result $? "$thread: $what ($1) ends the monitor"
}

# refused NAME 'ERRNO...' CALL ARGUMENT...: by the walls behind the filter.
refused() {
    local what=$1 errnos=$2 got
    shift 2
    call nofilter vcpu "$@"
    got=$(sed -n 's/^result: //p' "$T/out")
    case " $errnos " in
    *" $got "*) result 0 "without a filter: $what ($1) fails with ${got#-}" ;;
    *) result 1 "without a filter: $what ($1): wanted $errnos, got '$got'" ;;
    esac
}

# What is allowed stays possible, or the list below would prove nothing.
call monitor vcpu getpid
[ $? = 159 ]
result $? "vcpu: not even its process id (getpid)"
call monitor main tgkill 1 1 0
[ $? = 0 ] && grep -qx 'result: 0' "$T/out"
result $? "main: a call of its filter works, and it is process 1 (tgkill)"
call monitor loop write 2 s:through_the_gate 16
[ $? = 0 ] && grep -q through_the_gate "$T/err"
result $? "loop: a call of its filter works (write)"

AT=-100
MASK=0x7e020000 # CLONE_NEW* of user, pid, net, ipc, uts, cgroup and mount
everything() {
    "$@" "open a file" openat $AT s:/etc/passwd 0
    "$@" "the old way" open s:/etc/passwd 0
    "$@" "run a program" execve s:/bin/sh 0 0
    "$@" "connect to the world" socket 2 1 0
    "$@" "a new process" fork
    "$@" "into another process" ptrace 16 "$victim"
    "$@" "more descriptors" prlimit64 0 7 b 0
    "$@" "load BPF" bpf 0 b 72
    "$@" "another interface to the kernel" io_uring_setup 8 b
}
everything dies vcpu
everything dies loop
DISK=,aio=io_uring
everything dies disk
dies disk "what the ring does" fdatasync 3
DISK=,aio=threads
everything dies disk
dies disk "a ring" io_uring_enter 3 0 0 0 0 0
DISK=
everything dies main

dies vcpu "make a file" creat s:/tmp/x 0600
dies vcpu "open by handle" open_by_handle_at 3 b 0
dies vcpu "openat2" openat2 $AT s:/etc/passwd b 24
dies vcpu "link" symlinkat s:/etc/passwd $AT s:/x
dies vcpu "remove" unlink "s:$T/secret"
dies vcpu "rename" rename "s:$T/secret" s:/x
dies vcpu "permissions" chmod "s:$T/secret" 0777
dies vcpu "list a directory" getdents64 3 b 4096
dies vcpu "run through a descriptor" execveat 3 s: 0 0 0x1000
dies vcpu "clone3" clone3 b 88
dies vcpu "clone into new namespaces" clone $MASK 0 0 0 0
dies vcpu "new namespaces" unshare $MASK
dies vcpu "another's namespaces" setns 3 0
dies vcpu "mount" mount s:x s:/ s:tmpfs 0 0
dies vcpu "pivot_root" pivot_root s:. s:.
dies vcpu "chroot" chroot s:/
dies vcpu "listen" bind 3 b 16
dies vcpu "connect" connect 3 b 16
dies vcpu "socketpair" socketpair 1 1 0 b
dies vcpu "read another's memory" process_vm_readv "$victim" b 1 b 1 0
dies vcpu "write another's memory" process_vm_writev "$victim" b 1 b 1 0
dies vcpu "another's descriptor" pidfd_getfd 3 0 0
dies vcpu "a signal for another" kill "$victim" 9
dies vcpu "become root" setuid 0
dies vcpu "capabilities" capset b b
dies vcpu "priorities" setpriority 0 0 -20
dies vcpu "a memory limit" setrlimit 8 b
dies vcpu "a filter of its own" seccomp 1 0 b
dies vcpu "prctl" prctl 38 0 0 0 0
dies vcpu "executable memory" mmap 0 4096 7 0x22 -1 0
dies vcpu "code made writable" mprotect 0x1000 4096 7
dies vcpu "a memfd to run" memfd_create s:x 0
dies vcpu "userfaultfd" userfaultfd 0
dies vcpu "keys" add_key s:user s:x b 8 -3
dies vcpu "load a module" init_module b 4096 s:
dies vcpu "another kernel" kexec_load 0 0 0 0
dies vcpu "reboot" reboot 0xfee1dead 672274793 0x1234567 0
dies vcpu "raw ports" iopl 3
dies vcpu "performance events" perf_event_open b 0 -1 -1 0
dies vcpu "another VM of KVM" ioctl 5 0xae01 0
dies vcpu "a terminal's input" ioctl 0 0x5412 b
dies vcpu "the host name" sethostname s:x 1
dies vcpu "32-bit numbers" 0x40000000
dies vcpu "a number that does not exist" 9999

# The walls behind: 1 EPERM, 2 ENOENT, 3 ESRCH, 13 EACCES, 22 EINVAL, 28 ENOSPC,
# 30 EROFS, 38 ENOSYS, 97 EAFNOSUPPORT, 101 ENETUNREACH
refused "open a file" "-2 -13" openat $AT s:/etc/passwd 0
refused "open what all may open" "-2 -13" openat $AT "s:$T/secret" 1
refused "make a file" "-30 -13" openat $AT s:/x 0102 0600
refused "/proc" "-2 -13" openat $AT s:/proc/self/mem 2
refused "the directory above" "-2 -13" openat $AT s:../../../../etc/passwd 0
refused "run a program" "-2 -13" execve s:/bin/sh 0 0
refused "a signal for another" "-3 -1" kill "$victim" 9
refused "into another process" "-3 -1" ptrace 16 "$victim"
refused "a pidfd" "-3 -22" pidfd_open "$victim" 0
refused "mount" "-1" mount s:x s:/ s:tmpfs 0 0
refused "chroot" "-1" chroot s:/
refused "new mount namespace" "-1" unshare 0x20000
refused "raw sockets" "-1 -97" socket 2 3 1
refused "load BPF" "-1" bpf 5 b 72
refused "performance events" "-1 -13 -7 -2" perf_event_open b 0 -1 -1 0
refused "the host name" "-1" sethostname s:x 1
refused "become another user" "-22 -1" setuid 1
refused "raw ports" "-1" iopl 3
refused "load a module" "-1" init_module b 4096 s:
refused "reboot" "-1" reboot 0xfee1dead 672274793 0x1234567 0
refused "priorities" "-13 -1" setpriority 0 0 -20

kill -0 "$victim" 2>/dev/null && [ "$(cat "$T/secret")" = secret ]
result $? "process and file of the host are as they were"
kill "$victim" 2>/dev/null
echo "escape: $passed passed, $failed failed, 0 skipped"
[ "$failed" = 0 ]

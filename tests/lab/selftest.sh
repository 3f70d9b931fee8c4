#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# selftest.sh - does the lab keep its promises?  TAP on standard output.

set -uo pipefail
lab=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d "$lab/selftest.XXXXXX")
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1

n=0 bad=0
check()		# check NAME COMMAND...
{
	local name=$1
	shift
	n=$((n + 1))
	if "$@"; then
		echo "ok $n - $name"
	else
		bad=$((bad + 1))
		echo "not ok $n - $name"
		sed 's/^/# /' "$work/err"
	fi
}

# lab STATUS ARG...: does `run ARG...` end with STATUS?  Output in out and err.
lab()
{
	local want=$1 got=0
	shift
	"$lab/run" --timeout 120 "$@" >"$work/out" 2>"$work/err" || got=$?
	[ "$got" -eq "$want" ] || {
		echo "status $got, not $want" >>"$work/err"
		return 1
	}
}

same()
{
	[ "$1" = "$2" ] || {
		echo "'$1' is not '$2'" >>"$work/err"
		return 1
	}
}

# Every one of these is a machine booted and gone, so some check several facts.
check "status 0" lab 0 -- sh -c 'echo "$@"; echo to stderr >&2' sh 'two  words' "it's" '$HOME'
check "arguments arrive as they are" same "$(cat out)" "two  words it's \$HOME"
check "stderr is a stream of its own" same "$(cat err)" "to stderr"
check "status 1" lab 1 false
check "status 42, in this directory" lab 42 sh -c 'pwd; exit 42'
check "pwd" same "$(cat out)" "$work"
check "status 127 without the command" lab 127 /no/such/command
check "a signal is 128 and its number" lab 137 sh -c 'kill -9 $$'

check "two megabytes of any bytes" lab 0 sh -c \
	'head -c 2097152 /dev/urandom | tee bytes; sleep 1000 &'
check "and none is changed" cmp out bytes

# shellcheck disable=SC2016
BELLJAR_X='a b' check "environment" lab 0 sh -c \
	'echo "$BELLJAR_X/$BELLJAR_LAB/$LAB/$HOME/$SELFTEST_OTHER"'
check "the chosen variables, no others" same "$(cat out)" "a b/1/never/$HOME/"

check "KVM answers with version 12" lab 0 python3 -c \
	'import fcntl, os; print(fcntl.ioctl(os.open("/dev/kvm", os.O_RDWR), 0xae00))'
check "KVM_GET_API_VERSION" same "$(cat out)" 12
check "ring 0 at the speed of this machine" lab 0 sh -c \
	'LAB=auto exec "$0"/probe' "$lab"
check "the probe says so" grep -q ^native: out
check "devices and file systems" lab 0 sh -ec \
	'test -c /dev/net/tun -a -c /dev/vhost-net -a -c /dev/vhost-vsock
	 grep -q memory /sys/fs/cgroup/cgroup.subtree_control
	 grep -q " /tmp tmpfs " /proc/mounts
	 echo x >/dev/shm/x; busybox ping -c 1 -W 2 127.0.0.1'

# The profile, the driver of disk0, its content, the groups' members, VFIO.
mkdir disks
head -c 1M /dev/urandom >disks/disk0
check "devices to give away" lab 0 --vfio few --disks disks -- sh -ec '
	cd /sys/bus/pci/devices
	test "$(ls 0000:02:00.0/iommu_group/devices)" = 0000:02:00.0
	test "$(cat 0000:01:00.0/device)" = 0x11e8
	test "$(basename "$(readlink 0000:02:00.0/driver)")" = nvme
	test -c /dev/vfio/vfio
	cat /dev/nvme0n1'
check "a disk is the file" cmp out disks/disk0
check "no IOMMU" lab 0 --vfio noiommu -- sh -c \
	'test ! -e /sys/bus/pci/devices/0000:02:00.0/iommu_group'
check "an unknown profile" lab 125 --vfio nonsense true
check "names those there are" grep -q "one of:.* few" err

SECONDS=0
check "a time limit ends it with 124" lab 124 --timeout 8 -- sleep 100
check "and says so" grep -q 'killed after 8 s' err
check "in time" [ "$SECONDS" -lt 20 ]

killed()	# killed SIGNAL STATUS: `run` ends so, and takes QEMU with it
{
	local run qemu job status=0

	"$lab/run" -- sh -c 'echo started; sleep 100' >out 2>err &
	run=$!
	until grep -q started out || ! kill -0 $run; do
		sleep 0.1
	done
	qemu=$(pgrep -P "$run" -f ^qemu-system-x86_64)
	job=$(tr '\0' '\n' <"/proc/$qemu/cmdline" |
		sed -n 's,^file:\(/tmp/belljar-lab\..*\)/console$,\1,p')
	kill "-$1" $run
	wait $run 2>/dev/null || status=$?
	same "$status" "$2" && [ -n "$qemu" ] || return 1
	timeout 10 tail --pid="$qemu" -f /dev/null || return 1
	# Of SIGKILL `run` knows nothing, so its directory stays.
	[ -z "$job" ] || rm -rf "$job"
}
check "SIGTERM ends run and its QEMU" killed TERM 143
check "SIGKILL too" killed KILL 137

echo "1..$n"
[ "$bad" -eq 0 ]

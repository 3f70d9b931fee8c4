# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# devices.sh - devices of the host: who has them when, on a host of files
# (fake_host.c).  GPUs 01:00.0 (with its audio function 01:00.1) and 03:00.0,
# disk 02:00.0.

host=$("$build/tests/cli/fake_host" make)
cp "$build/tests/cli/fake_host" "$work/fake_host"
hosted() { ${EXEC:-} "$work/fake_host" "$host" "$@"; }
vm() { hosted run --no-kvm-check --network none "$@"; }
bound() { [ "$(hosted bound "0000:$1")" = "$2" ]; }
# As it was before, and no entry in the journal.
all_back() {
    bound 01:00.0 nouveau && bound 01:00.1 snd_hda_intel &&
        bound 02:00.0 nvme && bound 03:00.0 nouveau &&
        [ -z "$(find "$root/devices" -name '*.json' 2>/dev/null)" ]
}
clean() { all_back && nothing_left; }
not_had() { refused "$1" && all_back; }
seen() { grep -qF -- "$1" "$work/${2:-out}"; }

## What the monitor gets
try vm --rm --gpus device=0 busy devices
check "--gpus: its group, the container" grep -qx -- \
    "--vfio=0000:01:00.0,group=$host/dev/vfio/12" "$work/out"
check "... of VFIO" grep -qx -- "--vfio-container=$host/dev/vfio/vfio" "$work/out"
check "not the companion" test "$(grep -c -- --vfio= "$work/out")" = 1
check "a note that memory stays" seen "are taken from the host at once" err
check "all is given back" clean
try vm -q --rm --gpus all --device vfio=02:00.0,rom=on,reset=off busy devices
check "-q: no note" test ! -s "$work/err"
check "three devices" test "$(grep -c -- '--vfio=' "$work/out")" = 3
check "what was said of one" seen "$host/dev/vfio/13,rom=on,reset=off"
try vm --rm --timing --device vfio=02:00.0 busy exit 3
check "--timing: taking them, memory" \
    grep -qE '^devices +[0-9.]+ ms' "$work/err"
check "... its rate" seen "1024 MiB, 2.0 GiB/s, pages of 2048 KiB, 2 threads" err
check "the command's status" is 3

## The plan
try vm --dry-run --gpus device=0 busy
check "--dry-run: function, driver, companion" \
    eval 'seen "\"driver\": \"nouveau\"" || seen "\"driver\":\"nouveau\""'
check "... and nothing is bound" clean
try vm --dry-run --gpus 3 busy
check "a refusal shows there too" not_had "3 are asked for, this host has 2"

## Refusals
try vm --gpus device=7 busy
check "no such GPU" not_had "there is no GPU 7"
try vm --device vfio=09:00.0 busy
check "no such function" not_had "0000:09:00.0"
try vm --device /dev/nvidia0 busy
check "a device file" not_had "a kernel of its own"
try vm --device nvidia.com/gpu=0 busy
check "no such CDI device" not_had "nvidia.com/gpu=0"
try vm -m 5g --device vfio=02:00.0 busy
check "more memory than is there" is 125
try vm --hugepages 2M -m 64m --device vfio=02:00.0 busy
check "no huge pages" not_had "--hugepages"
check "nothing is left after refusals" clean
rm "$host/dev/vfio/13"
try vm --device vfio=02:00.0 busy
check "no VFIO group: given back at once" is 125
check "nothing is left after that" clean
: >"$host/dev/vfio/13"
echo vfio-pci >"$host/stuck"
try vm --device vfio=02:00.0 busy
check "vfio-pci does not take it" is 125
rm "$host/stuck"
check "it is with its driver again" clean
try vm --rm --device vfio=02:00.0 --kernel "$work/refuse" busy
check "the monitor refuses" said_last "is not a kernel: give another"
check "given back after that" clean

## CDI
mkdir -p "$work/cdi"
cat >"$work/cdi/acme.yaml" <<'END'
cdiVersion: "0.6.0"
kind: acme.com/disk
devices:
- name: one
  containerEdits:
    deviceNodes:
    - path: /dev/vfio/13
containerEdits:
  env: [ACME=1]
  mounts:
  - hostPath: /usr/lib/acme
END
try vm --rm --cdi-spec-dir "$work/cdi" --device acme.com/disk=one busy devices
check "a CDI name" seen "--vfio=0000:02:00.0,group="
check "its mounts are left out, once" \
    test "$(grep -c 'mounts and hooks' "$work/err")" = 1
try vm --dry-run --cdi-spec-dir "$work/cdi" --device acme.com/disk=one busy
check "its variables are the container's" seen "ACME=1"

## Two VMs
start vm --name first --device vfio=02:00.0 busy hang
check "a VM has the disk" bound 02:00.0 vfio-pci
try hosted ps
check "ps shows it" seen "0000:02:00.0"
try vm --device vfio=02:00.0 busy exit 0
check "another cannot have it" said 125 "$(only_vm)"
check "which leaves it alone" bound 02:00.0 vfio-pci
try vm --rm --gpus 1 busy devices
check "but a GPU" seen "--vfio=0000:0"
try hosted rm -f first
check "rm -f ends it" is 0
reap
check "the disk is back after rm -f" clean

## Ends
for sig in INT TERM; do
    start vm --rm --gpus all busy hang
    kill -s $sig "$cli"
    reap
    check "SIG$sig: given back" clean
done
start vm --rm --timeout 1 --gpus all busy hang
reap
check "--timeout: 124" is 124
check "--timeout: given back" clean
killed vm --rm --gpus all
check "a killed monitor: 137" is 137
check "a killed monitor: given back" clean
start vm --rm --gpus all busy hang
keeper=$(field "$(only_vm)" keeper)
kill -9 "$cli"
reap
check "a killed CLI: the keeper ends" wait_for gone "$keeper"
check "a killed CLI: given back" wait_for clean
start vm --rm --gpus all busy hang
kill -9 "$(field "$(only_vm)" keeper)"
reap
check "a killed keeper: the GPU stays for the moment" bound 01:00.0 vfio-pci
try hosted ps
check "the next command gives it back" clean
start vm --rm --gpus all busy hang
kill -9 "$(field "$(only_vm)" keeper)"
reap
try vm --rm --gpus all busy exit 6
check "the next VM can have it" is 6
check "and gives it back to whom it was" clean

## While a driver does not let go
: >"$host/slow"
EXEC=exec vm --rm --device vfio=02:00.0 busy say never \
    >"$work/out" 2>"$work/err" </dev/null &
cli=$!
check "a driver that takes its time" wait_for test -e "$host/waits"
kill -INT "$cli"
wait_for none_pending "$cli"
rm "$host/slow" "$host/waits"
reap
check "SIGINT meanwhile: 130" is 130
check "... and the VM was not started" test ! -s "$work/out"
check "... and the device is back" clean

## One that cannot go back
start vm --rm --gpus all --device vfio=02:00.0 busy hang
echo nvme >"$host/stuck"
kill -INT "$cli"
reap
check "a driver that does not take it back is named" seen "0000:02:00.0" err
check "the others went" eval 'bound 01:00.0 nouveau && bound 03:00.0 nouveau'
check "the status is the command's" is 130
rm "$host/stuck"
try hosted ps
check "nothing runs" nothing_left

## A device that goes
start vm --rm --device vfio=03:00.0 busy lose
check "the host takes one back: a line" \
    wait_for seen "the host took back 0000:03:00.0" err
try hosted ps
check "ps shows it no more" eval '! seen 0000:03:00.0'
check "it is in the log" grep -rq 'took back' "$root/vms/$(only_vm)/log"
kill -INT "$cli"
reap
check "the VM went on" is 130
rm -rf "$host"

#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# run.sh - the manager's processes, without a guest: what `belljar run` says
# and returns, who dies with whom, and that nothing stays behind.  The monitor
# is fake_monitor.c; belljar, its keeper and belljar-net are the real ones.
set -uo pipefail

cd "$(dirname "$0")/../.."
build=$PWD/${BELLJAR_BUILD:-build}
work=$(mktemp -d)
root=$work/s
passed=0 failed=0 server=''

. tests/cli/lib.sh

tests/cli/image.sh busy:latest '{"Cmd":["exit","3"]}' |
    bj load >"$work/out" 2>"$work/err" || exit 1

## Images from elsewhere
bj rmi busy >/dev/null
tests/cli/image.sh busy:latest '{"Cmd":["exit","3"]}' >"$work/busy.tar"
skopeo copy -q "docker-archive:$work/busy.tar" "oci:$work/layout:busy:latest"
skopeo copy -q "docker-archive:$work/busy.tar" "dir:$work/dir"
for from in "oci:$work/layout:busy:latest" "dir:$work/dir" \
    "docker-archive:$work/busy.tar"; do
    try bj pull -q "$from"
    check "pull ${from%%:*}:" is 0
done
try bj pull "dir:$work/none"
check "pull of what is not there" said 125 "$work/none"
try bj images -q
check "they are one image" test "$(wc -l <"$work/out")" = 1
bj rmi -f "$(cat "$work/out")" >/dev/null
script -qec "'$build/belljar' load <'$work/busy.tar'" /dev/null </dev/null \
    >"$work/out2" 2>"$work/err"
check "load draws a bar on a terminal" \
    grep -qE 'Converting layer 1/1 .*\[[=>]+ *\] .*MB' "$work/out2"
head -c 1000000 "$work/busy.tar" >"$work/cut.tar"
try bj load -i "$work/cut.tar"
check "load of half an archive" said 125 "copy or save it again"
mkdir "$work/bad"
tar -xf "$work/busy.tar" -C "$work/bad"
printf x >>"$work/bad/layer.tar"
tar -cf "$work/bad.tar" -C "$work/bad" manifest.json config.json layer.tar
bj --root "$work/other" load <"$work/bad.tar" >"$work/out" 2>"$work/err"
status=$?
check "load of a layer with another digest" said 125 "nothing of it is kept"
check "and nothing is" \
    test -z "$(ls "$work/other/images")$(ls "$work/other/tmp")"
try env PATH="$work/none" "$build/belljar" pull busy
check "no skopeo" said 125 "skopeo"
try bj load -i "$work/none"
check "load of what is not there" said 125 "$work/none"
try bj --root /proc/none images
check "a root where nothing can be" said 125 "--root"
bj load <"$work/busy.tar" >"$work/out" 2>"$work/err"
check "load draws none elsewhere" test ! -s "$work/err"
rootfs=$(echo "$root"/images/*/rootfs.squashfs)
rm "$rootfs"
try run busy
check "an image whose disk was removed" refused "is damaged"
try bj load -i "$work/busy.tar"
check "is made anew" is 0

## Exit statuses and output
for n in 0 1 42 137; do
    try run --rm busy exit $n
    check "exit status $n" is $n
done
try run --rm busy
check "the image's command runs" is 3
try run --rm busy say hello
check "standard output" grep -qx hello "$work/out"
try run --rm busy err oops
check "standard error" grep -qx oops "$work/err"
try run --rm busy missing
check "command not found: 127 and a sentence" said 127 "command not found"
check "nothing is left after --rm" nothing_left
try run --rm --timing busy exit 0
check "--timing prints the phases" grep -q '^container ' "$work/err"
try run --rm busy disks
check "two disks" is 2
try run --rm --read-only busy disks
check "--read-only: one disk" is 1
head -c 3000000 /dev/urandom >"$work/in"
run --rm -i busy cat <"$work/in" >"$work/out2" 2>"$work/err"
check "stdin, 3 MB, comes back whole" cmp -s "$work/in" "$work/out2"
run --rm busy flood 20000000 2>"$work/err" | head -c 1000 >"$work/out2"
check "a reader that goes away" test "${PIPESTATUS[0]}" = 0
run --rm busy flood 20000000 2>"$work/err" | wc -c >"$work/out2"
check "20 MB of output" grep -qx 20000000 "$work/out2"

## A terminal
cat >"$work/tty.sh" <<END
stty -g
"$build/belljar" run --no-kvm-check --network none --rm -it busy say 'on tty'
echo "status \$?"
stty -g
END
script -qec "bash $work/tty.sh" /dev/null </dev/null >"$work/out" 2>"$work/err"
tr -d '\r' <"$work/out" >"$work/out2"
check "-it runs on a terminal" grep -q 'on ttystatus 0' "$work/out2"
check "the terminal is as it was" \
    test "$(head -n 1 "$work/out2")" = "$(tail -n 1 "$work/out2")"

## No VMs
try bj ps
check "ps prints its header" grep -q '^VM ID .*PORTS$' "$work/out"
try bj ps -q
check "ps -q prints nothing" test ! -s "$work/out"

## What is documented
man=vmm/manager/belljar.1
bj run --help >"$work/out" 2>"$work/err"
for option in $(grep -oE -- '--[a-z][a-z-]+' "$work/out" | sort -u); do
    grep -qE "Fl ${option#--}( |$)" $man || echo "$man: $option"
    [ "$option" = --help ] || grep -q -- "\`$option[ \`]" docs/run.md ||
        grep -qE -- "^ +-[a-z], $option" "$work/out" || echo "docs: $option"
done >"$work/out2"
check "belljar.1 and docs/run.md have every option of run" \
    test ! -s "$work/out2"
for option in $(sed -n '/^## Options/,/^## Exit/p' docs/run.md |
    grep -oE -- '`-[a-z-]+' | tr -d '`' | grep -vx -- -it); do
    grep -qE -- "(^| |,)$option([ =,]|$)" "$work/out" || echo "$option"
done >"$work/out2"
check "and none that it has not" \
    test "$(tr '\n' ' ' <"$work/out2")" = '--root --runroot '

## Installed
env -u MAKEFLAGS make -s install DESTDIR="$work/inst" PREFIX=/usr \
    >"$work/out" 2>"$work/err"
check "make install" test -s "$work/inst/usr/share/man/man1/belljar.1"
try env -u BELLJAR_LIBDIR "$work/inst/usr/bin/belljar" doctor
check "what is installed finds its companions" \
    grep -q "^ok *companions: .*/inst/usr/.*lib/belljar" "$work/out"
try env -u BELLJAR_LIBDIR "$work/inst/usr/bin/belljar" version
check "and has a version" grep -qE '^belljar +[0-9]+\.' "$work/out"

## Bad input
try bj rnu busy
check "unknown command, with a suggestion" said 125 "did you mean 'run'?"
try run --nmae x busy
check "unknown option, with a suggestion" said 125 "did you mean '--name'?"
try run -it busy
check "-it without a terminal" refused "the input device is not a TTY"
try run nosuch
check "unknown image" refused "nosuch"
try run --kernel nosuch busy
check "unknown kernel" refused "neither 'minimal' nor 'stock'"
try run --kernel stock busy
check "kernel flavour that is not here" refused "make stock-kernel"
try run --dry-run --kernel-modules "$work/none" busy
check "modules that are not there" refused "give a directory such as"
try run --dry-run --kernel-modules /etc busy
check "a directory without modules" refused "not modules of a Linux kernel"
try run --kernel "$work/none/at/all" busy
check "kernel file that is not there" refused "$work/none/at/all"
try run -m 8m busy
check "too little memory" refused "too few"
try run -m 4000g busy
check "more memory than the host has" refused "of this host"
try bj --kvm "$work/nokvm" run busy
check "no /dev/kvm" refused "there is no '$work/nokvm'"
try bj --kvm "$work/in" run busy
check "a /dev/kvm that is none" refused "is not a KVM device"
nokvm() { bj --kvm "$work/nokvm" run "$@"; }
try nokvm nosuch
check "what was typed is judged before the machine: image" refused "nosuch"
try nokvm --kernel nosuch busy
check "kernel" refused "neither 'minimal' nor 'stock'"
try nokvm -m 8m busy
check "memory" refused "too few"
try nokvm --name a/b busy
check "name" refused "a/b"
try nokvm -p 99999:80 busy
check "port" refused "99999"
: >"$work/closed"
chmod 0 "$work/closed"
if [ "$(id -u)" = 0 ]; then # root may open anything, but for this capability
    try setpriv --bounding-set=-dac_override,-dac_read_search \
        "$build/belljar" --kvm "$work/closed" run busy
else
    try bj --kvm "$work/closed" run busy
fi
check "no permission on /dev/kvm" refused "no permission on '$work/closed'"
if [ -w /dev/kvm ] &&
    ! grep -qE '^flags.* (vmx|svm)( |$)' /proc/cpuinfo; then
    try bj run busy
    check "a KVM that cannot run Linux (PVM)" refused "neither VMX nor SVM"
fi
echo refuse >"$work/refuse"
try run --kernel "$work/refuse" busy
check "the monitor's sentence comes through" \
    refused "belljar: '$work/refuse' is not a kernel: give another"
echo mute >"$work/mute"
try run --kernel "$work/mute" busy
check "a monitor that says nothing" refused "status 125 and said nothing"
mv "$work/lib/belljar-monitor" "$work/away"
try run busy
check "no monitor" refused "belljar-monitor' is missing"
mv "$work/away" "$work/lib/belljar-monitor"
for how in oversize early badexit unknown; do
    try run --rm busy $how
    check "init breaks the protocol ($how)" refused "broke the agent protocol"
done
try run --rm --timeout 5x busy
check "a time that is none" refused "--timeout"

## --allow
try bj run --no-kvm-check --allow pypi.org busy exit 0
check "--allow without a port" refused "--allow 'pypi.org': a port is missing"
try bj run --no-kvm-check --allow nowhere.invalid:443 busy exit 0
check "--allow: a name nobody knows" refused "cannot look up 'nowhere.invalid'"
try bj run --no-kvm-check --allow localhost:443 busy exit 0
check "--allow: the host's loopback" refused "which no guest can reach"
try run --allow 192.0.2.1:443 busy exit 0
check "--allow without a network" refused "needs a network"
many=$(seq -f '--allow=192.0.2.1:%g' 65)
try bj run --no-kvm-check $many busy exit 0
check "--allow: too many" refused "more than 64 entries"
many=${many%$'\n'*}
try bj run --no-kvm-check --rm $many --allow= busy exit 0
check "--allow: an empty one" refused "a port is missing"
try bj run --no-kvm-check --rm $many busy exit 5
check "--allow: as many as may be" is 5
try bj run --no-kvm-check --dry-run --allow '[2001:db8::1]:53/udp' busy exit 0
tr -d ' \n' <"$work/out" >"$work/out2"
check "--dry-run shows what is allowed" grep -qF \
    '"allow":[{"addresses":["2001:db8::1"],"port":53,"protocol":"udp"}]' \
    "$work/out2"
start bj run --no-kvm-check --rm --allow 192.0.2.1:443 busy hang
vm=$(only_vm)
check "belljar-net gets it" grep -qzx -- '--allow=tcp:443:=192.0.2.1' \
    "/proc/$(field "$vm" net)/cmdline"
kill -USR1 "$cli"
reap
check "and ends" is 138

# Refusals are lines of belljar-net's log; here are more than a guest can cause.
mv "$work/lib/belljar-net" "$work/lib/net"
cp "$build/tests/cli/fake_net" "$work/lib/belljar-net"
try bj run --no-kvm-check --rm busy exit 5
check "belljar-net's log is told" grep -qxF 'belljar: one ?[31m' "$work/err"
check "... its first 32 lines" grep -qxF 'belljar: line 30' "$work/err"
check "... of its own" test "$(wc -l <"$work/err")" = 31
try bj run --no-kvm-check --rm -q busy exit 5
check "... and not with -q" test ! -s "$work/err"
mv -f "$work/lib/net" "$work/lib/belljar-net"

## Ports and names
exec 9< <(exec python3 -c 'import signal, socket
s = socket.socket(); s.bind(("127.0.0.1", 0)); s.listen()
print(s.getsockname()[1], flush=True)
signal.pause()' 2>&1)
server=$!
read -r port <&9
try bj run --no-kvm-check -p "$port:80" busy exit 0
check "port taken" refused "$port"
try bj run --no-kvm-check --rm -p 0:80 busy exit 5
check "with belljar-net" is 5
kill "$server"
server=
exec 9<&-
start run --name one busy hang
check "a VM runs" test -n "$(only_vm)"
try run --name one busy exit 0
check "name taken" said 125 "the name 'one' is taken"
try bj ps
check "ps shows it" grep -q 'running.*one' "$work/out"
try bj rm one
check "rm refuses a running VM" said 125 "is running"
host=$(awk '/^MemTotal/ { print int($2 / 1024) }' /proc/meminfo)
try run --rm -m "${host}m" busy exit 4
check "memory overcommitted: a warning" said 4 "more than the"
try run --rm -q -m "${host}m" busy exit 4
check "-q: none" test "$status-$(wc -c <"$work/err")" = 4-0
try bj rmi -f busy
check "an image in use stays" said 125 "in use by a running VM"
try bj logs one
check "logs" grep -qx ready "$work/out"
try bj rm -f one
check "rm -f ends it" is 0
reap
check "its CLI says 137" said 137 "ended from outside"
check "nothing is left after rm -f" nothing_left

## Signals
for sig in INT TERM HUP USR1; do
    start run --rm busy hang
    kill -s $sig "$cli"
    reap
    check "SIG$sig is passed on" is $((128 + $(kill -l $sig)))
done
start run --rm busy stubborn
kill -TERM "$cli"
kill -INT "$cli"
wait_for none_pending "$cli"
kill -TERM "$cli" 2>/dev/null
reap
check "SIGTERM, SIGINT, SIGTERM end what will not end" is 137
start run --rm --timeout 1 busy hang
reap
check "--timeout: 124" said 124 "the time of --timeout is over"
check "nothing is left after signals" nothing_left

## Who dies with whom
killed run --rm
check "a killed monitor: 137" said 137 "the monitor was killed (signal 9)"
try run --rm busy die
check "a guest that dies" said 125 "without its container's exit status"
try run --rm --serial busy die
check "its console's last words" grep -q 'Kernel panic' "$work/err"
check "nothing is left after that" nothing_left

start bj run --no-kvm-check --name two busy hang
vm=$(only_vm)
monitor=$(field "$vm" monitor) net=$(field "$vm" net) keeper=$(field "$vm" keeper)
kill -9 "$keeper"
reap
check "a killed keeper" said 125 "the keeper of VM $vm was killed"
check "the monitor dies with it" wait_for gone "$monitor"
check "the network dies with it" wait_for gone "$net"
try bj ps -a
check "the next command repairs the folder" grep -q 'exited (125).*two' "$work/out"
try bj rm two
check "rm removes it" nothing_left

start bj run --no-kvm-check --rm busy hang
vm=$(only_vm)
kill -9 "$(field "$vm" net)"
check "a killed belljar-net: a warning" wait_for grep -q 'by signal 9 .*without a network' "$work/err"
kill -USR1 "$cli"
reap
check "and the VM went on" is 138

start run --rm busy hang
vm=$(only_vm)
kill -9 "$(field "$vm" keeper)"
reap
try bj ps -a
check "--rm after a killed keeper" nothing_left

start run busy hang
vm=$(only_vm)
keeper=$(field "$vm" keeper)
kill -9 "$cli"
reap
check "a killed CLI: the container gets SIGHUP" wait_for gone "$keeper"
check "and its status is kept" grep -q '"status": *129' "$root/vms/$vm/exit.json"
try bj rm "$vm"
check "nothing is left at the end" nothing_left

## A full disk
if mkdir -p "$work/full" && mount -t tmpfs -o size=3m none "$work/full" 2>/dev/null; then
    tests/cli/image.sh busy:latest | bj --root "$work/full" load \
        >"$work/out" 2>"$work/err"
    head -c 3m /dev/zero >"$work/full/fill" 2>/dev/null
    try bj --root "$work/full" run --no-kvm-check --network none busy exit 0
    check "store full" said 125 "the store is full"
    check "nothing is left on it" test -z "$(ls "$work/full/vms")"
    try bj --root "$work/full" rmi busy
    check "rmi makes room on a full disk" is 0
    try bj --root "$work/full" pull -q "dir:$work/dir"
    check "store full: pull" said 125 "is full"
    check "nothing is left of that" test -z "$(ls -A "$work/full/images" "$work/full/tmp" |
            grep -v ':$')"
    umount "$work/full"
else
    echo "ok - store full # SKIP no right to mount a tmpfs"
fi

. tests/cli/devices.sh
. tests/cli/cgroup.sh
. tests/cli/update.sh
. tests/cli/stats.sh
. tests/cli/network.sh
. tests/cli/networks.sh
. tests/cli/untrusted.sh
. tests/cli/shares.sh

echo "cli: $passed passed, $failed failed"
[ "$failed" = 0 ]

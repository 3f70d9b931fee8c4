# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2154
#
# untrusted.sh - a malicious pickle (images/untrusted) under --profile
# untrusted: inside it does its worst until its time is over, outside nothing
# has happened.  Listeners on the host's addresses note whoever connects.

u=$tmp/untrusted
mkdir -p "$u"
log_max=$((16 << 20))
seconds=25

images_sum() { sha256sum "$BELLJAR_ROOT"/images/*/rootfs.squashfs; }
mounts() { sort /proc/self/mounts; }
# The store but for its records, which are to come, and for the empty folder of
# VMs with its lock, which the first VM of a store makes.
store_files() {
    (cd "$BELLJAR_ROOT" && find . -path ./records -prune -o -print |
        grep -vxF -e ./vms -e ./vms/.lock | sort)
}
available() { awk '$1 == "MemAvailable:" { print $2 }' /proc/meminfo; }
groups_left() { find /sys/fs/cgroup -path '*belljar*' -type d; }
# says FILE TEXT..: the record has each TEXT, blanks and lines aside.
says() {
    local text flat
    flat=$(tr -d ' \n' <"$1")
    shift
    for text; do
        [[ $flat == *"$text"* ]] || {
            echo "not in the record: $text"
            return 1
        }
    done
}
number() { sed -nE "s/^ *\"$2\": ?([0-9]+),?\$/\1/p" "$1" | head -n 1; }

listen_start() {
    ip link set lo up
    ip addr replace 198.51.100.1/32 dev lo
    : >"$u/heard"
    python3 tests/linux/listener.py "$u/heard" tcp:127.0.0.1:8000 \
        tcp:198.51.100.1:8000 tcp:198.51.100.1:8001 udp:198.51.100.1:53 &
    listener=$!
    until_true 60 grep -qx listening "$u/heard"
}
# They do hear: what we send ourselves arrives, and is the last line.
listen_end() {
    echo control >/dev/udp/198.51.100.1/53
    until_true 20 grep -q 'control' "$u/heard"
    kill "$listener"
    wait "$listener" || :
    grep -vx -e listening -e 'udp:198.51.100.1:53 control' "$u/heard" \
        >"$u/strangers" || :
}

# model NAME SECONDS [OPTIONS]: it runs; output in NAME.out, NAME.err.
model() {
    local name=$1 time=$2
    shift 2
    env SECRET=of-the-host timeout -k 20 $((time + 60)) "$belljar" run \
        --profile untrusted --rm --name worst --timeout "$time" -m 128m \
        --record "$u/record" -e CANARY="$u/canary" \
        -e VICTIMS="198.51.100.1:8000 198.51.100.1:8001" "$@" untrusted \
        >"$u/$name.out" 2>"$u/$name.err"
}

# Everything but forks, to the end; then those, which only time ends.  What is
# outside is noted before and after.
worst() {
    local got=0
    echo "the host's own" >"$u/canary"
    listen_start
    images_sum >"$u/images"
    mounts >"$u/mounts"
    store_files >"$u/files"
    available >"$u/available"
    date +%s >"$u/clock"
    model worst 200 --serial \
        -e WORST=look,network,kernel,disks,flood,fill,delete,memory || got=$?
    tr -d A <"$u/worst.out" | grep -a '^inside\|^load' | head -n 100
    cat "$u/worst.err"
    same 0 "$got"
    model forks $seconds -e WORST=forks || got=$?
    cat "$u/forks.err"
    listen_end
    same 124 "$got"
    grep -q "the time of --timeout is over" "$u/forks.err"
}
check "untrusted: the pickle runs, and ends with its time" worst

# The test is of no use if it could not do what it tries.
did_its_worst() {
    local what
    for what in 'iopl(3): YES' 'make /dev/vda writable: ' \
        'write to /dev/vda: no' 'set the clock to 1980: YES' \
        'read .*/canary: no' 'flood /dev/console: ' 'fill /dev/shm: ' \
        'connect to 198.51.100.1:8000: no' 'send a secret by DNS' \
        'rm -rf /: ' 'all memory: '; do
        grep -aq "^inside: $what" "$u/worst.out" || {
            echo "missing: $what"
            return 1
        }
    done
    ! grep -aq SECRET "$u/worst.out"
}
check "untrusted: inside it did its worst" did_its_worst

outside() {
    same "the host's own" "$(cat "$u/canary")"
    same "" "$(cat "$u/strangers")"
    same "$(cat "$u/images")" "$(images_sum)"
    same "$(cat "$u/mounts")" "$(mounts)"
    same "$(cat "$u/files")" "$(store_files)"
    same "" "$(groups_left)"
    nothing_left
    until_true 20 eval '[ "$(available)" -gt $(($(cat "$u/available") - 65536)) ]'
    # A clock that went back to 1980 would be the guest's alone.
    [ $(($(date +%s) - $(cat "$u/clock"))) -lt 600 ]
    [ "$(date +%s)" -ge "$(cat "$u/clock")" ]
}
check "untrusted: outside nothing happened" outside

recorded() {
    local r=$u/record peak
    cat "$r"
    same 600 "$(stat -c %a "$r")"
    says "$r" '{"version":1,' '"name":"worst","profile":"untrusted"' \
        '"image":{"name":"untrusted:latest","digest":"sha256:' \
        '"command":["python3","load.py","model.pkl"]' \
        '"env":["PATH","HOSTNAME","CANARY","VICTIMS","WORST"],"read_only":true' \
        '"jail":{"mode":"required","missing":[]}' \
        '"network":{"mode":"none","interface":null,"allow":null,"publish":[]}' \
        '"cpus":1.0,' '"required":true' "\"timeout\":$seconds" '"vcpus":1,' \
        '"missing":null},"started":"20' '"finished":"20' \
        '"status":124,"error":null,"timed_out":true'
    # It worked for some seconds and had some memory, not more than its limit.
    [ "$(number "$r" cpu_usec)" -gt 1000000 ]
    peak=$(number "$r" memory_peak)
    [ "${peak:-16777217}" -gt 16777216 ]
    [ "${peak:-0}" -le "$(number "$r" memory)" ]
    ! grep -q "$u/canary" "$r"
}
check "untrusted: the record says what ran and how it ended" recorded

# Everything on the list and nothing else; the VM's folder stays, with its log.
doors() {
    local vm
    listen_start
    status 0 timeout -k 20 150 "$belljar" run --profile untrusted \
        --name doors -m 128m --allow 198.51.100.1:8000 --timeout 100 \
        -e WORST=network,flood -e VICTIMS="198.51.100.1:8000 198.51.100.1:8001" \
        untrusted >"$u/out2" 2>"$u/err2"
    tr -d A <"$u/out2" | grep -a '^inside'
    cat "$u/err2"
    listen_end
    same "tcp:198.51.100.1:8000 stolen" "$(cat "$u/strangers")"
    vm=$(echo "$BELLJAR_ROOT"/vms/*/spec.json)
    vm=${vm%/spec.json}
    [ "$(stat -c %s "$vm/log")" -le $((log_max + 64)) ]
    grep -aq '^inside: flood /dev/stdout: ' "$vm/log"
    says "$BELLJAR_ROOT/records/${vm##*/}.json" \
        '"network":{"mode":"user","interface":null,"allow":[{"addresses":["198.51.100.1"],' \
        '"status":0,"error":null,"timed_out":false'
    "$belljar" rm doors
    rm -r "$BELLJAR_ROOT/records"
    nothing_left
}
check "untrusted: --allow opens one door" doors

# A machine that reboots itself is over; the next one works as ever.
rebooted() {
    local got=0
    timeout -k 20 120 "$belljar" run --rm --profile untrusted -m 128m \
        --record "$u/record2" -e WORST=reboot untrusted || got=$?
    # As docker has it: the kernel says it by SIGHUP.
    same 129 "$got"
    says "$u/record2" '"status":129,'
    prints fine run -- echo fine
    nothing_left
}
check "untrusted: a reboot is the end, and the next one works" rebooted

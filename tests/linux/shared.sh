# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2154
#
# shared.sh - directories and files of the host inside: read, written, refused,
# whose they are, and a virtiofsd that is killed.  The tests' machine has root.

share=$tmp/share
mkdir -p "$share/sub"
echo "from the host" >"$share/hello"
echo "alone" >"$tmp/alone"
chmod 755 "$tmp" "$share"

has_virtiofsd() { ls /usr/lib/qemu/virtiofsd || ls /usr/libexec/virtiofsd; }

read_and_write() {
    prints "from the host" run -v "$share:/data" "$@" -- cat /data/hello
    run -v "$share:/a/new/place" "$@" -- sh -c '
        set -e
        echo "from the guest" >/a/new/place/back
        dd if=/dev/zero of=/a/new/place/big bs=1M count=20 2>/dev/null
        mv /a/new/place/back /a/new/place/sub/moved
        ln -s moved /a/new/place/sub/link'
    same "from the guest" "$(cat "$share/sub/link")"
    same $((20 << 20)) "$(stat -c %s "$share/big")"
    rm "$share/big" "$share/sub/moved" "$share/sub/link"
}

# Also for root that mounts the tag once more, without the flag.
read_only() {
    run -v "$share:/data:ro" -- sh -c '
        ! echo x >/data/new && ! rm /data/hello && ! chmod 777 /data/hello || exit 1
        mkdir /again && mount -t virtiofs share0 /again || exit 0
        ! echo x >/again/new && ! rm /again/hello'
    same hello "$(cd "$share" && echo h*)"
    [ ! -e "$share/new" ]
}

single_file() {
    prints alone run -v "$tmp/alone:/etc/one/file:ro" -- cat /etc/one/file
    run -v "$tmp/alone:/etc/hosts" -- sh -c '
        echo changed >/etc/hosts && ! rm /etc/hosts || exit 1
        mkdir /again && mount -t virtiofs share0 /again || exit 0
        [ "$(ls /again)" = file ] && ! echo x >/again/new'
    same changed "$(cat "$tmp/alone")"
    echo alone >"$tmp/alone"
}

read_only_root() {
    prints "from the host" run --read-only -v "$share:/not/in/the/image" -- \
        cat /not/in/the/image/hello
}

ownership() {
    chmod 777 "$share"
    run -v "$share:/data" -- touch /data/of-root
    run -u 1234:2345 -v "$share:/data" -- touch /data/of-1234
    same 0:0 "$(stat -c %u:%g "$share/of-root")"
    same 1234:2345 "$(stat -c %u:%g "$share/of-1234")"
    run -v "$share:/data" -- chown 77:88 /data/of-root
    same 77:88 "$(stat -c %u:%g "$share/of-root")"
    chmod 600 "$share/of-root"
    status 1 run -u 1234:2345 -v "$share:/data" -- cat /data/of-root
    rm "$share/of-root" "$share/of-1234"
    chmod 755 "$share"
}

several() {
    local options=() i
    for i in $(seq 16); do
        mkdir -p "$tmp/many/$i" && echo "$i" >"$tmp/many/$i/n"
        options+=(-v "$tmp/many/$i:/d/$i:ro")
    done
    prints 136 run "${options[@]}" -- sh -c 'cat /d/*/n | {
        s=0; while read -r n; do s=$((s + n)); done; echo $s; }'
}

# serving COMMANDS: a VM with the share whose standard input is 8.
serving() {
    go=$tmp/go2
    mkfifo "$go"
    exec 8<>"$go"
    timeout -k 20 200 "$belljar" run --rm -i -v "$share:/data" test sh -c "
        cat /data/hello; echo ready; $1" \
        <&8 >"$tmp/said" 2>"$tmp/noted" &
    vm=$!
    until_true 120 grep -q ready "$tmp/said"
}

# Its end, with that status.
served() {
    exec 8>&-
    rm "$go"
    status "$1" wait "$vm"
    nothing_left
}

# The VM goes on; who asks for a file gets an error, and does not hang.
killed() {
    serving 'read -r _; cat /data/sub/other 2>&1; ls /data 2>&1; echo went on'
    pkill -9 -o -x virtiofsd
    until_true 20 grep -q "virtiofsd, which served '/data'" "$tmp/noted"
    echo >&8
    served 0
    grep -q "went on" "$tmp/said"
    grep -qi "not connected" "$tmp/said"
    prints "from the host" run -v "$share:/data" -- cat /data/hello
}

# Who waits for a file waits, and nobody else: not the disk, nor the console.
slow() {
    serving '
        read -r _; (ls /data/sub && echo got it) &
        dd if=/dev/urandom of=/tmp/file bs=1000 count=1 conv=fsync 2>&1
        echo meanwhile
        wait; echo went on'
    pkill -STOP -x virtiofsd
    echo >&8
    until_true 60 grep -q meanwhile "$tmp/said"
    ! grep -q "got it" "$tmp/said"
    pkill -CONT -x virtiofsd
    until_true 60 grep -q "went on" "$tmp/said"
    grep -q "got it" "$tmp/said"
    served 0
}

# One that does not go on does not hold the VM's end up, though no signal ends
# who already waits for it.
stuck() {
    serving '
        read -r _
        ls /data/sub &
        until grep -q "^Name:.ls" /proc/$!/status &&
            grep -q "^State:.S" /proc/$!/status; do :; done
        echo waits
        exit 3'
    pkill -STOP -x virtiofsd
    echo >&8
    until_true 60 grep -q waits "$tmp/said"
    served 3
}

# Of the one that serves: whose child it is, what it may, what it sees.
confined() {
    local p monitor field
    serving 'read -r _'
    monitor=$(pgrep -x belljar-monitor || pgrep -f belljar-monitor | head -n 1)
    same 2 "$(pgrep -cx virtiofsd)"
    for p in $(pgrep -x virtiofsd); do
        same "$(cat "/proc/$monitor/cgroup")" "$(cat "/proc/$p/cgroup")"
        grep -q '^NoNewPrivs:[[:space:]]*1$' "/proc/$p/status"
        for field in user mnt pid net ipc; do
            [ "$(readlink "/proc/$p/ns/$field")" != \
                "$(readlink "/proc/self/ns/$field")" ]
        done
    done
    p=$(pgrep -n -x virtiofsd)
    grep -q '^Seccomp:[[:space:]]*2$' "/proc/$p/status"
    same "hello sub" "$(cd "/proc/$p/root" && echo *)"
    echo >&8
    served 0
}

missing() {
    status 125 env BELLJAR_VIRTIOFSD=/none "$belljar" run --rm \
        -v "$share:/data" test true 2>"$tmp/noted"
    grep -q "install the package" "$tmp/noted"
    status 125 run -v "$tmp/none:/data" -- true 2>"$tmp/noted"
    grep -q "does not exist on the host" "$tmp/noted"
}

# The same data in each kind of image, of two VMs at once, read-only whatever
# root does.
images() {
    local kind vm options=()
    rm -rf "$tmp"/set* "$tmp/ready"
    mkdir -p "$tmp/set/sub"
    echo "of the set" >"$tmp/set/sub/hello"
    head -c 5M /dev/urandom >"$tmp/set/big"
    gensquashfs -q -c zstd -D "$tmp/set" "$tmp/set.1" >"$tmp/null"
    truncate -s 16M "$tmp/set.2"
    mke2fs -q -t ext4 -d "$tmp/set" "$tmp/set.2"
    mkfs.erofs -zlz4 "$tmp/set.3" "$tmp/set" >"$tmp/null"
    md5sum "$tmp"/set.? >"$tmp/before"
    for kind in 1 2 3; do
        options+=(--mount "type=image,src=$tmp/set.$kind,dst=/set/$kind")
    done
    timeout -k 20 300 "$belljar" run --name box "$@" "${options[@]}" test \
        sh -c 'cat /set/*/sub/hello; echo ready; while :; do sleep 1; done' >"$tmp/ready" &
    vm=$!
    until_true 200 grep -q ready "$tmp/ready"
    same 3 "$(grep -c "of the set" "$tmp/ready")"
    same "$(md5sum <"$tmp/set/big" | cut -d' ' -f1)" "$(run "$@" "${options[@]}" -- sh -c '
        cmp /set/1/big /set/2/big && cmp /set/2/big /set/3/big || exit 1
        for d in 1 2 3; do
            ! touch /set/$d/x && ! rm /set/$d/sub/hello && ! mount -o remount,rw /set/$d || exit 1
        done 2>/dev/null
        for disk in /dev/vd?; do
            case $(cat /sys/block/${disk#/dev/}/serial) in
            share*) ! dd if=/dev/zero of=$disk bs=512 count=1 conv=fsync || exit 1 ;;
            esac
        done 2>/dev/null
        md5sum </set/1/big | cut -d" " -f1')"
    "$belljar" rm -f box
    wait $vm || :
    md5sum -c "$tmp/before"
    nothing_left
}

check "shared: no virtiofsd, no source" missing
if command -v mkfs.erofs >/dev/null; then
    check "shared: images, minimal kernel" images --kernel minimal
    check "shared: images, stock kernel" images --kernel stock
else
    skip "shared: images" "no mkfs.erofs (package erofs-utils)"
fi
check "shared: there is a virtiofsd (qemu-system-common)" has_virtiofsd
check "shared: read and write, minimal kernel" read_and_write --kernel minimal
check "shared: read and write, stock kernel" read_and_write --kernel stock
check "shared: read-only, by the host" read_only
check "shared: a single file" single_file
check "shared: over a read-only root" read_only_root
check "shared: ids are the same on both sides" ownership
check "shared: 16 of them" several
check "shared: a killed virtiofsd" killed
check "shared: a slow virtiofsd" slow
check "shared: a virtiofsd that is stuck when the VM ends" stuck
check "shared: virtiofsd is behind walls" confined

# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# disk.sh - what is written is what is read, on both sides of the wall.

# Random pieces at random places; read back past the page cache; then the same
# file out of the layer's disk image on this side.
integrity() {
    "$belljar" run --name keep test sh -c '
        for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16; do
            dd if=/dev/urandom of=/data bs=4096 seek=$((RANDOM % 4096)) \
                count=$((1 + RANDOM % 256)) conv=notrunc 2>/dev/null
        done
        sync
        sha256sum </data
        echo 3 >/proc/sys/vm/drop_caches
        sha256sum </data' >"$tmp/sums"
    local first second layer
    { read -r first _ && read -r second _; } <"$tmp/sums"
    same "$first" "$second"
    layer=$(find "$BELLJAR_ROOT" -name 'layer*' -size +1M | grep -v template)
    debugfs -R "dump /upper/data $tmp/data" "$layer"
    same "$first" "$(sha256sum <"$tmp/data" | cut -d' ' -f1)"
    "$belljar" rm keep
}
check "disk: random writes, read back, sha256 on both sides" integrity

image_is_read_only() {
    run -- sh -c '! dd if=/dev/zero of=/dev/vda bs=512 count=1'
}
check "disk: the image cannot be written" image_is_read_only

# small_store SIZE: from here on, in this test, the images are on a tmpfs of that
# size.
small_store() {
    mkdir -p "$tmp/store"
    mount -t tmpfs -o "size=$1" none "$tmp/store"
    trap 'umount -l "$tmp/store"' EXIT
    cp -a "$BELLJAR_ROOT"/{images,repositories.json} "$tmp/store/"
    export BELLJAR_ROOT=$tmp/store
}

# The host's disk is smaller than what the guest writes.
host_disk_full() {
    local got=0
    small_store 48m
    run -- sh -c \
        'dd if=/dev/zero of=/big bs=1M count=100 conv=fsync; echo "dd $?"' \
        >"$tmp/full" 2>&1 || got=$?
    cat "$tmp/full"
    same 0 "$got"
    grep -q 'dd [1-9]' "$tmp/full"
}
check "disk: a full host disk is the guest's I/O error" host_disk_full

# begin COMMAND: a container that says "ready", waits for a line, and does it.
begin() {
    rm -f "$tmp/go"
    mkfifo "$tmp/go"
    timeout -k 20 500 "$belljar" run --rm -i --name begun test \
        sh -c "sleep 0; echo ready; read -r go; $1" \
        <"$tmp/go" >"$tmp/said" 2>&1 &
    pid=$!
    exec 7>"$tmp/go"
    until_true 120 grep -qx ready "$tmp/said" || {
        cat "$tmp/said"
        return 1
    }
}

# figure NAME PART: what `stats` says of the VM that began.
figure() {
    "$belljar" stats --devices begun | awk -v part="$2" -v name="$1" \
        '$2 == part && $3 == name { sum += $4 } END { print sum + 0 }'
}
# Figures move with what the guest does, and by as much.
figures_move() {
    local disk=blk1 before exits got=0
    begin 'dd if=/dev/urandom of=/data bs=64k count=32 conv=fsync 2>/dev/null
        echo written; read -r go'
    "$belljar" stats --devices begun
    before=$(figure write_bytes "$disk")
    exits=$(figure kvm_exits vcpu0)
    echo go >&7
    until_true 120 grep -qx written "$tmp/said"
    [ $(($(figure write_bytes "$disk") - before)) -ge $((32 << 16)) ]
    [ "$(figure kvm_exits vcpu0)" -gt "$exits" ]
    "$belljar" stats --no-stream begun | tee "$tmp/row"
    grep -qE '^begun +[0-9.]+% +[0-9.]+MiB / [0-9.]+[MG]iB +[0-9.]+% .*MB +[1-9]' \
        "$tmp/row"
    "$belljar" stats --format prometheus begun >"$tmp/prom"
    grep -qE '^belljar_vm_cpu_seconds_total\{vm="begun",.*\} (0\.0*)?[1-9]' "$tmp/prom"
    echo go >&7
    wait "$pid" || got=$?
    same 0 "$got"
}
check "disk: what stats shows moves with it" figures_move

# What is open stays, whatever becomes of its name.
file_vanishes() {
    local got=0
    small_store 200m
    begin 'dd if=/dev/urandom of=/data bs=64k count=32 conv=fsync &&
        sha256sum </data && echo 3 >/proc/sys/vm/drop_caches &&
        sha256sum </data'
    find "$BELLJAR_ROOT" -name 'layer*' -size +1M ! -name '*template*' -delete
    echo go >&7
    wait "$pid" || got=$?
    cat "$tmp/said"
    same 0 "$got"
    same 1 "$(grep '  -$' "$tmp/said" | sort -u | wc -l)"
    same 2 "$(grep -c '  -$' "$tmp/said")"
}
check "disk: its file vanishes, and the guest does not notice" file_vanishes

# What the guest does beside it goes on, and belljar answers; then what waited is
# done.
stalled_for_a_minute() {
    local got=0 stall
    rm -f "$tmp/hold"
    mkfifo "$tmp/hold"
    begin '{ dd if=/dev/urandom of=/data bs=64k count=32 conv=fsync 2>/dev/null
        echo "dd $?"; } & while kill -0 $! 2>/dev/null; do
        echo beat; sleep 1; done'
    tests/linux/stall.py "$(pgrep -x belljar-monitor)" 60 \
        <"$tmp/hold" >"$tmp/stalled" &
    stall=$!
    exec 8>"$tmp/hold"
    until_true 120 grep -q stalled "$tmp/stalled"
    echo go >&7
    until_true 120 beats 10
    timeout 60 "$belljar" ps
    status 1 grep -q '^dd' "$tmp/said"
    exec 8>&-
    wait "$stall"
    wait "$pid" || got=$?
    cat "$tmp/said"
    same 0 "$got"
    grep -qx 'dd 0' "$tmp/said"
}

beats() {
    [ "$(grep -cx beat "$tmp/said")" -ge "$1" ]
}
check "disk: stalled for a minute" stalled_for_a_minute

# Each is read by the guest; half of them by each engine.
sixty_four() {
    local options=() i
    for i in {101..164}; do
        echo "I am disk $i" >"$tmp/disk$i"
        truncate -s 64k "$tmp/disk$i"
        options+=(--disk "$tmp/disk$i,aio=$([ $((i % 2)) = 0 ] &&
            echo io_uring || echo threads)")
    done
    timeout 400 build/belljar-monitor --kernel build/kernels/minimal/vmlinux \
        --initrd "$out/bare.cpio" --memory 256m --serial stdio \
        "${options[@]}" --cmdline "console=ttyS0 quiet" \
        </dev/null >"$tmp/console" || got=$?
    cat "$tmp/console"
    same 0 "${got:-0}"
    same "$(printf 'I am disk %s\n' {101..164})" \
        "$(tr -d '\r' <"$tmp/console" | grep '^I am disk' | sort)"
}
check "disk: 64 of them" sixty_four

store_full() {
    mkdir -p "$tmp/tiny"
    mount -t tmpfs -o size=600k none "$tmp/tiny"
    local got=0
    "$belljar" --root "$tmp/tiny" load -i "$1" >"$tmp/full" 2>&1 || got=$?
    cat "$tmp/full"
    local left
    left=$(find "$tmp/tiny" -size +64k)
    umount -l "$tmp/tiny"
    same 125 "$got"
    same "" "$left"
    grep -qi 'full\|space' "$tmp/full"
}
check "disk: a full store is one sentence, and nothing is left" \
    store_full "$(dirname "$BELLJAR_ROOT")/image"

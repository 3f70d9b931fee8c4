# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2154
#
# dax.sh - images in the guest's memory: --mount type=image,..,dax.

set=$tmp/dax
dax=(-m 160m --mount "type=image,src=$set/erofs,dst=/set/1,dax"
    --mount "type=image,src=$set/ext4,dst=/set/2,dax")

dax_make() {
    mkdir -p "$set/d/sub" || return
    echo "of the set" >"$set/d/sub/hello"
    head -c 32M /dev/urandom >"$set/d/big"
    mkfs.erofs -E noinline_data "$set/erofs" "$set/d" >"$tmp/null"
    truncate -s 48M "$set/ext4"
    mke2fs -q -t ext4 -b 4096 -d "$set/d" "$set/ext4"
    md5sum "$set/erofs" "$set/ext4" >"$set/before"
}

# field PID FIELD: kilobytes of it in the EROFS that is mapped.
field() {
    awk -v field="$2:" -v file="$set/erofs" '
        /^[0-9a-f]+-[0-9a-f]+ / { on = $NF == file }
        $1 == field && on { n += $2 }
        END { print n + 0 }' "/proc/$1/smaps"
}

# Two VMs at once: the bytes are right, no guest has a copy, the host has one.
dax_shared() {
    local vms=() name pid monitors
    for name in one two; do
        timeout -k 20 300 "$belljar" run --name "$name" "$@" "${dax[@]}" test sh -c '
            cached() { awk "/^Cached:/ { print \$2 }" /proc/meminfo; }
            a=$(cached); md5sum </set/1/big; cat /set/2/big >/dev/null; b=$(cached)
            cmp /set/1/big /set/2/big && grep -c " /set/. .*dax" /proc/mounts
            cat /set/?/sub/hello
            echo "grown: $((b - a))"; echo ready
            while :; do sleep 1; done' >"$tmp/said.$name" 2>&1 &
        vms+=($!)
    done
    for name in one two; do
        until_true 200 grep -q ready "$tmp/said.$name" || cat "$tmp/said.$name" >&2
        grep -q "^$(md5sum <"$set/d/big" | cut -d' ' -f1)" "$tmp/said.$name"
        grep -qx 2 "$tmp/said.$name"
        same 2 "$(grep -c "of the set" "$tmp/said.$name")"
        [ "$(sed -n 's/^grown: //p' "$tmp/said.$name")" -lt 2048 ]
    done
    monitors=$(pgrep -x belljar-monitor)
    same 2 "$(wc -w <<<"$monitors")"
    for pid in $monitors; do
        echo "# in $pid: Rss $(field "$pid" Rss) KiB, Pss $(field "$pid" Pss)," \
            "private $(field "$pid" Private_Clean)+$(field "$pid" Private_Dirty);" \
            "guest: $(grep grown "$tmp/said.one")"
        [ "$(field "$pid" Rss)" -ge 32768 ]
        [ "$(field "$pid" Pss)" -le $(($(field "$pid" Rss) * 6 / 10)) ]
    done
    "$belljar" rm -f one two
    wait "${vms[@]}" || :
    md5sum -c "$set/before"
    nothing_left
}

# Root cannot write, and when it makes the kernel let it, nothing is written.
dax_read_only() {
    run "$@" "${dax[@]}" -- sh -c '
        for d in 1 2; do
            ! touch /set/$d/x && ! rm /set/$d/sub/hello || exit 1
            ! mount -o remount,rw /set/$d || exit 2
        done 2>/dev/null
        for disk in /dev/pmem0 /dev/pmem1; do
            ! dd if=/dev/zero of=$disk bs=4096 count=1 conv=fsync || exit 3
            blockdev --setrw $disk
            dd if=/dev/zero of=$disk bs=4096 count=64 conv=fsync || exit 4
        done 2>/dev/null'
    md5sum -c "$set/before"
    nothing_left
}

# What is not in the file any more ends the VM that wants it, with a sentence.
dax_cut() {
    local go=$tmp/go3
    cp "$set/erofs" "$set/cut"
    mkfifo "$go"
    exec 7<>"$go"
    timeout -k 20 200 "$belljar" run --rm -i "$@" -m 160m \
        --mount "type=image,src=$set/cut,dst=/set,dax" test sh -c '
        cat /set/sub/hello; echo ready; read -r _; md5sum /set/big; echo went on' \
        <&7 >"$tmp/said" 2>"$tmp/noted" &
    vm=$!
    until_true 120 grep -q ready "$tmp/said"
    truncate -s 1M "$set/cut"
    echo >&7
    status 125 wait "$vm"
    exec 7>&-
    rm "$go"
    ! grep -q "went on" "$tmp/said"
    grep -q "was cut, or cannot be read any more" "$tmp/noted"
    nothing_left
}

dax_refused() {
    gensquashfs -q -c zstd -D "$set/d" "$set/sqfs" >"$tmp/null"
    status 125 run --mount "type=image,src=$set/sqfs,dst=/s,dax" -- true 2>"$tmp/noted"
    grep -q "make it with 'mkfs.erofs" "$tmp/noted"
}

if command -v mkfs.erofs >/dev/null; then
    check "dax: images are made" dax_make
    for k in ${KERNELS:-stock minimal}; do
        check "dax: of two VMs, one copy, $k kernel" dax_shared --kernel $k
        check "dax: read-only, whatever root does, $k kernel" dax_read_only --kernel $k
        check "dax: a file that is cut, $k kernel" dax_cut --kernel $k
    done
    check "dax: refused" dax_refused
else
    skip "dax: images in memory" "no mkfs.erofs (package erofs-utils)"
fi

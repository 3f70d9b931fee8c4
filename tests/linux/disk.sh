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

# The host's disk is smaller than what the guest writes.
host_disk_full() {
    mkdir -p "$tmp/narrow"
    mount -t tmpfs -o size=48m none "$tmp/narrow"
    local got=0
    cp -a "$BELLJAR_ROOT"/{images,repositories.json} "$tmp/narrow/"
    BELLJAR_ROOT=$tmp/narrow run -- sh -c \
        'dd if=/dev/zero of=/big bs=1M count=100 conv=fsync; echo "dd $?"' \
        >"$tmp/full" 2>&1 || got=$?
    cat "$tmp/full"
    umount -l "$tmp/narrow"
    same 0 "$got"
    grep -q 'dd [1-9]' "$tmp/full"
}
check "disk: a full host disk is the guest's I/O error" host_disk_full

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

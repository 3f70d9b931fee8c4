# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# limits.sh - settings that come from files, and a file that rots.

settings_from_files() {
    printf '# a comment\nONE=from file\nTWO=2\n' >"$tmp/env"
    same "from file 3" "$(run --env-file "$tmp/env" -e TWO=3 -- \
        sh -c 'echo $ONE $TWO')"
    same x "$(run --initrd "$out/bare.cpio" -- echo x)"
}
check "limits: --env-file, and --initrd before ours" settings_from_files

# Damage in the middle, which nothing but reading can find.
image_is_rotten() {
    local got=0 rootfs
    mkdir -p "$tmp/rotten"
    cp -a "$BELLJAR_ROOT"/{images,repositories.json} "$tmp/rotten/"
    for rootfs in "$tmp"/rotten/images/*/rootfs.squashfs; do
        head -c $(($(stat -c %s "$rootfs") - 4096)) /dev/urandom |
            dd of="$rootfs" bs=64k seek=4096 oflag=seek_bytes conv=notrunc
    done
    BELLJAR_ROOT=$tmp/rotten run -- true >"$tmp/said" 2>&1 || got=$?
    cat "$tmp/said"
    same 125 "$got"
    same 1 "$(wc -l <"$tmp/said")"
    same "" "$(BELLJAR_ROOT=$tmp/rotten "$belljar" ps -aq)"
}
check "limits: an image that is rotten inside is 125" image_is_rotten

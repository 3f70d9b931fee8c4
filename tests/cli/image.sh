#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# image.sh NAME [CONFIG] - write an image of one busybox to stdout, as `docker
# save` would.  CONFIG is the JSON of its "config" object.
set -euo pipefail

name=${1:?usage: image.sh NAME [CONFIG]}
config=${2:-'{"Cmd":["/bin/sh"],"Env":["FROM=image"]}'}
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

mkdir -p "$dir"/root/{bin,etc,tmp,root} "$dir/out"
cp "$(command -v busybox)" "$dir/root/bin/busybox"
for applet in sh cat echo env id head seq sha256sum sleep stty true wc; do
    ln -s busybox "$dir/root/bin/$applet"
done
printf 'root:x:0:0:root:/root:/bin/sh\nuser:x:1000:1000::/:/bin/sh\n' \
    >"$dir/root/etc/passwd"
printf 'root:x:0:\nuser:x:1000:\n' >"$dir/root/etc/group"
chmod 1777 "$dir/root/tmp"
chmod 755 "$dir/root"
tar -C "$dir/root" --owner=0 --group=0 --numeric-owner -cf "$dir/out/layer.tar" .
digest=$(sha256sum "$dir/out/layer.tar" | cut -d' ' -f1)
printf '{"architecture":"amd64","os":"linux","config":%s,"rootfs":%s}' \
    "$config" '{"type":"layers","diff_ids":["sha256:'"$digest"'"]}' \
    >"$dir/out/config.json"
printf '[{"Config":"config.json","RepoTags":["%s"],"Layers":["layer.tar"]}]' \
    "$name" >"$dir/out/manifest.json"
tar -C "$dir/out" -cf - manifest.json config.json layer.tar

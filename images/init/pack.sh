#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# pack.sh INIT OUT - the initramfs: /init and the directories it mounts on.
#
# The same input gives the same bytes: no times, no owners, a fixed order.
# /dev/console is not here (making it takes root): the kernel has one in the
# initramfs that is built into it.

set -eu

init=$(realpath "$1")
out=$(realpath -m "$2")
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

mkdir -m 755 "$dir/dev" "$dir/proc" "$dir/sys" "$dir/mnt" "$dir/etc"
install -m 755 "$init" "$dir/init"
find "$dir" -exec touch -h -d @0 {} +

cd "$dir"
printf '%s\n' dev proc sys mnt etc init |
	cpio --quiet --create --format=newc --reproducible --owner=+0:+0 \
	     >"$out.new"
mv "$out.new" "$out"

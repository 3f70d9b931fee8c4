#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# modules_tree.sh OUTDIR - what the tests of kernel modules need, out of
# Debian's generic kernel (build/kernels/generic): a few modules each in
#
#   OUTDIR/modules/plain   as /lib/modules/VERSION, without modules.dep
#   OUTDIR/modules/odd     as a distribution that compresses; virtio-rng does not fit
#   OUTDIR/modules/image   an OCI layout: the test image with plain's modules
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
out=${1:?usage: modules_tree.sh OUTDIR}
kernel=$(cd "$here/../../build/kernels/generic" && pwd -P)
version=$(cat "$kernel/version")
tree=$out/modules
stamp=$tree/of-$(basename "$kernel")
[ "$here/modules_tree.sh" -nt "$stamp" ] || [ "$out/image/index.json" -nt "$stamp" ] ||
    exit 0
rm -rf "$tree"

base=$(mktemp -d)
trap 'rm -rf "$base"' EXIT
mkdir -p "$base/lib/modules"
ln -s "$kernel/modules" "$base/lib/modules/$version"
for m in virtio_pci virtio_blk virtio_net virtio_rng squashfs overlay ext4 \
    crc32c_generic vmw_vsock_virtio_transport dummy loop bridge; do
    modprobe -d "$base" -S "$version" --show-depends "$m"
done | sed -n "s|^insmod $base/lib/modules/$version/\([^ ]*\).*|\1|p" |
    sort -u >"$base/list"
for kind in plain odd; do
    mkdir -p "$tree/$kind"
    while read -r ko; do
        install -D -m 644 "$kernel/modules/$ko" "$tree/$kind/$ko"
    done <"$base/list"
    cp "$kernel/modules/modules.builtin" "$kernel/modules/modules.order" \
        "$tree/$kind/"
done
# For a kernel of one processor: depmod does not mind, the kernel does.  Without
# its signature, which no longer fits.
find "$tree/odd" -name 'virtio-rng.ko' -exec strip -g {} +
find "$tree/odd" -name 'virtio-rng.ko' -exec \
    sed -i "s/vermagic=$version SMP/vermagic=$version UMP/" {} +
find "$tree/odd" -name '*.ko' ! -name 'virtio-rng.ko' -exec xz {} +

rootless=()
[ "$(id -u)" = 0 ] || rootless=(--rootless)
cp -r "$tree/plain" "$base/indexed"
mkdir -p "$base/root/lib/modules"
mv "$base/indexed" "$base/root/lib/modules/$version"
depmod -b "$base/root" "$version"
cp -r "$out/image" "$base/layout"
# umoci does not pad a file that comes last; an empty directory needs no padding.
mkdir "$base/root/var"
umoci insert "${rootless[@]}" --image "$base/layout:test:latest" \
    --tag modules:latest "$base/root" /
umoci rm --image "$base/layout:test:latest"
umoci gc --layout "$base/layout"
mv "$base/layout" "$tree/image"
touch "$stamp"

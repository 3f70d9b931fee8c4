#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# kernel.sh OUTDIR - a guest kernel with drivers for what the lab gives away:
# Debian's generic kernel, unpacked once; nothing is installed.  OUTDIR/generic
# is a symlink to a directory with vmlinuz and lib/modules/VERSION.
set -euo pipefail

me=vfio
cd "$(dirname "$0")/../.."
out=${1:?usage: kernel.sh OUTDIR}
. images/kernel/common.sh

# What every guest needs, then the drivers of the devices.
MODULES="virtio_pci virtio_blk virtio_net virtio_rng squashfs overlay ext4
    crypto-crc32c vmw_vsock_virtio_transport nvme virtio_gpu bochs qxl"

make_generic() {
    local kver how ko _

    say "unpacking the package $name $version"
    debian_unpack "$name" "$version"
    kver=${name#linux-image-}
    mv root/boot/vmlinuz-* vmlinuz
    depmod -b root "$kver"
    for m in $MODULES; do
        modprobe -S "$kver" -d "$PWD/root" --show-depends "$m"
    done | sort -u | while read -r how ko _; do
        [ "$how" = insmod ] || continue
        mkdir -p "$(dirname ".${ko#"$PWD/root"}")"
        strip -g -R .BTF -o ".${ko#"$PWD/root"}" "$ko"
    done
    cp root/lib/modules/"$kver"/modules.{builtin,builtin.modinfo,order} \
        "lib/modules/$kver/"
    depmod -b . "$kver"
    rm -r root
    echo "$kver" >version
}

read -r name version <<<"$(debian_kernel linux-image-amd64)"
[ -n "$version" ] || exit 125
dir=$(cache_root)/kernels/$(
    echo "generic $version $MODULES $(declare -f make_generic)" | hash_of
)
cache_make "$dir" make_generic
mkdir -p "$out"
ln -sfnT "$dir" "$out/generic"

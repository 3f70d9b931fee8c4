#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# build.sh SUITE GPU OUT [DRIVER] - the image of `belljar compare`, an OCI layout
# in OUT: the programs SUITE and GPU, what GPU needs of glibc, and the few names
# that runtimes look for.  With DRIVER, a directory of libraries of a GPU's
# driver (libcuda.so.1 and what that loads), they are in it too, and its name is
# belljar-compare-gpu: for VMs, whose own kernel drives the GPU.
#
# Written by hand, as it is one layer and three short documents, so that
# building belljar takes no tool for images.  The same program gives the same
# bytes: no times, no owners, a fixed order.

set -eu

suite=$(realpath "$1")
gpu=$(realpath "$2")
out=$(realpath -m "$3")
driver=${4:-}
name=belljar-compare
dir=$(mktemp -d "$out.XXXXXX")
trap 'rm -rf "$dir"' EXIT

root=$dir/root
layout=$dir/layout
blobs=$layout/blobs/sha256
mkdir -p "$blobs"
mkdir -m 755 "$root" "$root/dev" "$root/proc" "$root/sys" "$root/etc"
mkdir -m 700 "$root/root"
mkdir -m 1777 "$root/tmp"
install -m 755 "$suite" "$root/suite"
install -m 755 "$gpu" "$root/gpu"

# The loader where GPU looks for it, and beside its libc the other parts of the
# same glibc, which libcuda.so.1 wants.
loader=$(ldd "$gpu" | sed -n 's|^[[:space:]]*\(/[^ ]*\) (.*|\1|p')
libc=$(ldd "$gpu" | sed -n 's|.*libc\.so\.6 => \([^ ]*\) (.*|\1|p')
libs=${libc%/*}
install -D -m 755 "$loader" "$root$loader"
for lib in libc.so.6 libm.so.6 libdl.so.2 libpthread.so.0 librt.so.1; do
	install -D -m 755 "$libs/$lib" "$root$libs/$lib"
done
if [ -n "$driver" ]; then
	name=belljar-compare-gpu
	for lib in "$driver"/*; do
		install -m 755 "$lib" "$root$libs/${lib##*/}"
	done
fi
find "$root" -mindepth 1 -path "$root/lib*" -type d -exec chmod 755 {} +
echo 'root:x:0:0:root:/root:/suite' >"$root/etc/passwd"
echo 'root:x:0:' >"$root/etc/group"
chmod 644 "$root/etc/passwd" "$root/etc/group"

# keep FILE: move it to where its digest says; prints size and digest, as a
# descriptor has them.
keep()
{
	sum=$(sha256sum "$1" | cut -d ' ' -f 1)
	chmod 644 "$1"
	mv "$1" "$blobs/$sum"
	printf '"digest":"sha256:%s","size":%s' "$sum" \
		"$(stat -c %s "$blobs/$sum")"
}

media=application/vnd.oci.image
tar -C "$root" --create --file "$dir/layer" --format=ustar --sort=name \
	--mtime=@0 --owner=0 --group=0 --numeric-owner .
diff=$(sha256sum "$dir/layer" | cut -d ' ' -f 1)
layer=$(keep "$dir/layer")

case $(uname -m) in
x86_64) arch=amd64 ;;
aarch64) arch=arm64 ;;
*) arch=$(uname -m) ;;
esac
printf '{"architecture":"%s","os":"linux","config":{"Env":["PATH=/"],"Cmd":["/suite"],"WorkingDir":"/"},"rootfs":{"type":"layers","diff_ids":["sha256:%s"]}}' \
	"$arch" "$diff" >"$dir/config"
config=$(keep "$dir/config")
printf '{"schemaVersion":2,"mediaType":"%s","config":{"mediaType":"%s",%s},"layers":[{"mediaType":"%s",%s}]}' \
	"$media.manifest.v1+json" "$media.config.v1+json" "$config" \
	"$media.layer.v1.tar" "$layer" >"$dir/manifest"
manifest=$(keep "$dir/manifest")
printf '{"imageLayoutVersion":"1.0.0"}' >"$layout/oci-layout"
printf '{"schemaVersion":2,"manifests":[{"mediaType":"%s",%s,"annotations":{"org.opencontainers.image.ref.name":"%s"}}]}' \
	"$media.manifest.v1+json" "$manifest" "$name:latest" \
	>"$layout/index.json"
chmod 644 "$layout/oci-layout" "$layout/index.json"
find "$layout" -type d -exec chmod 755 {} +

# The index is what make looks at: it comes with the rest or not at all.
rm -rf "$out"
mv -T "$layout" "$out"

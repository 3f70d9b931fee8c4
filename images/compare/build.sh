#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# build.sh SUITE OUT - the image of `belljar compare`, an OCI layout in OUT:
# the program SUITE and the few names that runtimes look for.
#
# Written by hand, as it is one layer and three short documents, so that
# building belljar takes no tool for images.  The same program gives the same
# bytes: no times, no owners, a fixed order.

set -eu

suite=$(realpath "$1")
out=$(realpath -m "$2")
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
	"$media.manifest.v1+json" "$manifest" belljar-compare:latest \
	>"$layout/index.json"
chmod 644 "$layout/oci-layout" "$layout/index.json"
find "$layout" -type d -exec chmod 755 {} +

# The index is what make looks at: it comes with the rest or not at all.
rm -rf "$out"
mv -T "$layout" "$out"

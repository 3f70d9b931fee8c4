#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# build.sh OUTDIR - make the image of "Untrusted models" (README.md), an OCI
# layout in OUTDIR/image, out of Debian packages: python3, a program that loads
# a model, and a malicious model (worst.py).  Needs no root, installs nothing.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
out=${1:?usage: build.sh OUTDIR}

# What python3 needs to load a pickle, and nothing else.
packages=(
    libc6 libcrypt1 zlib1g libexpat1 libffi8 libbz2-1.0 liblzma5 libssl3
    libpython3.11-minimal libpython3.11-stdlib python3.11-minimal
    busybox-static base-files base-passwd
)

key=$(
    {
        cat "$here/build.sh" "$here"/*.py
        apt-cache policy "${packages[@]}" | grep -E '^[^ ]|Candidate'
    } | sha256sum | cut -c1-16
)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/belljar/untrusted/$key

link() {
    mkdir -p "$out"
    ln -sfn "$cache" "$out/image"
}

if [ -e "$cache/index.json" ]; then
    link
    exit 0
fi

for tool in umoci dpkg-deb apt-get; do
    command -v "$tool" >/dev/null || {
        echo "untrusted: '$tool' is not installed; run 'make deps'" >&2
        exit 1
    }
done

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
root=$work/root
mkdir -p "$work/debs" "$root"
[ "$(id -u)" = 0 ] && chown _apt "$work" "$work/debs" 2>/dev/null || :

echo "untrusted: downloading ${#packages[@]} Debian packages"
(cd "$work/debs" && apt-get -qq download "${packages[@]}") || {
    echo "untrusted: apt-get could not download the packages;" \
        "run 'apt-get update' and try again" >&2
    exit 1
}
for deb in "$work"/debs/*.deb; do dpkg-deb -x "$deb" "$root"; done

# What the packages' own scripts would have set up.
ln -s python3.11 "$root/usr/bin/python3"
for applet in sh ls cat env id sleep; do
    [ -e "$root/bin/$applet" ] || ln -s busybox "$root/bin/$applet"
done
cp "$root/usr/share/base-passwd/passwd.master" "$root/etc/passwd"
cp "$root/usr/share/base-passwd/group.master" "$root/etc/group"
rm -rf "$root"/usr/share/{doc,man,info,locale,lintian,bug} \
    "$root"/usr/lib/x86_64-linux-gnu/gconv

python=("$root"/lib64/ld-linux-x86-64.so.2 --library-path
    "$root/lib/x86_64-linux-gnu:$root/usr/lib/x86_64-linux-gnu"
    "$root/usr/bin/python3.11" -S)
mkdir -p "$root/usr/share/untrusted"
cp "$here/load.py" "$root/usr/share/untrusted/"
PYTHONHOME=$root/usr "${python[@]}" "$here/make_model.py" "$here/worst.py" \
    "$root/usr/share/untrusted/model.pkl"
"${python[@]}" -I -m compileall -q -s "$root" \
    --invalidation-mode unchecked-hash "$root/usr/lib/python3.11" >/dev/null || :

echo "untrusted: packing the OCI image"
layout=$work/layout
umoci init --layout "$layout"
umoci new --image "$layout:untrusted:latest"
rootless=()
[ "$(id -u)" = 0 ] || rootless=(--rootless)
umoci insert "${rootless[@]}" --image "$layout:untrusted:latest" "$root" /
umoci config --image "$layout:untrusted:latest" \
    --config.env PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    --config.workingdir /usr/share/untrusted \
    --config.entrypoint python3 --config.cmd load.py --config.cmd model.pkl
umoci gc --layout "$layout"

mkdir -p "$(dirname "$cache")"
rm -rf "$cache"
chmod 755 "$layout"
mv "$layout" "$cache"
link

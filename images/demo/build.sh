#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# build.sh OUTDIR - make the demo's training image, an OCI layout in
# OUTDIR/image, out of Debian packages: python3, numpy and the handwritten
# digits.  Needs no root and installs nothing.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
out=${1:?usage: build.sh OUTDIR}

# What `import numpy` loads, and nothing else.
packages=(
    libc6 libgcc-s1 libstdc++6 libcrypt1 zlib1g libbz2-1.0 liblzma5
    libexpat1 libffi8 libssl3 libuuid1 libtinfo6
    libpython3.11-minimal libpython3.11-stdlib python3.11-minimal
    python3-numpy libblas3 liblapack3 libgfortran5 libquadmath0
    busybox-static base-files base-passwd
)
data=python3-sklearn

key=$(
    {
        cat "$here/build.sh" "$here/train.py"
        apt-cache policy "${packages[@]}" "$data" | grep -E '^[^ ]|Candidate'
    } | sha256sum | cut -c1-16
)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/belljar/demo/$key

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
        echo "demo: '$tool' is not installed; run 'make deps'" >&2
        exit 1
    }
done

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
root=$work/root
mkdir -p "$work/debs" "$root"
[ "$(id -u)" = 0 ] && chown _apt "$work" "$work/debs" 2>/dev/null || :

echo "demo: downloading ${#packages[@]} Debian packages"
(cd "$work/debs" && apt-get -qq download "${packages[@]}" "$data") || {
    echo "demo: apt-get could not download the packages;" \
        "run 'apt-get update' and try again" >&2
    exit 1
}

echo "demo: unpacking"
for deb in "$work"/debs/*.deb; do
    case $deb in
    */"$data"_*) dpkg-deb -x "$deb" "$work/data" ;;
    *) dpkg-deb -x "$deb" "$root" ;;
    esac
done

# What the packages' own scripts would have set up.
lib=usr/lib/x86_64-linux-gnu
ln -s blas/libblas.so.3 "$root/$lib/libblas.so.3"
ln -s lapack/liblapack.so.3 "$root/$lib/liblapack.so.3"
ln -s python3.11 "$root/usr/bin/python3"
for applet in sh ls cat env id sleep; do
    [ -e "$root/bin/$applet" ] || ln -s busybox "$root/bin/$applet"
done
cp "$root/usr/share/base-passwd/passwd.master" "$root/etc/passwd"
cp "$root/usr/share/base-passwd/group.master" "$root/etc/group"
rm -rf "$root"/usr/share/{doc,man,info,locale,lintian,bug} \
    "$root"/usr/lib/python3/dist-packages/numpy/{doc,f2py,distutils} \
    "$root"/usr/lib/x86_64-linux-gnu/gconv
find "$root/usr/lib/python3" -type d -name tests -prune -exec rm -rf {} +
# A second copy of numpy's libraries, for tools that look there.
rm -rf "$root/usr/lib/python3.11/dist-packages"
mkdir -p "$root/usr/share/demo"
cp "$work"/data/usr/lib/python3/dist-packages/sklearn/datasets/data/digits.csv.gz \
    "$root/usr/share/demo/"
cp "$here/train.py" "$root/usr/share/demo/train.py"

echo "demo: compiling Python"
"$root"/lib64/ld-linux-x86-64.so.2 \
    --library-path "$root/lib/x86_64-linux-gnu:$root/$lib" \
    "$root/usr/bin/python3.11" -I -S -m compileall -q \
    -s "$root" --invalidation-mode unchecked-hash \
    "$root/usr/lib/python3.11" "$root/usr/lib/python3" >/dev/null || :

echo "demo: packing the OCI image"
layout=$work/layout
umoci init --layout "$layout"
umoci new --image "$layout:demo:latest"
rootless=()
[ "$(id -u)" = 0 ] || rootless=(--rootless)
umoci insert "${rootless[@]}" --image "$layout:demo:latest" "$root" /
umoci config --image "$layout:demo:latest" \
    --config.env PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    --config.env OPENBLAS_NUM_THREADS=1 \
    --config.workingdir /usr/share/demo \
    --config.entrypoint python3 --config.cmd train.py
umoci gc --layout "$layout"

mkdir -p "$(dirname "$cache")"
rm -rf "$cache"
chmod 755 "$layout"
mv "$layout" "$cache"
link

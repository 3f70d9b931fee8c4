#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# build.sh OUTDIR - make the demo's training image, an OCI layout in
# OUTDIR/image, out of Debian packages: python3, numpy and the handwritten
# digits.  Needs no root and installs nothing.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
name=demo
out=${1:?usage: build.sh OUTDIR}
. "$here/../debian.sh"

# What `import numpy` loads, and nothing else; and whose digits we take.
data=python3-sklearn
packages=(
    libc6 libgcc-s1 libstdc++6 libcrypt1 zlib1g libbz2-1.0 liblzma5
    libexpat1 libffi8 libssl3 libuuid1 libtinfo6
    libpython3.11-minimal libpython3.11-stdlib python3.11-minimal
    python3-numpy libblas3 liblapack3 libgfortran5 libquadmath0
    busybox-static base-files base-passwd
    "$data"
)

image_begin "$here/build.sh" "$here/train.py"
image_download
for deb in "$work"/debs/*.deb; do
    case $deb in
    */"$data"_*) dpkg-deb -x "$deb" "$work/data" ;;
    *) dpkg-deb -x "$deb" "$root" ;;
    esac
done
image_python

lib=usr/lib/x86_64-linux-gnu
ln -s blas/libblas.so.3 "$root/$lib/libblas.so.3"
ln -s lapack/liblapack.so.3 "$root/$lib/liblapack.so.3"
rm -rf "$root"/usr/lib/python3/dist-packages/numpy/{doc,f2py,distutils}
find "$root/usr/lib/python3" -type d -name tests -prune -exec rm -rf {} +
# A second copy of numpy's libraries, for tools that look there.
rm -rf "$root/usr/lib/python3.11/dist-packages"
mkdir -p "$root/usr/share/demo"
cp "$work"/data/usr/lib/python3/dist-packages/sklearn/datasets/data/digits.csv.gz \
    "$here/train.py" "$root/usr/share/demo/"
image_compile "$root/usr/lib/python3.11" "$root/usr/lib/python3"
image_pack --config.env OPENBLAS_NUM_THREADS=1 \
    --config.workingdir /usr/share/demo \
    --config.entrypoint python3 --config.cmd train.py

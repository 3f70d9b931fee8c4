#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# build.sh OUTDIR - make the image of "Untrusted models" (README.md), an OCI
# layout in OUTDIR/image, out of Debian packages: python3, a program that loads
# a model, and a malicious model (worst.py).  Needs no root, installs nothing.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
name=untrusted
out=${1:?usage: build.sh OUTDIR}
. "$here/../debian.sh"

# What python3 needs to load a pickle, and nothing else.
packages=(
    libc6 libcrypt1 zlib1g libexpat1 libffi8 libbz2-1.0 liblzma5 libssl3
    libpython3.11-minimal libpython3.11-stdlib python3.11-minimal
    busybox-static base-files base-passwd
)

image_begin "$here/build.sh" "$here"/*.py
image_download
for deb in "$work"/debs/*.deb; do dpkg-deb -x "$deb" "$root"; done
image_python
mkdir -p "$root/usr/share/untrusted"
cp "$here/load.py" "$root/usr/share/untrusted/"
python -S "$here/make_model.py" "$here/worst.py" \
    "$root/usr/share/untrusted/model.pkl"
image_compile "$root/usr/lib/python3.11"
image_pack --config.workingdir /usr/share/untrusted \
    --config.entrypoint python3 --config.cmd load.py --config.cmd model.pkl

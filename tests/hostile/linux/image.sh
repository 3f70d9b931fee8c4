#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# image.sh OUTFILE - the initramfs of the hostile guest and of its neighbour:
# one static program.  The stock kernel's modules are another initramfs,
# build/kernels/stock/modules.cpio.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
out=${1:?usage: image.sh OUTFILE}
[ -n "$(find "$here" -newer "$out" 2>&1)" ] || exit 0

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
musl-gcc -static -O2 -s -std=gnu17 -D_GNU_SOURCE -I"$here" \
    -Wall -Wextra -Wshadow -Wconversion -Wstrict-prototypes \
    -Wmissing-prototypes -Wpointer-arith -Wwrite-strings -Wvla -Wundef \
    -Werror -idirafter /usr/include \
    -idirafter "/usr/include/$(gcc -dumpmachine)" \
    "$here"/*.c -o "$work/init"
mkdir -p "$(dirname "$out")"
(cd "$work" && echo init | cpio -o -H newc --quiet -R 0:0) >"$out.new"
mv "$out.new" "$out"

#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# build.sh OUT - the guests of devices.py: one program, which is init in its
# initramfs, and one without a kernel, of two kinds.
set -euo pipefail

cd "$(dirname "$0")/../.."
out=$1
mkdir -p "$out/guestroot"
gcc -static -O2 -std=gnu17 -Wall -Wextra -Werror -D_GNU_SOURCE -I. \
    tests/bench/guest/*.c images/init/sysctl.c -o "$out/guest"
gcc -nostdlib -static -no-pie -Wl,-Ttext-segment=0x100000,-z,noseparate-code,--build-id=none \
    tests/bench/payload.S -o "$out/payload"
gcc -DFLAT -nostdlib -static -no-pie -m32 -Wl,-Ttext=0,--build-id=none,--oformat=binary \
    tests/bench/payload.S -o "$out/payload.bin"
cp "$out/guest" "$out/guestroot/init"
(cd "$out/guestroot" && mkdir -p dev && find . | cpio -o -H newc --quiet) \
    >"$out/guest.cpio"

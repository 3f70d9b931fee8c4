#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# image.sh OUTDIR - the image of the Linux tests, an OCI layout in
# OUTDIR/image: busybox, netcat for vsock, and an all-reduce.  And OUTDIR/bare.cpio, an
# initramfs for the bare monitor that prints the memory there is and the first
# line of each disk, and powers off.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
out=${1:?usage: image.sh OUTDIR}
[ "$here/image.sh" -nt "$out/image/index.json" ] ||
    [ "$here/vsock.c" -nt "$out/image/index.json" ] ||
    [ "$here/ring.c" -nt "$out/image/index.json" ] || exit 0

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
root=$work/root
mkdir -p "$root"/{bin,etc,tmp,root,dev,proc,sys,var}
chmod 1777 "$root/tmp"
cp /bin/busybox "$root/bin/busybox"
for applet in $(/bin/busybox --list); do
    [ "$applet" = busybox ] || ln -s busybox "$root/bin/$applet"
done
musl-gcc -static -Os -s -idirafter /usr/include \
    -idirafter "/usr/include/$(gcc -dumpmachine)" \
    "$here/vsock.c" -o "$root/bin/vsock"
musl-gcc -static -O2 -s "$here/ring.c" -o "$root/bin/ring"
printf 'root:x:0:0:root:/root:/bin/sh\nalice:x:1000:1000::/home/alice:/bin/sh\n' \
    >"$root/etc/passwd"
printf 'root:x:0:\nusers:x:100:alice\nalice:x:1000:\n' >"$root/etc/group"
echo '#!/bin/sh' >"$root/etc/not-executable"

rootless=()
[ "$(id -u)" = 0 ] || rootless=(--rootless)
umoci init --layout "$work/layout"
umoci new --image "$work/layout:test:latest"
umoci insert "${rootless[@]}" --image "$work/layout:test:latest" "$root" /
umoci config --image "$work/layout:test:latest" --config.cmd /bin/sh \
    --config.env FROM_IMAGE=yes
umoci gc --layout "$work/layout"
bare=$work/bare
mkdir -p "$bare"/{bin,dev,proc,sys}
cp /bin/busybox "$bare/bin/"
cat >"$bare/init" <<'INIT'
#!/bin/busybox sh
busybox mount -t proc proc /proc
busybox mount -t sysfs sysfs /sys
busybox mount -t devtmpfs devtmpfs /dev
busybox head -n 1 /proc/meminfo
for d in /sys/block/vd*; do
    [ ! -e "$d" ] || busybox head -n 1 "/dev/${d##*/}"
done
busybox poweroff -f
INIT
chmod +x "$bare/init"
mkdir -p "$out"
(cd "$bare" && find . | cpio -o -H newc --quiet) >"$out/bare.cpio"
rm -rf "$out/image"
mv "$work/layout" "$out/image"

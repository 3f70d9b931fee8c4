#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# build.sh [--cached] minimal|stock|generic OUTDIR - make a guest kernel, or find
# it in the cache, and leave the symlink OUTDIR/minimal (and so on) to it.  With
# --cached: status 1 when it would have to be made.
#
# minimal: vmlinux (ELF with a PVH note), bzImage, System.map, config, version;
#	   built from Debian's linux-source package and x86_64.fragment.
# stock:   vmlinuz, modules.cpio, version; Debian's cloud kernel, with the
#	   modules its guests need in the order of loading.
# generic: vmlinuz, modules/ (all of them, indexed), version; Debian's kernel for
#	   any machine, as a user brings one: --kernel generic/vmlinuz
#	   --kernel-modules generic/modules.

set -euo pipefail
me=kernel
here=$(cd "$(dirname "$0")" && pwd)
. "$here/common.sh"

SOURCE=linux-source-6.1
FRAGMENT=$here/x86_64.fragment
# Devices, file systems; ext4 is built in.
STOCK_MODULES="virtio_pci virtio_blk virtio_net virtio_rng
	virtio_balloon virtio_mem vmw_vsock_virtio_transport squashfs overlay virtiofs erofs
	virtio_pmem nd_pmem"

usage()
{
	die "usage: images/kernel/build.sh [--cached] minimal|stock|generic OUTDIR"
}

# Lines of the fragment that the .config does not have: an option that this
# kernel does not know, or that depends on one that is off.
config_lost()
{
	sed -n 's/^\(CONFIG_[A-Z0-9_]*\)=n$/# \1 is not set/p; /^CONFIG_.*=[^n]/p' \
		"$2" | grep -vxFf "$1"
}

# change COUNT FILE SCRIPT: edit a file of the kernel by sed.  COUNT lines must
# be new then: another release of the package may have them otherwise.
change()
{
	sed -i.orig "$3" "tree/$2"
	[ "$(diff "tree/$2.orig" "tree/$2" | grep -c '^>')" = "$1" ] ||
		die "'$2' of $SOURCE $version is not as expected"
}

# What the configuration cannot say.
change_source()
{
	# Free pages go back to the host one second after the first of them
	# became free, all in one pass.  As it comes, 6.1 waits for two seconds
	# and reports a part of each list: half a gigabyte takes ten.
	change 2 mm/page_reporting.c '
		s/^#define PAGE_REPORTING_DELAY\t(2 \* HZ)$/#define PAGE_REPORTING_DELAY\tHZ/
		s/\(budget = .*PAGE_REPORTING_CAPACITY\) \* 16)/\1)/'
	# Entered by PVH, Linux looks for Xen with 256 cpuid, each of them an
	# exit; without CONFIG_XEN all it could do then is to stop.
	change 1 arch/x86/platform/pvh/enlighten.c \
		's/^\tu32 msr = xen_cpuid_base();$/\tu32 msr = 0;/'
}

make_minimal()
{
	local tree=$PWD/tree lost log=$PWD/log

	say "unpacking $SOURCE $version"
	mkdir tree
	tar -xf "/usr/src/$SOURCE.tar.xz" -C tree --strip-components=1
	change_source
	make -s -C tree KCONFIG_ALLCONFIG="$FRAGMENT" allnoconfig >"$log" 2>&1 ||
		die "the configuration fails: $(tail -n 1 "$log")"
	lost=$(config_lost tree/.config "$FRAGMENT" || true)
	[ -z "$lost" ] ||
		die "'$FRAGMENT' asks for what $SOURCE does not have: ${lost//$'\n'/, }"

	say "compiling it: 7 to 15 minutes of processor time, once on this machine"
	nice make -C tree -j2 KBUILD_BUILD_USER=belljar \
		KBUILD_BUILD_HOST=localhost vmlinux bzImage >"$log" 2>&1 || {
		tail -n 20 "$log" >&2
		die "compiling $SOURCE fails, with the lines above"
	}
	strip -s -o vmlinux tree/vmlinux
	cp tree/arch/x86/boot/bzImage tree/System.map .
	cp tree/.config config
	make -s -C tree kernelrelease >version
	rm -rf tree log
}

make_stock()
{
	say "unpacking the package $name $version"
	debian_unpack "$name" "$version"
	mv root/boot/vmlinuz-* vmlinuz
	kernel_modules "${name#linux-image-}" cpio/lib/belljar/modules \
		$STOCK_MODULES
	(cd cpio && find lib | sort | cpio -o -H newc --quiet -R 0:0) >modules.cpio
	echo "${name#linux-image-}" >version
	rm -rf root cpio
}

make_generic()
{
	local kver=${name#linux-image-}

	say "unpacking the package $name $version"
	debian_unpack "$name" "$version"
	need depmod kmod
	depmod -b root "$kver"
	mv root/boot/vmlinuz-* vmlinuz
	mv "root/lib/modules/$kver" modules
	echo "$kver" >version
	rm -rf root
}

cached_only=
if [ "${1:-}" = --cached ]; then
	cached_only=1
	shift
fi
[ $# -eq 2 ] || usage
flavour=$1
for tool in cpio:cpio strip:binutils flock:util-linux; do
	need "${tool%:*}" "${tool#*:}"
done

case $flavour in
minimal)
	for tool in gcc:gcc make:make flex:flex bison:bison bc:bc xz:xz-utils \
		lz4:lz4 perl:perl; do
		need "${tool%:*}" "${tool#*:}"
	done
	[ -e /usr/include/libelf.h ] ||
		die "'libelf.h' is missing: install the Debian package 'libelf-dev' (or run \`make deps\`)"
	[ -e "/usr/src/$SOURCE.tar.xz" ] ||
		die "the kernel's source is missing: install the Debian package '$SOURCE' (or run \`make deps\`)"
	version=$(dpkg-query -W -f '${Version}' "$SOURCE")
	inputs=$(declare -f make_minimal change_source change; cat "$FRAGMENT") ;;
stock)
	read -r name version <<<"$(debian_kernel linux-image-cloud-amd64)"
	[ -n "$version" ] || exit 125
	inputs=$(declare -f make_stock kernel_modules; echo $STOCK_MODULES) ;;
generic)
	read -r name version <<<"$(debian_kernel linux-image-amd64)"
	[ -n "$version" ] || exit 125
	inputs=$(declare -f make_generic) ;;
*)
	usage ;;
esac

# What the result depends on names it.
dir=$(cache_root)/kernels/$(echo "$flavour $version $inputs" | hash_of)
[ -z "$cached_only" ] || [ -d "$dir" ] || exit 1
cache_make "$dir" "make_$flavour"
mkdir -p "$2"
ln -sfnT "$dir" "$2/$flavour"
say "$2/$flavour: $(cat "$dir/version"), in ${SECONDS} s"

# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# iommufd.sh - the L1 of --iommufd: Debian's 6.12 kernel, which has no iommufd
# (CONFIG_IOMMUFD is off in every kernel of this release), with that module and
# a VFIO that knows it, compiled from the source of the same version.  Nothing
# of it is in the kernel proper but a search in interval trees, which becomes
# part of the module.  Sourced by `build`.

# NAME VERSION of the newest such kernel; 6.12 comes without a meta package.
iommufd_kernel()
{
	local name

	need apt-cache apt
	name=$(apt-cache search --names-only \
		'^linux-image-6\.12\..*[0-9]-amd64-unsigned$' |
		cut -d ' ' -f 1 | sort -V | tail -n 1)
	[ -n "$name" ] ||
		die "apt does not know a kernel 6.12, which --iommufd needs"
	apt-cache show --no-all-versions "$name" |
		sed -n "s/^Version:/$name/p"
}

# iommufd_modules KVER VERSION: compile them, into the modules below ./root.
iommufd_modules()
{
	local kver=$1 version=$2 abi=${1%-amd64} headers tree=linux-source-6.12
	local to=$PWD/root/lib/modules/$1/kernel/drivers package

	need gcc-12 gcc-12
	need make make
	for package in "linux-headers-$kver" "linux-headers-$abi-common" \
		"linux-kbuild-$abi" $tree; do
		debian_unpack "$package" "$version"
	done
	headers=$PWD/root/usr/src/linux-headers-$kver
	sed -i "s,/usr/src,$PWD/root/usr/src," "$headers/Makefile"
	tar -xf root/usr/src/$tree.tar.xz \
		$tree/drivers/{vfio,iommu} $tree/lib/interval_tree.c
	sed '/EXPORT_SYMBOL/d' $tree/lib/interval_tree.c \
		>$tree/drivers/iommu/iommufd/span.c
	echo 'iommufd-y += span.o' >>$tree/drivers/iommu/iommufd/Makefile
	echo 'obj-m += iommu/iommufd/ vfio/' >$tree/drivers/Kbuild
	nice make -s -j2 -C "$headers" M="$PWD/$tree/drivers" modules \
		CONFIG_IOMMUFD=m CONFIG_VFIO_DEVICE_CDEV=y \
		CONFIG_DEBUG_INFO_BTF_MODULES= \
		KCFLAGS="-DCONFIG_IOMMUFD_MODULE=1 -DCONFIG_VFIO_DEVICE_CDEV=1
			-DCONFIG_INTERVAL_TREE_SPAN_ITER=1" >log 2>&1 ||
		die "compiling iommufd fails: $(tail -n 3 log)"
	cp -r "$tree"/drivers/vfio "$to/"
	mkdir -p "$to/iommu/iommufd"
	cp $tree/drivers/iommu/iommufd/iommufd.ko "$to/iommu/iommufd/"
	rm -r $tree log
}

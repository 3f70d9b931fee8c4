# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2034,SC2154
#
# vfio.sh - the L1 of --vfio: an IOMMU, and devices to give away.  A profile is a
# function here.  Sourced by `run` and, for the modules, by `build`.
#
# Each pcie-root-port makes an IOMMU group.  The ports of a profile are numbered
# from 1: port N is 0000:00:1N.0, and the device there 0000:0N:00.0 (with the
# profile `numa` 0000:4N:00.0), for the firmware numbers the buses in that order.

# VFIO, the drivers that devices are taken from and returned to, a file system
# for a disk in use.
VFIO_MODULES="vfio_iommu_type1 vfio_pci nvme ext4"

# edu masks the addresses of its DMA by 28 bits unless told otherwise.
EDU="edu,dma_mask=0xffffffffffffffff"

# Everything with a group of its own.
profile_all()
{
	vfio_iommu intremap=on
	port "$EDU"
	disk disk0
	port nvme,serial=disk0,drive=disk0
	disk disk1
	port nvme,serial=disk1,drive=disk1
	port virtio-gpu-pci,iommu_platform=on,disable-legacy=on
	port bochs-display
	# A BAR of 1 GiB in a display: registers only, no DMA.
	port qxl,vram64_size_mb=1024
	# And one that RAM is behind, so that it keeps what is written.
	machine+=(-object memory-backend-ram,id=shared,size=1G,share=on)
	port ivshmem-plain,memdev=shared
	machine+=(-object memory-backend-ram,id=pmr,size=256M,share=on)
	disk disk2
	port nvme,serial=disk2,drive=disk2,pmrdev=pmr
	# Functions of a subsystem, as the virtual ones have to be.
	machine+=(-device nvme-subsys,id=subsys)
	disk disk3
	port nvme,serial=disk3,subsys=subsys,sriov_max_vfs=2,sriov_vq_flexible=4,sriov_vi_flexible=2
	machine+=(-device nvme-ns,drive=disk3,nsid=1,shared=on)
}

# What most tests need, and boots faster.
profile_few()
{
	vfio_iommu intremap=on
	port "$EDU"
	disk disk0
	port nvme,serial=disk0,drive=disk0
}

# Interrupts of a guest's device could be forged.
profile_nointremap()
{
	vfio_iommu intremap=off
	port "$EDU"
	disk disk0
	port nvme,serial=disk0,drive=disk0
}

# A conventional bus: one group for all behind it, and nothing there can be reset
# alone.  02:01.0 has a driver (virtio-pci), 02:02.0 none; the disk is 03:00.0.
profile_bridge()
{
	vfio_iommu intremap=on
	port pcie-pci-bridge,id=bridge
	machine+=(-device virtio-rng-pci,bus=bridge,addr=1
		-device "$EDU,bus=bridge,addr=2")
	disk disk0
	port nvme,serial=disk0,drive=disk0
}

# Two functions of one slot, in one group.
profile_noacs()
{
	vfio_iommu intremap=on
	disk disk0
	disk disk1
	port nvme,serial=disk0,drive=disk0,multifunction=on,addr=0.0
	machine+=(-device nvme,serial=disk1,drive=disk1,bus=rp1,addr=0.1)
}

profile_noiommu()
{
	port "$EDU"
	disk disk0
	port nvme,serial=disk0,drive=disk0
}

# Two nodes; the devices are near the second, behind a host bridge of its own.
profile_numa()
{
	vfio_iommu intremap=on
	machine+=(-object "memory-backend-ram,id=near,size=$((lab_memory / 2))M"
		-object "memory-backend-ram,id=far,size=$((lab_memory / 2))M"
		-numa node,nodeid=0,memdev=near,cpus=0
		-numa "node,nodeid=1,memdev=far,cpus=1-$((lab_cpus - 1))"
		-device pxb-pcie,id=second,bus=pcie.0,bus_nr=64,numa_node=1)
	root=second
	port "$EDU"
	disk disk0
	port nvme,serial=disk0,drive=disk0
}

vfio_profiles()
{
	declare -F | sed -n 's/^declare -f profile_//p' | paste -sd ' '
}

# vfio_machine: add what the profile $lab_vfio has to `machine`.  Disks are the
# files of that name in $lab_disks, or made for this run.
vfio_machine()
{
	local root=pcie.0 ports=0

	"profile_$lab_vfio"
}

vfio_iommu()
{
	machine+=(-device "intel-iommu,caching-mode=on,aw-bits=48,$1")
}

# port DEVICE: behind the next root port, rpN.
port()
{
	ports=$((ports + 1))
	machine+=(-device "$(printf 'pcie-root-port,id=rp%d,chassis=%d,slot=%d,bus=%s,addr=%#x' \
		$ports $ports $ports $root $((16 + ports)))"
		-device "$1,bus=rp$ports")
}

disk()
{
	local file=${lab_disks:-$job}/$1

	[ -e "$file" ] || truncate -s 64M "$file"
	machine+=(-drive "if=none,id=$1,format=raw,cache=unsafe,file=$file")
}

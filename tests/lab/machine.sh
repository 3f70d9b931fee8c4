# SPDX-License-Identifier: Apache-2.0
#
# machine.sh - the one description of the L1's machine, for `build`, which boots
# and saves it, and for `run`.

# The machine waits for a job on port 3 and writes to 1 and 2.
L1_CMDLINE="console=ttyS0 panic=-1 reboot=t quiet cryptomgr.notests
	mitigations=off i8042.noaux i8042.nokbd audit=0 apparmor=0
	random.trust_cpu=on tsc=reliable no_timer_check nokaslr"

# lab_machine DIR OUT ERR: set `machine` to QEMU and its arguments.  Standard
# input and output are port 3.  qboot and vmlinux halve the time to boot; qboot
# knows no vmgenid, so `session` asks for fresh random numbers by itself.  The
# CPU has no XSAVE: emulated SVM cannot intercept XSETBV, so a guest of the L1
# that found XSAVE would not get the state it asks for.
# qboot does not get over a BAR of 1 GiB, so with --vfio it is SeaBIOS.
lab_machine()
{
	local bios=qboot.rom

	[ -z "$lab_vfio" ] || bios=bios-256k.bin
	machine=(qemu-system-x86_64 -M q35 -cpu "max,+svm,+npt,-xsave" -m "$lab_memory"
		-bios "$bios" -nodefaults -display none -no-reboot
		-kernel "$1/vmlinux" -initrd "$1/initrd.cpio"
		-append "${L1_CMDLINE//[[:space:]]/ }${lab_vfio:+ intel_iommu=on}"
		-device virtio-serial-pci,disable-legacy=on
		-chardev "file,id=out,path=$2"
		-device virtserialport,nr=1,chardev=out
		-chardev "file,id=err,path=$3"
		-device virtserialport,nr=2,chardev=err
		-chardev "stdio,id=job,signal=off"
		-device virtserialport,nr=3,chardev=job)
	if [ -n "$lab_icount" ]; then
		machine+=(-accel "tcg,thread=single" -smp 1
			-icount "shift=1,sleep=on")
	else
		machine+=(-accel "tcg,thread=multi" -smp "$lab_cpus")
	fi
}

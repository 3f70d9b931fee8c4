# SPDX-License-Identifier: Apache-2.0
#
# options.sh - the options that `run` and `kvm` have in common.

LAB_USAGE='[--timeout SECONDS] [--memory MIB] [--cpus N] [--icount]
	[--vfio PROFILE [--disks DIR] [--iommufd]] [--] COMMAND...'

# lab_options ARG...: set lab_* from the options, and lab_nopt to their number.
lab_options()
{
	local all=$#

	lab_timeout=600 lab_memory=1536 lab_cpus=2 lab_icount=
	lab_vfio='' lab_disks='' lab_iommufd=''
	while [ $# -gt 0 ]; do
		case $1 in
		--timeout | --memory | --cpus)
			[[ ${2:-} =~ ^[1-9][0-9]{0,6}$ ]] ||
				die "$1 takes a number above 0, not '${2:-}'"
			declare -g "lab_${1#--}=$2"
			shift 2 ;;
		--vfio)
			declare -F "profile_${2:-}" >/dev/null ||
				die "--vfio takes one of: $(vfio_profiles)"
			lab_vfio=$2
			shift 2 ;;
		--disks)
			[ -d "${2:-}" ] || die "--disks takes a directory, not '${2:-}'"
			lab_disks=$2
			shift 2 ;;
		--iommufd)
			lab_iommufd=1
			shift ;;
		--icount)
			lab_icount=1
			shift ;;
		--)
			shift
			break ;;
		-*)
			die "unknown option '$1': $LAB_USAGE" ;;
		*)
			break ;;
		esac
	done
	lab_nopt=$((all - $#))
	# What is more lies above 4 GiB, and there the emulated SVM loses the
	# interrupts of its guests' timers (QEMU 7.2).
	[ "$lab_memory" -lt 2816 ] ||
		say "in an L1 of 2816 MiB and more guests have no timer"
}

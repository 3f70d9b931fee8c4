# SPDX-License-Identifier: Apache-2.0
#
# options.sh - the options that `run` and `kvm` have in common.

LAB_USAGE='[--timeout SECONDS] [--memory MIB] [--cpus N] [--icount] [--] COMMAND...'

# lab_options ARG...: set lab_* from the options, and lab_nopt to their number.
lab_options()
{
	local all=$#

	lab_timeout=600 lab_memory=1536 lab_cpus=2 lab_icount=
	while [ $# -gt 0 ]; do
		case $1 in
		--timeout | --memory | --cpus)
			[[ ${2:-} =~ ^[1-9][0-9]{0,6}$ ]] ||
				die "$1 takes a number above 0, not '${2:-}'"
			declare -g "lab_${1#--}=$2"
			shift 2 ;;
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
}

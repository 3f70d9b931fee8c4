# SPDX-License-Identifier: Apache-2.0
#
# common.sh - what the kernel builder and the lab share: the cache outside the
# tree, and Debian's kernel packages without installing them.  Sourced by bash
# scripts that have `set -euo pipefail` and a name in $me.

say()
{
	printf '%s: %s\n' "$me" "$*" >&2
}

die()
{
	say "$*"
	exit 125
}

# need TOOL PACKAGE: one sentence now instead of a riddle later.
need()
{
	command -v "$1" >/dev/null ||
		die "'$1' is missing: install the Debian package '$2' (or run \`make deps\`)"
}

cache_root()
{
	[ -n "${XDG_CACHE_HOME:-}${HOME:-}" ] ||
		die "neither XDG_CACHE_HOME nor HOME is set: set one, the cache lives below it"
	echo "${XDG_CACHE_HOME:-$HOME/.cache}/belljar"
}

# The hash that names a cache entry: of standard input.
hash_of()
{
	sha256sum | cut -c 1-64
}

# cache_make DIR FUNCTION ARG...: unless DIR is there, run FUNCTION in an empty
# directory beside it and rename that into place, so that DIR is whole or not
# there at all.  Only one process builds a DIR; the others wait for it.
cache_make()
{
	local dir=$1 tmp lock
	shift

	[ -d "$dir" ] && return
	mkdir -p "${dir%/*}"
	exec {lock}>"$dir.lock"
	flock -n "$lock" || {
		say "waiting for another build of the same thing"
		flock "$lock"
	}
	if [ ! -d "$dir" ]; then
		find "${dir%/*}" -maxdepth 1 -name "${dir##*/}.tmp.*" \
			-exec rm -rf {} +
		tmp=$(mktemp -d "$dir.tmp.XXXXXX")
		# A subshell of its own, and no `||` on it: `set -e` has to
		# hold inside.  The trap cleans up after a signal as well.
		( trap 'rm -rf "$tmp"' EXIT
		  cd "$tmp"
		  "$@"
		  chmod 755 "$tmp"
		  mv -T "$tmp" "$dir" )
	fi
	exec {lock}>&-
}

# debian_kernel META: prints "NAME VERSION" of the kernel package that the meta
# package META stands for.
debian_kernel()
{
	local dep

	need apt-cache apt
	dep=$(apt-cache show --no-all-versions "$1" 2>/dev/null |
		sed -n 's/^Depends: \([^ ,]*\) (= \([^)]*\)).*/\1 \2/p')
	[ -n "$dep" ] ||
		die "apt does not know '$1': run \`apt-get update\` on a Debian 12 machine"
	echo "$dep"
}

# debian_unpack NAME VERSION: download the package and unpack it into ./root;
# nothing is installed.
debian_unpack()
{
	local log sandbox=

	need dpkg-deb dpkg
	[ "$(id -u)" -ne 0 ] || sandbox=-oAPT::Sandbox::User=root
	log=$(apt-get -q $sandbox download "$1=$2" 2>&1) ||
		die "cannot download the package '$1': $(tail -n 1 <<<"$log")"
	dpkg-deb -x "$1"_*.deb root
	rm "$1"_*.deb
}

# kernel_modules KVER DIR MODULE...: copy the modules and all they need from
# ./root to DIR as NN-name.ko in the order of loading, and without symbols for
# debuggers (and so without signature: no Debian kernel insists on one, and
# checking it costs boot time).  What is built in is left out.
kernel_modules()
{
	local kver=$1 dir=$2 m ko name n=10
	shift 2

	need depmod kmod
	need strip binutils
	mkdir -p "$dir"
	depmod -b root "$kver"
	for m; do
		modprobe -S "$kver" -d "$PWD/root" --show-depends "$m" >order ||
			die "the kernel $kver has no module '$m'"
		while read -r how ko _; do
			[ "$how" = insmod ] || continue
			name=$(basename "$ko")
			[ -z "$(find "$dir" -name "[0-9]*-$name")" ] || continue
			strip -g -R .BTF -o "$dir/$n-$name" "$ko"
			n=$((n + 1))
		done <order
	done
	rm order
}

# vmlinux_of BZIMAGE: print the ELF kernel inside (boot protocol, fields
# setup_sects, payload_offset and payload_length).
vmlinux_of()
{
	local sects off len magic
	sects=$(od -An -tu1 -j $((0x1f1)) -N 1 "$1")
	off=$(od -An -tu4 -j $((0x248)) -N 4 "$1")
	len=$(od -An -tu4 -j $((0x24c)) -N 4 "$1")
	off=$(((sects + 1) * 512 + off))

	magic=$(od -An -tx4 -j "$off" -N 4 "$1")
	# The last four bytes of the payload are its size, not data.
	dd if="$1" bs=1M iflag=skip_bytes,count_bytes skip="$off" \
		count=$((len - 4)) status=none |
		case ${magic# } in
		587a37fd) xz -dc --single-stream ;;
		184c2102) lz4 -dc ;;
		fd2fb528) zstd -dc ;;
		*) die "'$1' is compressed in an unknown way" ;;
		esac
}

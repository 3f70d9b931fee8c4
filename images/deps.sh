#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# deps.sh [--list] - make deps: install the Debian packages that building,
# testing and the demo take.  docs/dependencies.md is the list, with reasons.
# Needs no network and changes nothing when all are there.

set -euo pipefail
cd "$(dirname "$0")/.."

die()
{
	echo "deps: $*" >&2
	exit 1
}

# "PACKAGE<tab>PURPOSE: WHAT FOR" for each row of the table.
table()
{
	sed -nE 's/^\| `([^`]+)` \| ([^|]+) \| ([^|]+) \|.*/\1\t\2: \3/p' \
		docs/dependencies.md
}

installed()
{
	[ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

case ${1:-} in
--list)
	while IFS=$'\t' read -r package what; do
		printf '%-18s to %s\n' "$package" "$what"
	done < <(table)
	exit ;;
'') ;;
*)
	die "unknown option '$1': there is only --list" ;;
esac

command -v dpkg-query >/dev/null ||
	die "this is not a Debian system: install what docs/dependencies.md lists"
missing=() all=0
while IFS=$'\t' read -r package what; do
	all=$((all + 1))
	installed "$package" && continue
	missing+=("$package")
	printf 'deps: %-18s to %s\n' "$package" "$what"
done < <(table)
[ "$all" -gt 0 ] || die "docs/dependencies.md has no table of packages"
if [ ${#missing[@]} -eq 0 ]; then
	echo "deps: all $all packages are installed"
	exit
fi

root=()
if [ "$(id -u)" -ne 0 ]; then
	command -v sudo >/dev/null ||
		die "installing needs root: run as root 'apt-get install ${missing[*]}'"
	root=(sudo)
fi
echo "deps: installing ${#missing[@]} of $all packages"
"${root[@]}" apt-get -q update
"${root[@]}" env DEBIAN_FRONTEND=noninteractive \
	apt-get -q -y install --no-install-recommends "${missing[@]}"

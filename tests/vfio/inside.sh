#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# inside.sh OUTDIR GROUP [PATTERN] - the tests of tests/vfio/GROUP.sh, in an L1
# with devices.  With PATTERN only those whose names contain it.
set -uo pipefail

cd "$(dirname "$0")/../.."
out=$1
disks=$out/disks/$2
only=${3:-}
belljar=$PWD/build/belljar
tmp=$(mktemp -d)
mkfifo "$tmp/never"
trap 'rm -rf "$tmp"' EXIT
# Of our own: what one host knows of its devices is nothing to another.
cp -a "$out/store" "$tmp/store"
export BELLJAR_ROOT=$tmp/store
. tests/linux/lib.sh
. tests/vfio/lib.sh
. "tests/vfio/$2.sh"

echo "vfio: $passed passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ] && [ "$passed" -gt 0 ]

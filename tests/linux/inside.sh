#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# inside.sh OUTDIR [PATTERN] - the Linux tests, where /dev/kvm runs Linux.
# With PATTERN only the tests in whose names a word begins with it.
set -uo pipefail

cd "$(dirname "$0")/../.."
out=$1
export BELLJAR_ROOT=${BELLJAR_ROOT:-$out/store}
only=${2:-}
belljar=$PWD/build/belljar
tmp=$(mktemp -d)
mkfifo "$tmp/never"
trap 'rm -rf "$tmp"' EXIT
. tests/linux/lib.sh

for group in boot status stdio disk net network vsock limits memory cgroup \
    shared dax \
    faults numa modules untrusted hostile compare work; do
    . "tests/linux/$group.sh"
done

echo "linux: $passed passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ] && [ "$passed" -gt 0 ]

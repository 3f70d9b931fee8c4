#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# group.sh OUTDIR GROUP - the tests of one group (inside.sh), where KVM runs
# Linux, with a store of their own: locks on files of one L1 mean nothing to
# another, and who finds a VM's lock free cleans up after it.
set -euo pipefail

cd "$(dirname "$0")/../.."
out=$1
export BELLJAR_ROOT=$out/store.$2
rm -rf "$BELLJAR_ROOT"
trap 'rm -rf "$BELLJAR_ROOT"' EXIT
cp -a "$out/store" "$BELLJAR_ROOT"
machine=(--cpus 1 --timeout 900)
[ "$2" != compare ] || machine=(--cpus 1 --timeout 3600)
[ "$2" != work ] || machine=(--icount --timeout 900)
[ "$2" != numa ] || machine+=(--vfio numa --cpus 2) # one for each node
tests/lab/kvm --memory 2048 "${machine[@]}" \
    tests/linux/inside.sh "$out" "$2:"

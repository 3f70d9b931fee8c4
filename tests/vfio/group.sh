#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# group.sh OUTDIR GROUP PROFILE [OPTION...] - the tests of one group (inside.sh)
# in an L1 of that profile and those options.
set -euo pipefail

cd "$(dirname "$0")/../.."
out=$1 group=$2 profile=$3
shift 3
disks=$out/disks/$group
trap 'rm -rf "$disks"' EXIT
# Content that the guest's has to be compared with.
mkdir -p "$disks"
for disk in disk0 disk1 disk2 disk3; do
    head -c 64M /dev/urandom >"$disks/$disk"
done
cpus=1
[ "$group" != numa ] || cpus=2 # one for each node
tests/lab/run --timeout 900 --memory 2048 --cpus $cpus --disks "$disks" \
    --vfio "$profile" "$@" tests/vfio/inside.sh "$out" "$group"

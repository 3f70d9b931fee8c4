#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# run.sh - Linux guests under belljar, on this machine's KVM or in the lab.
# What needs no KVM (kernels, the test image) is made first, outside.
set -euo pipefail

cd "$(dirname "$0")/../.."
images/kernel/build.sh stock build/kernels
images/kernel/build.sh minimal build/kernels
out=$PWD/build/linux
tests/linux/image.sh "$out"
rm -rf "$out/store"
build/belljar --root "$out/store" load -q -i "$out/image"
exec tests/lab/kvm --timeout 1500 --memory 2048 tests/linux/inside.sh "$out" "$@"

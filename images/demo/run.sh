#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# run.sh - make demo: build a training image, load it, train in a microVM, and
# bring the model out.  Uses the minimal kernel when it has been built, else
# Debian's stock cloud kernel.  Leaves nothing running; what it made is in
# build/demo.
set -euo pipefail

cd "$(dirname "$0")/../.."
out=build/demo
export BELLJAR_ROOT=$PWD/$out/store
model=$out/model.npz

say() {
    echo "demo: $*"
}

images/demo/build.sh "$out"

if images/kernel/build.sh --cached minimal build/kernels >/dev/null 2>&1; then
    kernel=minimal
    say "guest kernel: minimal ($(cat build/kernels/minimal/version));" \
        "the other one: 'make stock-kernel'"
else
    images/kernel/build.sh stock build/kernels
    kernel=stock
    say "guest kernel: Debian's stock ($(cat build/kernels/stock/version));" \
        "a smaller and faster one: 'make kernel' (some minutes, once)"
fi

build/belljar load -i "$out/image"

say "training in a microVM; the model comes out through standard output"
tests/lab/kvm --timeout 900 build/belljar run --rm --timing \
    --kernel "$kernel" --network none -m 512m demo >"$model.part" \
    2> >(tee "$out/log" >&2)
mv "$model.part" "$model"

# The guest said what it sent: is it what arrived?
sent=$(sed -n 's/^model: .*sha256 \([0-9a-f]\{64\}\).*/\1/p' "$out/log")
got=$(sha256sum <"$model" | cut -d' ' -f1)
if [ "$sent" != "$got" ]; then
    say "the model was damaged on its way out (sent ${sent:-nothing}, got $got)"
    exit 1
fi
accuracy=$(sed -n 's/^accuracy: \([0-9.]*\)%.*/\1/p' "$out/log")
say "model: $model, $(stat -c %s "$model") bytes, sha256 as sent"
say "test accuracy: $accuracy%"
awk -v a="$accuracy" 'BEGIN { exit !(a >= 97) }' || {
    say "that is below 97%"
    exit 1
}

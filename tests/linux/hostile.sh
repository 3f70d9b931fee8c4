# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# hostile.sh - a Linux guest attacks its monitor, an honest one beside it does
# not notice (tests/hostile/linux/README.md).  What each attack did is in
# build/linux/hostile.log.

hostile_guest() {
    timeout 400 /usr/bin/python3 tests/hostile/linux/run.py \
        --seconds 1 2>&1 | tee "$out/hostile.log"
}
check "hostile: a guest's kernel attacks, its neighbour works" hostile_guest

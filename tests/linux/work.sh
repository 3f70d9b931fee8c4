# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# work.sh - work without devices costs in a VM what it costs in a container: on
# emulated hardware by a clock that counts instructions (tests/bench/work.py),
# elsewhere by time, which the group compare takes.

as_much_work() {
    /usr/bin/python3 tests/bench/work.py --runs 1 --most 1.03
}
if [ -n "${BELLJAR_LAB:-}" ]; then
    check "work: as many instructions as in a container" as_much_work
else
    skip "work: as many instructions as in a container" "no instructions counted"
fi

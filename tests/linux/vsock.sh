# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# vsock.sh - megabytes between guest and host programs, begun by either.

guest_begins() {
    timeout 120 /usr/bin/python3 tests/linux/vsock.py guest "$belljar"
}
host_begins() {
    timeout 120 /usr/bin/python3 tests/linux/vsock.py host "$belljar"
}
check "vsock: the guest connects, 4 MB each way" guest_begins
check "vsock: the host connects, 4 MB each way" host_begins
check "vsock: nobody listens" status 1 run -- vsock connect 6000

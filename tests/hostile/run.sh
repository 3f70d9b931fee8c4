#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# run.sh [GUEST...] - the hostile guest suite on this machine's KVM, in the lab
# where there is none; see README.md.
#
# BELLJAR_BUILD says which build (default build-san), KVM which device, and
# MONITOR_OPTIONS what else the monitor gets, as in '--jail=required'.
set -uo pipefail

cd "$(dirname "$0")/../.." || exit
KVM=${KVM:-/dev/kvm}

skip_all() {
    echo "ok 1 - hostile guests # SKIP $1"
    echo "hostile: 0 passed, 0 failed, 1 skipped"
    exit 0
}

if [ ! -c "$KVM" ] && [ -z "${BELLJAR_LAB:-}" ]; then
    echo "# there is no $KVM: in the lab" >&2
    [ $# -gt 0 ] || set -- ring setup access blk balloon fs mem msix net net_tap net_vhost vsock flood race end
    for guest; do
        echo "hostile-$guest tests/lab/somewhere env" \
            "'MONITOR_OPTIONS=${MONITOR_OPTIONS:-}' tests/hostile/run.sh $guest"
    done | tests/lab/pool
    exit
fi
[ -c "$KVM" ] || skip_all "there is no $KVM on this machine"
tests/lab/opens || skip_all "no permission to open $KVM"
export KVM
exec python3 -B tests/hostile/suite.py "${BELLJAR_BUILD:-build-san}" "$@"

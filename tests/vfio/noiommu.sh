# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2154
# noiommu.sh - a host without an IOMMU.

check "noiommu: refused, with the way to switch it on" \
    refused "$(device 2)" "IOMMU" "switch" -- --device "vfio=$(device 2)"

doctor() {
    "$belljar" doctor >"$tmp/said" 2>&1 || :
    cat "$tmp/said"
    grep -q IOMMU "$tmp/said"
}
check "noiommu: doctor says so" doctor

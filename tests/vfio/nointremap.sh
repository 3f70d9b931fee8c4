# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2154
# nointremap.sh - a host whose devices could forge interrupts.

disk=$(device 2)
unsafe=/sys/module/vfio_iommu_type1/parameters/allow_unsafe_interrupts

check "nointremap: refused, with the way to take the risk" \
    refused "$disk" "interrupt" "allow_unsafe_interrupts" -- \
    --device "vfio=$disk"

bare_monitor() {
    bind_vfio "$disk"
    status 125 monitor vfio_nvme "$disk"
    give_back "$disk"
    same 1 "$(wc -l <"$tmp/err")"
    grep -q interrupt "$tmp/err"
}
check "nointremap: the monitor alone says so, too" bare_monitor

risk_taken() {
    echo 1 >$unsafe
    run "${minimal[@]}" --device "vfio=$disk" -- true
    same nvme "$(driver_of "$disk")"
    echo 0 >$unsafe
}
check "nointremap: with the risk taken it runs" risk_taken

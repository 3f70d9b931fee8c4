# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2154
# device.sh - payload guests with a device, under the bare monitor; by the
# group API, or with $group "iommufd" by a character device.

group=${group:-device}

edu=$(device 1) nvme=$(device 2)
bind_vfio "$edu" "$nvme"

check "$group: edu: registers, DMA, MSI, INTx" payload vfio_edu "$edu"
check "$group: edu: once more, with its state of before" \
    payload vfio_edu "$edu" --cpus 2

serial() {
    payload vfio_nvme "$nvme"
    grep -q '^serial: disk0 *$' "$tmp/out"
}
check "$group: nvme: identifies itself; wild interrupts, sleep, reset" serial

# Outside the guest's 64 MiB: pages of a process of the host by their physical
# addresses, and holes.  The pages are unchanged (canary.py), what the device
# read there is nothing of theirs, and the IOMMU saw it try.
escape() {
    local holes="0x4000000 0x7f000000 0xd0000000 0xffff00000000"
    local before=(tests/vfio/canary.py)
    dmesg -C
    payload vfio_escape "$edu" --cmdline "PAGES $holes"
    dmesg | grep DMAR || :
    same 7 "$(grep -c '^at 0x' "$tmp/out")"
    same "" "$(grep 0x5afec0deca4a4b1e "$tmp/out" || :)"
    dmesg | grep -q 'DMA Write.*fault addr'
    dmesg | grep -q 'DMA Read.*fault addr'
}
check "$group: DMA outside the guest's memory changes nothing" escape

check "$group: edu: BAR, command, messages where they must not be" \
    payload vfio_hostile "$edu"
check "$group: edu: works after all that" payload vfio_edu "$edu"

# What monitors with devices call, for the rows of their filters: run.sh compares
# when both ways, group and character device, have been here.
recorded() {
    local program=$PWD/build/escape/lib/belljar-monitor file lib=$tmp/lib two
    ulimit -l unlimited # the plain build's user has no CAP_IPC_LOCK
    : >/run/belljar-record
    chmod 666 /run/belljar-record
    payload vfio_edu "$edu"
    payload vfio_edu "$edu" --cpus 2
    payload vfio_nvme "$nvme"
    payload vfio_hostile "$edu"
    # Two of them reach each other's BARs, which move.
    exec {two}<>"/dev/vfio/$(node_of "$nvme")"
    payload vfio_hostile "$edu" --vfio "$nvme,$api=fd:$two"
    exec {two}>&-
    mkdir "$lib"
    for file in belljar-net initrd.cpio kernels; do
        ln -s "$PWD/build/$file" "$lib"
    done
    ln -s "$program" "$lib"
    BELLJAR_LIBDIR=$lib start_vm "${minimal[@]}" --device "vfio=$edu"
    timeout 60 sh -c "echo $edu >$pci/$edu/driver/unbind"
    until_true 20 grep -q "$edu" "$tmp/vm.err"
    "$belljar" rm -f "$("$belljar" ps -q)"
    wait "$vm" || :
    bind_vfio "$edu"
    cat /run/belljar-record >"$out/record.$group"
    rm /run/belljar-record
}
check "$group: a monitor that records its calls does the same" recorded
check "$group: the host's kernel saw nothing it warns of" host_is_well
give_back "$edu" "$nvme"

# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2154
# life.sh - the host has its driver back however a VM ends; what cannot be
# given is refused; a function that is taken away while in use.

disk=$(device 2)
vmargs=("${minimal[@]}" --device "vfio=$disk")

it_is_back() {
    until_true 30 with_driver "$disk" nvme
    until_true 20 test -b /dev/nvme0n1
    until_true 20 all_given_back
}

normal_end() {
    run "${vmargs[@]}" -- true
    same nvme "$(driver_of "$disk")"
    it_is_back
}
check "life: driver back after the command's end" normal_end

failing_end() {
    status 3 run "${vmargs[@]}" -- sh -c 'exit 3'
    same nvme "$(driver_of "$disk")"
    it_is_back
}
check "life: driver back after a command that fails" failing_end

time_out() {
    status 124 run "${vmargs[@]}" --timeout 8 -- sleep 100
    same nvme "$(driver_of "$disk")"
    it_is_back
}
check "life: driver back after --timeout" time_out

removed() {
    start_vm "${vmargs[@]}" --name taken
    same vfio-pci "$(driver_of "$disk")"
    "$belljar" rm -f taken
    wait "$vm" || :
    it_is_back
}
check "life: driver back after rm -f" removed

# killed NAME [COMMAND...]: the process of the VM with that name; then COMMAND, if
# nobody is left who could give back.
killed() {
    start_vm "${vmargs[@]}"
    same vfio-pci "$(driver_of "$disk")"
    pgrep -x "$1" | xargs kill -9
    wait "$vm" || :
    shift
    if [ $# -gt 0 ]; then
        until_true 30 sh -c "! pgrep -x belljar-monitor"
        "$@"
    fi
    it_is_back
}
check "life: driver back after kill -9 of the monitor" killed belljar-monitor
check "life: the next command gives back after kill -9 of the keeper" \
    killed belljar-keeper "$belljar" ps -aq

cli_killed() {
    start_vm "${vmargs[@]}"
    # The child of timeout.
    pkill -9 -P "$vm"
    wait "$vm" || :
    it_is_back
}
check "life: driver back after kill -9 of the terminal's belljar" cli_killed

everybody_killed() {
    start_vm "${vmargs[@]}"
    # The monitor dies of its keeper's death, perhaps before its turn.
    pgrep 'belljar' | xargs kill -9 || :
    wait "$vm" || :
    same vfio-pci "$(driver_of "$disk")"
    "$belljar" gpu ls >/dev/null
    it_is_back
}
check "life: 'gpu ls' gives back after kill -9 of them all" everybody_killed

taken() {
    start_vm "${vmargs[@]}" --name first
    status 125 timeout 60 "$belljar" run --rm "${vmargs[@]}" test true \
        >"$tmp/said" 2>&1
    cat "$tmp/said"
    grep -q "is used by VM" "$tmp/said"
    same 1 "$(wc -l <"$tmp/said")"
    same 1 "$("$belljar" ps -q | wc -l)"
    # The first has not noticed.
    kill -0 "$vm"
    same vfio-pci "$(driver_of "$disk")"
    "$belljar" rm -f first
    wait "$vm" || :
    it_is_back
}
check "life: refused: another VM has it" taken

mounted() {
    mkfs.ext4 -qF /dev/nvme0n1
    mkdir -p "$tmp/mnt"
    mount /dev/nvme0n1 "$tmp/mnt"
    refused "$disk" "$disk" "mounted" -- --device "vfio=$disk"
    umount "$tmp/mnt"
}
check "life: refused: a mounted disk" mounted

check "life: refused: no such function" refused "$disk" 0000:7f:00.0 -- \
    --device vfio=0000:7f:00.0
check "life: refused: no address at all" refused "$disk" nonsense -- \
    --device vfio=nonsense
check "life: refused: a bridge" refused 0000:00:11.0 0000:00:11.0 bridge -- \
    --device vfio=0000:00:11.0

# With a store and a kernel of its own, so that it is the device that fails.
not_root() {
    local home=$tmp/home before
    before=$(driver_of "$disk")
    chmod 755 "$tmp"
    mkdir -p "$home"
    cp -a "$BELLJAR_ROOT"/{images,repositories.json} "$home"
    cp build/kernels/minimal/vmlinux "$home"
    chown -R 1000:1000 "$home"
    status 125 timeout 60 env -u BELLJAR_RUNROOT BELLJAR_ROOT="$home" \
        HOME="$home" setpriv --reuid 1000 --regid 1000 --clear-groups \
        "$belljar" run --rm --kernel "$home/vmlinux" -m 128m \
        --device "vfio=$disk" test true >"$tmp/said" 2>&1
    cat "$tmp/said"
    same 1 "$(wc -l <"$tmp/said")"
    grep -q "only root" "$tmp/said"
    grep -q "gpu bind" "$tmp/said"
    same "$before" "$(driver_of "$disk")"
}
check "life: refused: not root" not_root

dry_run() {
    "$belljar" run --rm --dry-run "${vmargs[@]}" test true >"$tmp/plan"
    cat "$tmp/plan"
    grep -q "$disk" "$tmp/plan"
    same nvme "$(driver_of "$disk")"
    nothing_left
}
check "life: --dry-run names it and changes nothing" dry_run

bind_and_unbind() {
    "$belljar" gpu bind "$disk"
    same vfio-pci "$(driver_of "$disk")"
    "$belljar" ps >/dev/null
    same vfio-pci "$(driver_of "$disk")"
    run "${vmargs[@]}" -- true
    same vfio-pci "$(driver_of "$disk")"
    "$belljar" gpu unbind "$disk"
    it_is_back
}
check "life: gpu bind stays until gpu unbind" bind_and_unbind

# The host wants its function back while a VM has it: it gets it, the VM goes
# on without, and its user is told.
unplugged() {
    start_vm "${vmargs[@]}"
    timeout 60 sh -c "echo $disk >$pci/$disk/driver/unbind"
    same "" "$(driver_of "$disk")"
    kill -0 "$vm"
    until_true 20 grep -q "$disk" "$tmp/vm.err"
    cat "$tmp/vm.err"
    same 1 "$("$belljar" ps -q | wc -l)"
    "$belljar" rm -f "$("$belljar" ps -q)"
    wait "$vm" || :
    it_is_back
}
check "life: unplugged while a VM has it" unplugged

check "life: the host's kernel saw nothing it warns of" host_is_well

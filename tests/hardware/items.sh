# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# items.sh - the items of tests/hardware/gpu, in order.

container() {
    run --timing -- sh -c 'ls -l /dev/dri /dev/nvidia* 2>/dev/null
        for d in /sys/bus/pci/devices/*; do
            echo "${d##*/} $(cat "$d/class" "$d/vendor" "$d/device" | tr "\n" " ")"
        done'
}

# The guest's BARs are as large as the host's.
bars() {
    local want
    want=$(sizes_of "/sys/bus/pci/devices/$bdf")
    run -- sh -c 'for d in /sys/bus/pci/devices/*; do
            echo "$(cat "$d/vendor" "$d/device" | tr -d "\n") $d"
            head -n 6 "$d/resource"
        done' >"$tmp/resources"
    local id got
    id=$(tr -d '\n' <"/sys/bus/pci/devices/$bdf/vendor")$(tr -d '\n' \
        <"/sys/bus/pci/devices/$bdf/device")
    got=$(grep -A 6 "^$id " "$tmp/resources" | tail -n +2 | sizes)
    same "$want" "$got"
    echo "$got"
}

# "START END FLAGS" lines become sizes, one line; I/O ports are not counted.
sizes() {
    local start end flags
    while read -r start end flags; do
        ((flags & 0x100)) || printf '%d ' \
            $((end == 0 ? 0 : end - start + 1))
    done
    echo
}

sizes_of() {
    head -n 6 "$1/resource" | sizes
}

nvidia_smi() {
    has nvidia-smi || not_applicable "'$image' has no nvidia-smi"
    run -- nvidia-smi -L
    run -- nvidia-smi
}

torch() {
    run -- python3 -c 'import torch; assert torch.cuda.is_available()' \
        2>/dev/null
}

python() {
    torch || not_applicable "'$image' has no PyTorch that finds the GPU"
    run -i "$@" -- python3 - <"$here/$script"
}

bandwidth() {
    script=bandwidth.py python
}

training() {
    script=step.py python
}

# What the first VM left in the GPU's memory, the second must not find.
residue() {
    script=residue.py python -e MARK=write
    script=residue.py python -e MARK=find
}

pages() {
    local size=$1 kib=$2 free
    free=$(cat "/sys/kernel/mm/hugepages/hugepages-${kib}kB/free_hugepages" \
        2>/dev/null) || not_applicable "this host has no pages of $size"
    [ "$free" -gt 0 ] ||
        not_applicable "no free pages of $size: see 'belljar doctor'"
    run --timing --hugepages "$size" -- true
}

all_gpus() {
    [ "$(free_gpus | wc -w)" -gt 1 ] || not_applicable "one free GPU only"
    torch || not_applicable "'$image' has no PyTorch that finds the GPU"
    timeout -k 30 900 "$belljar" run --rm -m "$memory" --cpus "$cpus" \
        "${guest[@]}" --gpus all --pci-topology host -i "$image" \
        python3 - <"$here/peer.py"
}

unknown_device() {
    local got=0
    "$belljar" run --rm --device vfio=0000:ff:1f.7 "$image" true || got=$?
    same 125 "$got"
}

# A VM has it; a second one is refused, and the first goes on.
taken() {
    local got=0
    run --name holder -- sh -c 'echo ready; sleep 60' >"$tmp/ready" &
    until_true 300 grep -q ready "$tmp/ready"
    run -- true || got=$?
    "$belljar" rm -f holder
    wait || :
    same 125 "$got"
    came_back
}

in_use() {
    local node
    node=$(find /dev/nvidia[0-9]* /dev/dri/card* 2>/dev/null | head -n 1) || :
    [ -n "$node" ] || not_applicable "the host's driver has no device node"
    exec {held}<>"$node"
    local got=0
    run -- true || got=$?
    exec {held}>&-
    same 125 "$got"
    came_back
}

came_back() {
    until_true 60 same "$former" "$(driver_of || echo none)" ||
        {
            echo "the driver is '$(driver_of || echo none)', it was '$former'"
            return 1
        }
    echo "driver: $former"
}

# The pid of the keeper or the monitor of VM @2.
pid_of() {
    local folder
    folder=$(dirname "$(grep -lx "$2" \
        "${BELLJAR_ROOT:-/var/lib/belljar}"/vms/*/name)")
    python3 -c 'import json, sys; print(json.load(sys.stdin)[sys.argv[1]])' \
        "$1" <"$folder/state.json"
}

killed() {
    run --name victim -- sh -c 'echo ready; sleep 600' >"$tmp/ready" &
    until_true 300 grep -q ready "$tmp/ready"
    kill -9 "$(pid_of "$1" victim)"
    wait || :
    "$belljar" gpu ls >/dev/null
    came_back
}

# The host takes the GPU from a VM that runs.
unplugged() {
    run --name loser -- sh -c 'echo ready; sleep 20; echo alive' \
        >"$tmp/ready" &
    until_true 300 grep -q ready "$tmp/ready"
    timeout 120 sh -c \
        "echo $bdf >/sys/bus/pci/drivers/vfio-pci/unbind"
    wait || :
    grep -q alive "$tmp/ready"
    "$belljar" gpu ls >/dev/null
    came_back
}

items() {
    item "plan: --dry-run" run --dry-run -- true
    item "refusal: unknown device" unknown_device
    item "refusal: in use by a process of the host" in_use
    item "guest: the GPU and its nodes" container
    item "guest: BAR sizes" bars
    item "driver returns: normal end" came_back
    item "nvidia-smi" nvidia_smi
    item "bandwidth: host to device and back" bandwidth
    item "training step" training
    item "memory residue between two VMs" residue
    item "memory: huge pages of 2 MiB" pages 2M 2048
    item "memory: huge pages of 1 GiB" pages 1G 1048576
    item "several GPUs: --gpus all, peer to peer" all_gpus
    item "refusal: taken by another VM" taken
    item "driver returns: monitor killed" killed monitor
    item "driver returns: keeper killed" killed keeper
    item "unplugged while running" unplugged
}

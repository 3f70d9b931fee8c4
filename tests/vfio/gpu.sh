# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2154
# gpu.sh - `belljar gpu ls`, bind and unbind on real functions.

disk=$(device 2) gpu=$(device 4) parent=$(device 9)

# says TEXT... -- COMMAND...: it ends with 125 and one sentence that has these.
says() {
    local text texts=()
    while [ "$1" != -- ]; do
        texts+=("$1")
        shift
    done
    shift
    status 125 "$@" >"$tmp/said" 2>&1
    cat "$tmp/said"
    same 1 "$(wc -l <"$tmp/said")"
    for text in "${texts[@]}"; do
        grep -qF -- "$text" "$tmp/said" || {
            echo "not said: $text"
            return 1
        }
    done
}

# column N BDF: of the table of all devices; columns are three spaces apart.
column() {
    "$belljar" gpu ls --all | awk -F '   +' -v bdf="$2" -v n="$1" \
        '$1 == bdf { print $n }'
}

# killed_at MICROSECONDS ARG...: belljar, killed when it has run so long.
killed_at() {
    local at
    at=$(printf '%d.%06d' $(($1 / 1000000)) $(($1 % 1000000)))
    shift
    (timeout -s KILL "$at" "$belljar" "$@" || :) >/dev/null 2>&1
}

no_journal() {
    ! compgen -G "$BELLJAR_ROOT/devices/*.json" >/dev/null
}

ls_gpus() {
    "$belljar" gpu ls >"$tmp/ls"
    cat "$tmp/ls"
    same "ADDRESS $gpu $(device 5) $(device 6)" \
        "$(awk '{ print $1 }' "$tmp/ls" | paste -sd ' ')"
    same virtio-pci "$(column 3 "$gpu")"
    same "$(group_of "$gpu")" "$(column 4 "$gpu")"
    same "$(cat "$pci/$gpu/reset_method")" "$(column 6 "$gpu")"
    same free "$(column 8 "$gpu")"
    # The display with a BAR of 1 GiB.
    column 7 "$(device 6)" | grep -qw 1G
}
check "gpu: ls lists the displays" ls_gpus

ls_json() {
    "$belljar" gpu ls --all --format json >"$tmp/json"
    python3 - "$tmp/json" "$pci" <<'EOF'
import json, os, sys
pci = sys.argv[2]
rows = {d["Address"]: d for d in json.load(open(sys.argv[1]))}
there = {b for b in os.listdir(pci)
         if not open(f"{pci}/{b}/class").read().startswith("0x06")}
assert set(rows) == there, there ^ set(rows)
for bdf, d in rows.items():
    at = f"{pci}/{bdf}"
    group = os.path.basename(os.readlink(f"{at}/iommu_group"))
    assert str(d["Group"]) == group, bdf
    mates = {m for m in os.listdir(f"{at}/iommu_group/devices")
             if m != bdf and m in there}
    assert there & set(d["GroupMembers"]) == mates, bdf
    lines = [[int(x, 16) for x in l.split()] for l in open(f"{at}/resource")]
    for bar in d["Bars"]:
        start, end, _ = lines[bar["Index"]]
        assert bar["Size"] == end - start + 1, bdf
    assert len(d["Bars"]) == sum(l[1] > 0 for l in lines[:7]), bdf
    assert d["State"] in ("free", "host", "unfit"), d["State"]
EOF
}
check "gpu: ls --all --format json agrees with sysfs" ls_json

back_and_forth() {
    prints "$gpu" "$belljar" gpu bind "$gpu"
    same vfio-pci "$(driver_of "$gpu")"
    "$belljar" ps -a >/dev/null
    same vfio-pci "$(driver_of "$gpu")"
    same free "$(column 8 "$gpu")"
    prints "$gpu" "$belljar" gpu bind "$gpu"
    prints "${gpu#0000:}" "$belljar" gpu unbind "${gpu#0000:}"
    same virtio-pci "$(driver_of "$gpu")"
    prints "$gpu" "$belljar" gpu unbind "$gpu"
    same "(null)" "$(cat "$pci/$gpu/driver_override")"
    no_journal
}
check "gpu: bind and unbind, each twice" back_and_forth

one_of_several() {
    status 125 "$belljar" gpu bind "$disk" 0000:7f:00.0 "$gpu" \
        >"$tmp/done" 2>"$tmp/said"
    cat "$tmp/done" "$tmp/said"
    same "$disk $gpu" "$(paste -sd ' ' "$tmp/done")"
    same 1 "$(wc -l <"$tmp/said")"
    grep -q "no PCI function 0000:7f:00.0" "$tmp/said"
    same vfio-pci "$(driver_of "$disk")"
    "$belljar" gpu unbind "$disk" "$gpu"
    same "nvme virtio-pci" "$(driver_of "$disk") $(driver_of "$gpu")"
    no_journal
}
check "gpu: one of several that is not there" one_of_several

in_use() {
    until_true 20 test -b /dev/nvme0n1
    mkfs.ext4 -qF /dev/nvme0n1
    mkdir -p "$tmp/mnt"
    mount /dev/nvme0n1 "$tmp/mnt"
    says "$disk" "nvme0n1 is mounted on '$tmp/mnt'" "unmount it" -- \
        "$belljar" gpu bind "$disk"
    column 8 "$disk" | grep -q "used by the host: disk nvme0n1 is mounted"
    umount "$tmp/mnt"

    mkswap /dev/nvme0n1 >/dev/null
    swapon /dev/nvme0n1
    says "$disk" "nvme0n1 is swap" "swapoff" -- "$belljar" gpu bind "$disk"
    swapoff /dev/nvme0n1

    # Seen also where no process of ours can see the mount.
    mkfs.ext4 -qF /dev/nvme0n1
    unshare -m sh -c "mount /dev/nvme0n1 $tmp/mnt && exec sleep 1000" &
    until_true 20 grep -q nvme0n1 /proc/$!/mounts
    says "$disk" "nvme0n1" -- "$belljar" gpu bind "$disk"
    kill $!
    wait $! || :

    exec 7</dev/nvme0
    says "$disk" "has '/dev/nvme0' open" "end that process" -- \
        "$belljar" gpu bind "$disk"
    exec 7>&-
    same nvme "$(driver_of "$disk")"
    no_journal
}
check "gpu: refused: mounted, swap, mounted elsewhere, open" in_use

group_open() {
    "$belljar" gpu bind "$disk"
    exec 7<>"/dev/vfio/$(group_of "$disk")"
    says "$disk" "has '/dev/vfio/$(group_of "$disk")' open" -- \
        "$belljar" gpu unbind "$disk"
    same vfio-pci "$(driver_of "$disk")"
    column 8 "$disk" | grep -q "used by the host: process"
    exec 7>&-
    "$belljar" gpu unbind "$disk"
    same nvme "$(driver_of "$disk")"
}
check "gpu: unbind waits for nobody who has the group open" group_open

by_others() {
    bind_vfio "$disk"
    says "$disk" "was not given to vfio-pci by" -- "$belljar" gpu unbind "$disk"
    same vfio-pci "$(driver_of "$disk")"
    give_back "$disk"
    same nvme "$(driver_of "$disk")"
}
check "gpu: refused: what others have bound is left to them" by_others

refusals() {
    says 0000:00:12.0 "is a bridge" -- "$belljar" gpu bind 0000:00:12.0
    says "'nonsense' is not the address" -- "$belljar" gpu bind nonsense
    says "no GPU has the UUID" -- "$belljar" gpu bind GPU-1234
    says "no device given" -- "$belljar" gpu bind
    says "did you mean 'unbind'" -- "$belljar" gpu unbnd
    no_journal
}
check "gpu: refused: bridges, nonsense, nothing" refusals

not_root() {
    local home=$tmp/home
    mkdir -p "$home"
    chmod 755 "$tmp"
    chown 1000:1000 "$home"
    says "only root" "sudo belljar gpu bind $disk" -- \
        env BELLJAR_ROOT="$home" setpriv --reuid 1000 --regid 1000 \
        --clear-groups "$belljar" gpu bind "$disk"
    same nvme "$(driver_of "$disk")"
}
check "gpu: refused: not root" not_root

# However far it came, the next command makes it whole: bound, or as it was.
# The moments are parts of the time that it takes when it is left alone.
killed_anywhere() {
    local i now begin whole before=0 after=0
    # The first time, files are read that stay in memory.
    for i in 1 2; do
        begin=$(date +%s%N)
        "$belljar" gpu bind "$disk" "$gpu" >/dev/null
        whole=$((($(date +%s%N) - begin) / 1000))
        "$belljar" gpu unbind "$disk" "$gpu" >/dev/null
    done
    for i in $(seq 1 14); do
        killed_at $((whole * i / 12)) gpu bind "$disk" "$gpu"
        "$belljar" ps >/dev/null
        for now in "$(driver_of "$disk")" "$(driver_of "$gpu")"; do
            case $now in
            vfio-pci) after=$((after + 1)) ;;
            nvme | virtio-pci) before=$((before + 1)) ;;
            *) echo "round $i: '$now'" && return 1 ;;
            esac
        done
        killed_at $((whole * i / 12)) gpu unbind "$disk" "$gpu"
        "$belljar" gpu unbind "$disk" "$gpu" >/dev/null
        same "nvme virtio-pci" "$(driver_of "$disk") $(driver_of "$gpu")"
        no_journal
    done
    echo "$before were as before, $after were bound"
    [ $before -gt 0 ] && [ $after -gt 0 ]
}
check "gpu: whole again after kill -9 at any time" killed_anywhere

virtual_functions() {
    echo 2 >"$pci/$parent/sriov_numvfs"
    local vf
    vf=$(basename "$(readlink "$pci/$parent/virtfn0")")
    says "$parent" "2 SR-IOV functions" "sriov_numvfs" -- \
        "$belljar" gpu bind "$parent"
    "$belljar" gpu bind "$vf"
    same vfio-pci "$(driver_of "$vf")"
    same nvme "$(driver_of "$parent")"
    "$belljar" gpu ls --all --format json | python3 -c '
import json, sys
rows = {d["Address"]: d for d in json.load(sys.stdin)}
assert rows[sys.argv[1]]["PhysicalFunction"] == sys.argv[2]
assert rows[sys.argv[2]]["VirtualFunctions"] == 2' "$vf" "$parent"
    "$belljar" gpu unbind "$vf"
    echo 0 >"$pci/$parent/sriov_numvfs"
    no_journal
}
check "gpu: virtual functions, and their parent that stays" virtual_functions

# Its functions are gone while the entry is there.
vanished() {
    echo 2 >"$pci/$parent/sriov_numvfs"
    local vf
    vf=$(basename "$(readlink "$pci/$parent/virtfn0")")
    "$belljar" gpu bind "$vf"
    echo 0 >"$pci/$parent/sriov_numvfs"
    "$belljar" ps >/dev/null
    no_journal
}
check "gpu: a function that vanished leaves no entry" vanished

doctor() {
    "$belljar" doctor --format json >"$tmp/json" || :
    python3 - "$tmp/json" <<'EOF'
import json, sys
said = {c["thing"]: c for c in json.load(open(sys.argv[1]))}
for thing in ("iommu", "interrupt-remapping", "iommu-groups", "acs",
              "vfio-pci", "memlock", "hugepages-reserved", "gpus"):
    assert said[thing]["level"] == "ok", said[thing]
assert "functions in groups" in said["iommu"]["fact"]
assert "0000:04:00.0" in said["gpus"]["fact"]
EOF
}
check "gpu: doctor is content with this host" doctor

check "gpu: the host's kernel saw nothing it warns of" host_is_well

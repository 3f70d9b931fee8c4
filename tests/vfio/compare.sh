# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2154
# compare.sh - `belljar compare --gpus`: a virtio-gpu goes from its driver to
# containers and VMs in turn, and back.  CUDA is tests/compare/cuda_mock.c: bare by
# LD_LIBRARY_PATH, in containers by a CDI file, in VMs out of their image.

gpu=$(device 4) mock=$PWD/build-san/tests/compare/cuda
mkdir -p "$tmp/cdi"
# The group's node leads to it, whichever driver it has; in the container it is
# /dev/null.
cat >"$tmp/cdi/lab.json" <<END2
{"cdiVersion":"0.6.0","kind":"lab.test/gpu","devices":[{"name":"0",
"containerEdits":{"deviceNodes":[{"path":"/dev/gpu0","type":"c","major":1,
"minor":3,"hostPath":"/dev/vfio/$(group_of "$gpu")"}]}}],
"containerEdits":{"env":["MOCK_CUDA_BDF=$gpu"],"mounts":[{
"hostPath":"$mock/libcuda.so.1","containerPath":"/usr/lib/libcuda.so.1",
"options":["ro"]}]}}
END2

compare=(env "LD_LIBRARY_PATH=$mock" "$belljar" compare --suite gpu --gpus
    "device=$gpu" --cdi-spec-dir "$tmp/cdi" -m 512m --kernel minimal --output
    "$tmp/result.json")
libraries=(--gpu-image belljar-compare-gpu)

# ask PYTHON: rows by their names, the document is d.
ask() {
    python3 - "$tmp/result.json" "$1" <<'END2'
import json, sys
d = json.load(open(sys.argv[1]))
rows = {r["name"]: r for r in d["rows"]}
def why(peer, row="gpu.in"):
    return rows[row].get("failed", {}).get(peer, "")
exec(sys.argv[2])
END2
}

home() {
    same virtio-pci "$(driver_of "$gpu")"
    all_given_back
}

# In the second round the others follow the VM.
in_turn() {
    "${compare[@]}" --with bare,runc,crun,belljar,qemu --runs 2 \
        "${libraries[@]}" >"$tmp/table" 2>&1 || :
    cat "$tmp/table"
    ask '
for row in ("gpu.in", "gpu.out", "gpu.step"):
    for peer in ("bare", "runc", "crun", "belljar"):
        assert len(rows[row]["samples"].get(peer, [])) == 2, (row, peer, rows[row])
assert "no driver for GPUs" in why("qemu"), why("qemu")
assert d["machine"]["gpu"] and d["done"] == 2'
    home
}
check "compare: bare, containers and VMs have the GPU in turn" in_turn

# With the words of `belljar run`; the others go on.
no_library() {
    status 125 "${compare[@]}" --with belljar --runs 1 >"$tmp/table" 2>&1
    ask 'assert "--gpu-image names" in why("belljar"), why("belljar")'
    home
}
check "compare: an image without the driver's library" no_library

busy() {
    start_vm "${minimal[@]}" --device "vfio=$gpu"
    status 125 "${compare[@]}" --with bare,belljar --runs 1 \
        "${libraries[@]}" >"$tmp/table" 2>&1
    cat "$tmp/table"
    ask '
assert "vfio-pci and not with a driver of the host" in why("bare"), why("bare")
assert "is used by VM" in why("belljar"), why("belljar")'
    kill -INT "$vm"
    wait "$vm" || :
    home
}
check "compare: a GPU that a VM has" busy

nobody() {
    ! pgrep '^belljar' >/dev/null
}

# ended SIGNAL STATUS: while the VM has it.
ended() {
    local pid status=0
    "${compare[@]}" --with belljar --runs 50 "${libraries[@]}" \
        >"$tmp/table" 2>&1 &
    pid=$!
    until_true 100 with_driver "$gpu" vfio-pci
    until_true 100 pgrep -x belljar-monitor
    kill -s "$1" $pid
    wait $pid || status=$?
    same "$2" $status
    # Who watches over it is alone then.
    until_true 60 nobody
    home
}
check "compare: Ctrl-C while the VM has it" ended INT 130
check "compare: SIGTERM while the VM has it" ended TERM 143
check "compare: kill -9 while the VM has it" ended KILL 137

# For people with a GPU, here with what the lab has.
by_hand() {
    LD_LIBRARY_PATH=$mock tests/hardware/compare --device "$gpu" \
        --libraries "$mock" --cdi-spec-dir "$tmp/cdi" --kernel minimal \
        --runs 1 --memory 512m --report "$tmp/report.md" >"$tmp/said" 2>&1 || {
        cat "$tmp/said"
        return 1
    }
    same 3 "$(grep -c '^- passed: ' "$tmp/report.md")"
    grep -q '| belljar' "$tmp/report.md"
    grep -q '<svg' "$tmp/report.html"
    home
}
check "compare: tests/hardware/compare" by_hand
check "compare: the host's kernel saw nothing it warns of" host_is_well

# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2154
#
# gpu_rows.sh - `belljar compare --gpus` bare and in containers, on a host of
# files with two GPUs (fake_host.c) and with the libcuda.so.1 of tests/compare.
# VMs have one in tests/vfio/compare.sh.

host=$("$build/tests/cli/fake_host" make)
mock=$build/tests/compare/cuda
[ -e "$mock/libcuda.so.1" ] || echo "compare: 'make testprogs' is missing" >&2
mkdir -p "$host/sys/class/drm/card0" "$work/cdi" "$work/nocdi"
ln -s ../../../0000:01:00.0 "$host/sys/class/drm/card0/device"
driver=$host/sys/bus/pci/devices/0000:01:00.0/driver

hosted() { bj --host-root "$host" --kvm "$work/nokvm" compare -q "$@"; }
rows() {
    LD_LIBRARY_PATH=$mock hosted --suite gpu --runs 1 --format json \
        --gpus device=01:00.0 --cdi-spec-dir "$work/cdi" "$@"
}
# cdi ENV MOUNTS: the vendor's file, with a node that is /dev/null.
cdi() {
    cat >"$work/cdi/acme.json" <<END2
{"cdiVersion":"0.6.0","kind":"acme.com/gpu","devices":[{"name":"0",
"containerEdits":{"deviceNodes":[{"path":"/dev/dri/card0","type":"c",
"major":1,"minor":3}]}}],"containerEdits":{"env":[$1],"mounts":[$2]}}
END2
}
library='{"hostPath":"'$mock/libcuda.so.1'","containerPath":"/usr/lib/libcuda.so.1","options":["ro"]}'
cdi '"MOCK_CUDA_BDF=0000:01:00.0"' "$library"
# failed PEER ROW TEXT: that is why it has no samples.
failed() {
    value "$work/out" "rows['$2']['failed'].get('$1'), rows['$2']['samples'].get('$1')" \
        >"$work/out2"
    grep -qF -- "$3" "$work/out2" && grep -q 'None)$\|None$' "$work/out2"
}
containers=${peers#bare}
containers=${containers#,}

## A GPU: what is refused
try hosted --gpus all
check "several GPUs" said 125 "2 GPUs here, and one is compared; give device=0000:01:00.0"
try hosted --gpus device=7
check "a GPU that is not there" said 125 "there is no GPU 7"
try hosted --gpus device=02:00.0
check "what is no GPU" said 125 "is not a GPU"
try hosted --gpus nonsense
check "words that name none" said 125 "'nonsense'"
try hosted --gpus device=0 busy true
check "a GPU and an image" said 125 "leave it out, or the image 'busy'"
try hosted --suite gpu
check "--suite gpu without one" said 125 "give --gpus too"
for option in --cdi-spec-dir --gpu-image --kernel --kernel-modules; do
    try hosted $option "$work/cdi"
    check "$option without one" said 125 "is about the GPU of --gpus"
done
try hosted --gpus device=0 --gpu-image nosuch
check "an image for VMs that is not there" said 125 "--gpu-image: no image 'nosuch'"
try hosted --from "$work/kept.json" --gpus device=0
check "--from and a GPU" said 125 "--from measures nothing"
check "refusals leave nothing" tidy

## Its rows
cdi '"MOCK_CUDA_BDF=0000:01:00.0"' "$library"
try rows --with "$peers,belljar"
check "the GPU, bare and in containers" is 0
check "... every row has a sample" test "$(value "$work/out" \
    "[sorted(rows[r]['samples']) == sorted('$peers'.split(',')) for r in ('gpu.in', 'gpu.out', 'gpu.step')]")" = '[True, True, True]'
check "... and no other is there" test "$(value "$work/out" 'len(rows)')" = 3
check "... its name is kept" test "$(value "$work/out" "'gpu' in d['machine']")" = True
check "... nothing is left" tidy
try hosted --suite gpu --runs 1 --format json --gpus device=0 --with bare
check "no library: bare" failed bare gpu.in "install the libraries of the GPU's driver"
check "... and nobody measured" is 125
rm "$driver"
try rows --with "$peers"
check "no driver" failed bare gpu.in "has no driver of the host's now"
mkdir -p "$host/sys/bus/pci/drivers/vfio-pci"
ln -s ../../../../bus/pci/drivers/vfio-pci "$driver"
try rows --with "$peers"
check "with vfio-pci" failed bare gpu.in "'belljar gpu unbind 0000:01:00.0' gives it back"
rm "$driver"
ln -s ../../../../bus/pci/drivers/nouveau "$driver"

if [ -n "$containers" ]; then
    one=${containers%%,*}
    try rows --with "$containers" --cdi-spec-dir "$work/nocdi"
    check "both directories are looked at" is 0
    rm "$work/cdi/acme.json"
    try rows --with "$containers"
    check "no CDI file" failed "$one" gpu.step "no CDI file says how a container gets 0000:01:00.0"
    cdi '' ''
    try rows --with "bare,$containers"
    check "a CDI file without the library" failed "$one" gpu.in "the CDI file should mount it"
    check "... is nothing to bare" test "$(value "$work/out" \
        "list(rows['gpu.in']['samples'])")" = "['bare']"
    cdi '"MOCK"' "$library"
    try rows --with "$containers"
    check "a broken CDI file" failed "$one" gpu.in "not NAME=VALUE"
    cdi '"MOCK_CUDA_FAIL=cuLaunchKernel"' "$library"
    try rows --with "$containers"
    check "a call that fails" failed "$one" gpu.step "cuLaunchKernel: unknown error (CUDA_ERROR_UNKNOWN, 999)"
    check "... fails its row alone" test "$(value "$work/out" \
        "'$one' in rows['gpu.out']['samples']")" = True
    cdi '"MOCK_CUDA_BDF=0000:03:00.0"' "$library"
    try rows --with "$containers"
    check "another GPU in the container" failed "$one" gpu.in "device 0000:01:00.0: cuDeviceGetByPCIBusId"
    check "nothing is left of these" tidy
fi
rm -rf "$host"

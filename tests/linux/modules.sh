# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# modules.sh - a distribution's kernel, and modules by alias, by name, on demand.

generic=build/kernels/generic

with_modules() {
    local kind=$1
    shift
    run -q --kernel "$generic/vmlinuz" -m 512m \
        --kernel-modules "$out/modules/$kind" "$@"
}

# virtio_rng and virtio_net are what devices ask for; dummy and loop nobody
# does; the bridge is what the kernel asks its modprobe, our init, for.
by_alias_by_name_and_on_demand() {
    local got
    got=$(with_modules plain --kernel-module 'dummy numdummies=2' \
        --kernel-module loop -- sh -euc 'uname -r
        cat /sys/class/misc/hw_random/rng_current
        ls -d /sys/class/net/dummy1 /dev/loop0 /sys/class/net/eth0
        ip link add br0 type bridge
        ls -d /sys/module/bridge "/lib/modules/$(uname -r)/modules.dep"')
    same "$(cat $generic/version)
virtio_rng.0
/dev/loop0
/sys/class/net/dummy1
/sys/class/net/eth0
/lib/modules/$(cat $generic/version)/modules.dep
/sys/module/bridge" "$got"
}
check "modules: by alias, by name, on demand" by_alias_by_name_and_on_demand

of_the_image() {
    local early
    early=$(ls "$BELLJAR_ROOT"/modules/*/early.cpio | head -n 1)
    same virtio_rng.0 "$(timeout -k 20 120 "$belljar" run --rm -q -m 512m \
        --kernel "$generic/vmlinuz" --initrd "$early" --kernel-modules image \
        modules cat /sys/class/misc/hw_random/rng_current)"
}
check "modules: of the image" of_the_image

# Its name, its device and the kernel's reason are told; the command runs.
misfit_is_a_warning() {
    local err
    err=$(timeout -k 20 120 "$belljar" run --rm -m 512m \
        --kernel "$generic/vmlinuz" --kernel-modules "$out/modules/odd" \
        --kernel-module dummy test ls -d /sys/class/net/dummy0 2>&1)
    echo "$err"
    grep -q "^/sys/class/net/dummy0$" <<<"$err"
    grep "^belljar: device virtio/virtio[0-9]*: load module 'virtio_rng': " \
        <<<"$err" | grep "the kernel says: virtio_rng: version magic '.* UMP"
}
check "modules: one that does not fit is a warning, compressed ones load" \
    misfit_is_a_warning

unknown_module_is_125() {
    local err
    err=$(status 125 with_modules plain --kernel-module nope -- true 2>&1)
    same "belljar: --kernel-module: there is no module 'nope'" "$err"
}
check "modules: an unknown one is 125" unknown_module_is_125

another_kernel_is_refused() {
    local err
    err=$(status 125 run --kernel stock \
        --kernel-modules "$out/modules/plain" -- true 2>&1)
    grep "are for the kernel $(cat $generic/version)" <<<"$err"
}
check "modules: of another kernel are refused before the start" \
    another_kernel_is_refused

# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# boot.sh - kernels, processors, memory, descriptions of the machine.

kernel_runs() {
    same "$(cat "build/kernels/$1/version")" \
        "$(run --kernel "$1" -- uname -r)"
}

cpus() {
    same "$2" "$(run --kernel "$1" --cpus "$2" -- nproc)"
}

# What the guest has is what was asked for, less what its kernel keeps.
memory() {
    local want=$2 least=$3 got
    got=$(run --kernel "$1" -m "${want}m" -- \
        awk '/^MemTotal/ { print int($2 / 1024) }' /proc/meminfo)
    [ "$got" -le "$want" ] && [ "$got" -ge "$least" ] || {
        echo "MemTotal $got MiB of $want, wanted at least $least"
        return 1
    }
}

for kernel in minimal stock; do
    check "boot: $kernel kernel" kernel_runs $kernel
    for n in 1 2 4; do
        check "boot: $kernel kernel, $n vCPUs" cpus $kernel $n
    done
    check "boot: $kernel kernel, 1 GiB" memory $kernel 1024 900
done
check "boot: minimal kernel, 64 MiB" memory minimal 64 30
# belljar gives no VM more than the host has, so this is for the monitor alone.
across_the_hole() {
    local kib
    timeout 120 build/belljar-monitor --kernel build/kernels/minimal/vmlinux \
        --initrd "$out/bare.cpio" --memory 6g --serial stdio \
        --cmdline "console=ttyS0 quiet" </dev/null >"$tmp/console"
    cat "$tmp/console"
    kib=$(awk '/^MemTotal/ { print $2 }' "$tmp/console")
    [ "$kib" -gt $((5900 * 1024)) ] && [ "$kib" -le $((6144 * 1024)) ]
}
check "boot: minimal kernel, 6 GiB across the hole" across_the_hole
check "boot: minimal kernel as a bzImage" \
    prints x run --kernel build/kernels/minimal/bzImage -- echo x
check "boot: machine described by a device tree" \
    prints x run --kernel minimal --hw fdt -- echo x

# The kernel's messages and the processes' on hvc0: nothing comes by the port.
by_virtio_console() {
    local got=0
    timeout 400 build/belljar-monitor --kernel build/kernels/minimal/vmlinux \
        --initrd "$out/bare.cpio" --memory 256m --serial "$tmp/serial" \
        --console stdio --cmdline "console=hvc0" </dev/null >"$tmp/console" ||
        got=$?
    cat "$tmp/console"
    same 0 "$got"
    # The kernel keeps few of the messages from before there is a driver.
    grep -q '^\[.*Run /init' "$tmp/console"
    grep -q '^MemTotal' "$tmp/console"
    same 0 "$(wc -c <"$tmp/serial")"
}
check "boot: the console is a virtio console" by_virtio_console

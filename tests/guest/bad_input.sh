# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2154
#
# bad_input.sh - what the monitor says to mistakes: one sentence on stderr
# that names the thing, status 125, nothing on stdout; see run.sh.

# says PATTERN OPTION...: the monitor is run with the options alone.
says() {
    local pattern=$1 status
    shift
    timeout -s KILL "$LIMIT" "$MON" "$@" >"$T/out" 2>"$T/err" </dev/null
    status=$?
    echo "status $status" >>"$T/out"
    [ "$status" = 125 ] && [ "$(wc -l <"$T/err")" = 1 ] &&
        [ "$(wc -l <"$T/out")" = 1 ] && grep -qE -- "$pattern" "$T/err"
}

HELLO() { echo "$B/guest/hello.elf"; }

t_bad_no_kernel() { says '--kernel is missing'; }

t_bad_balloon_of_huge_pages() {
    says 'huge pages are not divided' --kernel "$(HELLO)" --memory 64m \
        --balloon --hugepages 2m
}

t_bad_memory_max() {
    says '64 MiB are not more than the 64 MiB of --memory; give 66m' \
        --kernel "$(HELLO)" --memory 64m --memory-max 64m &&
        says 'nothing can be plugged in: huge pages' --kernel "$(HELLO)" \
            --memory 64m --memory-max 128m --hugepages 2m &&
        says 'is of no node' --kernel "$(HELLO)" --memory 64m \
            --memory-max 128m --numa 0 &&
        says '5t is too large' --kernel "$(HELLO)" --memory-max 5t
}

t_bad_kernel_missing() {
    says "'$T/none': No such file" --kernel "$T/none"
}

t_bad_kernel_is_text() {
    says "'Makefile'.*(not a|neither)" --kernel Makefile
}

t_bad_kernel_is_a_directory() { says "tests" --kernel tests; }

t_bad_kernel_is_empty() {
    : >"$T/empty"
    says "$T/empty" --kernel "$T/empty"
}

t_bad_kernel_truncated() {
    head -c 8192 "$(HELLO)" >"$T/short"
    says "$T/short" --kernel "$T/short"
}

t_bad_kernel_without_pvh_note() {
    objcopy --update-section .note.pvh=/dev/null "$(HELLO)" "$T/nonote" \
        2>/dev/null
    says "$T/nonote.*PVH" --kernel "$T/nonote"
}

t_bad_memory_too_small_for_kernel() {
    objcopy --change-section-address .data=0x6000000 "$(HELLO)" "$T/far" \
        2>/dev/null
    says "memory is too small.*$T/far" --kernel "$T/far" --memory 64m
}

t_bad_initramfs_too_large() {
    truncate -s 96M "$T/big"
    says "initramfs is too large.*96 MiB" --kernel "$(HELLO)" --memory 64m \
        --initrd "$T/big"
}

t_bad_initramfs_missing() {
    says "$T/none" --kernel "$(HELLO)" --initrd "$T/none"
}

t_bad_memory() {
    says '--memory.*1k' --kernel "$(HELLO)" --memory 1k &&
        says '--memory.*9999t' --kernel "$(HELLO)" --memory 9999t &&
        says "--memory.*'?12q" --kernel "$(HELLO)" --memory 12q &&
        says '--memory.*-1' --kernel "$(HELLO)" --memory=-1
}

# More than any pool holds.
t_bad_hugepages() {
    says "--hugepages: '3m' is not a size.*; give 2m or 1g" \
        --kernel "$(HELLO)" --hugepages 3m &&
        says "65 MiB of guest RAM are not a multiple.*; give the VM 64m or 66m" \
            --kernel "$(HELLO)" --memory 65m --hugepages 2m || return
    [ -d /sys/kernel/mm/hugepages/hugepages-2048kB ] || return 0
    says "needs 2097152 huge pages of 2 MiB, and [0-9]+ are free; make more \(as root: echo [0-9]+ >/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages\)" \
        --kernel "$(HELLO)" --memory 4t --hugepages 2m
}

t_bad_numa() {
    says "--numa: 'x' is not a whole number" --kernel "$(HELLO)" --numa x &&
        says '--numa: 1024 is outside' --kernel "$(HELLO)" --numa 1024 &&
        says '--numa: 2 nodes for 1 vCPU; give --cpus 2 or more' \
            --kernel "$(HELLO)" --numa 0 --numa 0 &&
        says '--numa:.*device tree; use --hw acpi' --kernel "$(HELLO)" \
            --numa 0 --hw fdt &&
        says '--numa: more than 8' --kernel "$(HELLO)" --cpus 9 \
            --numa={0,0,0,0,0,0,0,0,0} &&
        says '--vfio: node=1 of 0000:01:00.0 is none of the guest.s 1 NUMA' \
            --kernel "$(HELLO)" --numa 0 --vfio 0000:01:00.0,cdev=fd:0,node=1 ||
        return
    [ -d /sys/devices/system/node ] || return 0
    says "this host has no NUMA node 1023 with memory" --kernel "$(HELLO)" \
        --numa 1023 &&
        says "4 MiB of guest RAM are too little for 3 NUMA nodes" \
            --kernel "$(HELLO)" --memory 4m --cpus 3 --numa={0,0,0}
}

t_bad_cpus() {
    says '--cpus.*0' --kernel "$(HELLO)" --cpus 0 &&
        says '--cpus.*65' --kernel "$(HELLO)" --cpus 65 &&
        says '--cpus.*two' --kernel "$(HELLO)" --cpus two
}

t_bad_kvm_is_not_kvm() {
    says 'not KVM' --kernel "$(HELLO)" --kvm /dev/null
}

t_bad_kvm_missing() {
    says "there is no '/nonexistent/kvm': load the module" \
        --kernel "$(HELLO)" --kvm /nonexistent/kvm
}

# Root may open anything, but for one capability.
t_bad_kvm_permission() {
    local run=("$MON") MON
    [ "$(id -u)" != 0 ] ||
        run=(setpriv --bounding-set=-dac_override,-dac_read_search "${run[@]}")
    : >"$T/kvm"
    chmod 0 "$T/kvm"
    MON=env
    says "no permission on '.*/kvm'; become" "${run[@]}" \
        --kernel "$(HELLO)" --kvm "$T/kvm"
}

# Under a sanitizer the address space is not ours to limit.
t_bad_memory_limit() (
    MON=build/belljar-monitor
    ulimit -v 300000
    says "refuses 4096 MiB of guest RAM .*; give the VM less" \
        --kernel "$(HELLO)" --memory 4g
)

t_bad_file_size_limit() (
    MON=build/belljar-monitor
    ulimit -f 64
    says "refuses 256 MiB of guest RAM .*; give the VM less" \
        --kernel "$(HELLO)" --memory 256m
)

t_bad_unknown_option() { says 'frobnicate' --kernel "$(HELLO)" --frobnicate; }

t_bad_extra_argument() { says "'more'" --kernel "$(HELLO)" more; }

t_bad_descriptor() { says "fd:77" --kernel "$(HELLO)" --serial fd:77; }

t_bad_command_line_too_long() {
    says 'command line' --kernel "$(HELLO)" \
        --cmdline "$(printf 'x%.0s' {1..5000})"
}

t_bad_disk() {
    says "$T/none" --kernel "$(HELLO)" --disk "$T/none" &&
        says "'qcow2" --kernel "$(HELLO)" --disk /dev/null,qcow2 &&
        says "id takes" --kernel "$(HELLO)" \
            --disk /dev/null,id=a-serial-number-that-is-too-long &&
        says 'cache= takes writeback, none or unsafe' \
            --kernel "$(HELLO)" --disk /dev/null,cache=writethrough &&
        says 'aio= takes io_uring or threads' \
            --kernel "$(HELLO)" --disk /dev/null,aio=native &&
        says '--disk: queues: 17 is outside 1\.\.16' \
            --kernel "$(HELLO)" --disk /dev/null,queues=17 &&
        says 'neither a file nor a block device' \
            --kernel "$(HELLO)" --disk /dev/null,cache=none
}

t_bad_limits() {
    local k
    k=$(HELLO)
    says "--disk: bps: '10q' is not a size" \
        --kernel "$k" --disk /dev/null,bps=10q &&
        says '--disk: bps: at least 1 byte.*; leave it out for no limit' \
            --kernel "$k" --disk /dev/null,bps=0 &&
        says '--disk: bps lacks its value' --kernel "$k" --disk /dev/null,bps &&
        says '--disk: iops lacks its value' \
            --kernel "$k" --disk /dev/null,iops,ro &&
        says '--disk: iops: 0 is outside 1\.\.' \
            --kernel "$k" --disk /dev/null,iops=0 &&
        says "--disk: iops: '1k' is not a whole number" \
            --kernel "$k" --disk /dev/null,iops=1k &&
        says "--disk: 'pps=1' is not an option.*cache= and aio=" \
            --kernel "$k" --disk /dev/null,pps=1 &&
        says "--net: bps: '-1' is not a size" --kernel "$k" --net fd:0,bps=-1 &&
        says '--net: pps: 0 is outside' --kernel "$k" --net fd:0,pps=0 &&
        says '--net: pps lacks its value' --kernel "$k" --net fd:0,pps &&
        says "--net: 'iops=1' is not an option.*bps= and pps=" \
            --kernel "$k" --net fd:0,iops=1 &&
        says '--serial: bps: at least 1' \
            --kernel "$k" --serial stdio,bps=0 &&
        says "--serial: 'iops=1' is not an option of it; there is bps=" \
            --kernel "$k" --serial stdio,iops=1 &&
        says "--serial: bps: '99999999t' is too large" \
            --kernel "$k" --serial stdio,bps=99999999t
}

t_bad_net() {
    local mac
    for mac in 01:00:00:00:00:01 52:54:00:01:02 52:54:00:01:02:03:04 \
        52-54-00-01-02-03 52:54:0:01:02:03 0x:54:00:01:02:03; do
        says "'$mac' is not a unicast" --kernel "$(HELLO)" \
            --net "fd:0,mac=$mac" || return 1
    done
    says "mac=" --kernel "$(HELLO)" --net fd:0,colour=red
}

t_bad_control_socket() {
    : >"$T/taken"
    says "$T/taken" --kernel "$(HELLO)" --control "$T/taken" &&
        [ -f "$T/taken" ] &&
        says "$T/none/x" --kernel "$(HELLO)" --control "$T/none/x" &&
        says "$T/none" --control "$T/control" --kernel "$T/none" &&
        [ ! -e "$T/control" ]
}

t_bad_vsock() {
    says "cid" --kernel "$(HELLO)" --vsock cid=2 &&
        says "cid= is missing" --kernel "$(HELLO)" --vsock "listen=$T/v"
}

t_bad_vfio() {
    local k
    k=$(HELLO)
    says "'1:0.0' is not the full name of a PCI function, such as 0000:01:00.0" \
        --kernel "$k" --vfio 1:0.0,group=fd:9 &&
        says "'0000:01:20.0' is not the full name" \
            --kernel "$k" --vfio 0000:01:20.0,group=fd:9 &&
        says "'0000:C1:00.0' is not the full name" \
            --kernel "$k" --vfio 0000:C1:00.0,group=fd:9 &&
        says '10000:e1:00.0 lacks group= or cdev=' \
            --kernel "$k" --vfio 10000:e1:00.0 &&
        says '0000:01:00.0 lacks group= or cdev=' \
            --kernel "$k" --vfio 0000:01:00.0 &&
        says "'bus=3' is not an option of it" \
            --kernel "$k" --vfio 0000:01:00.0,bus=3 &&
        says "'fd:999' is not an open descriptor" \
            --kernel "$k" --vfio 0000:01:00.0,group=fd:999 &&
        says "'$T/none': No such file" \
            --kernel "$k" --vfio "0000:01:00.0,group=$T/none" &&
        says 'rom= is on or off' \
            --kernel "$k" --vfio 0000:01:00.0,rom=1,group=/dev/null &&
        says 'node.*256' \
            --kernel "$k" --vfio 0000:01:00.0,node=256,group=/dev/null &&
        says 'node=0 of 0000:01:00.0 is none of .*; give --numa' \
            --kernel "$k" --vfio 0000:01:00.0,node=0,group=/dev/null &&
        says '0000:01:00.0 is given twice' \
            --kernel "$k" --vfio 0000:01:00.0,group=/dev/null \
            --vfio 0000:01:00.0,group=/dev/null
}

t_bad_console() {
    local k
    k=$(HELLO)
    says "'width=3' is not an option of it; there are cols=N and rows=N" \
        --kernel "$k" --console "$T/console,width=3" &&
        says 'console: cols.*65535' \
            --kernel "$k" --console "$T/console,cols=65536,rows=1" &&
        says 'cols and rows go together' \
            --kernel "$k" --console "$T/console,cols=80" &&
        says 'can not both read standard input' \
            --kernel "$k" --serial stdio --console stdio &&
        says "open '/nowhere/at/all'" \
            --kernel "$k" --console /nowhere/at/all
}

t_bad_vfio_kernel_side() {
    local k
    k=$(HELLO)
    says 'cdev= needs --iommufd' \
        --kernel "$k" --vfio 0000:01:00.0,cdev=/dev/null &&
        says 'group= and cdev= cannot be mixed' --kernel "$k" \
            --vfio 0000:01:00.0,cdev=/dev/null \
            --vfio 0000:02:00.0,group=/dev/null &&
        says '0000:02:00.0 have the same cdev=fd:0; give each its own' \
            --kernel "$k" --iommufd /dev/null \
            --vfio 0000:01:00.0,cdev=fd:0 --vfio 0000:02:00.0,cdev=fd:0 &&
        says '--vfio-container: not a VFIO container' --kernel "$k" \
            --vfio-container /dev/null --vfio 0000:01:00.0,group=/dev/null &&
        says '--iommufd: no address space.*iommufd' --kernel "$k" \
            --iommufd /dev/null --vfio 0000:01:00.0,cdev=/dev/null || return
    [ -e /dev/vfio/vfio ] ||
        says "there is no '/dev/vfio/vfio': load the module vfio-pci" \
            --kernel "$k" --vfio 0000:01:00.0,group=/dev/null
}

# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2154
#
# lib.sh - what the tests with devices share, besides tests/linux/lib.sh: the
# host's side of a function, and the bare monitor with one.

pci=/sys/bus/pci/devices

# device N: the function behind root port N of tests/lab/vfio.sh.
device() {
    echo "0000:0$1:00.0"
}

driver_of() {
    local link
    link=$(readlink "$pci/$1/driver") || return 0
    basename "$link"
}

group_of() {
    basename "$(readlink "$pci/$1/iommu_group")"
}

# By hand, as the administrator of a host would.
bind_vfio() {
    local bdf
    for bdf; do
        echo vfio-pci >"$pci/$bdf/driver_override"
        [ -z "$(driver_of "$bdf")" ] || echo "$bdf" >"$pci/$bdf/driver/unbind"
        echo "$bdf" >/sys/bus/pci/drivers_probe
        same vfio-pci "$(driver_of "$bdf")"
    done
}

give_back() {
    local bdf
    for bdf; do
        echo >"$pci/$bdf/driver_override"
        [ -z "$(driver_of "$bdf")" ] || echo "$bdf" >"$pci/$bdf/driver/unbind"
        echo "$bdf" >/sys/bus/pci/drivers_probe
    done
}

# node_of BDF: of /dev/vfio, its group's or, with $api "cdev", its own.
node_of() {
    if [ $api = cdev ]; then
        echo "devices/$(basename "$pci/$1"/vfio-dev/vfio*)"
    else
        group_of "$1"
    fi
}

# monitor GUEST BDF [OPTION...]: a payload guest under the bare monitor with that
# function, which is bound to vfio-pci, by its group or, with $api "cdev", by its
# own node.  $before is a command that runs $program.
api=group before=() program=build-san/belljar-monitor
monitor() {
    local elf=build-san/guest/$1.elf bdf=$2 fd status=0 options=()
    shift 2
    [ $api = group ] || options=(--iommufd /dev/iommu)
    exec {fd}<>"/dev/vfio/$(node_of "$bdf")"
    "${before[@]}" timeout -s KILL 100 "$program" --kernel "$elf" \
        --serial stdio --memory 64m "${options[@]}" \
        --vfio "$bdf,$api=fd:$fd" "$@" </dev/null >"$tmp/out" 2>"$tmp/err" ||
        status=$?
    exec {fd}>&-
    cat "$tmp/out" "$tmp/err"
    return $status
}

# payload GUEST BDF [OPTION...]: it has to print "pass" last.
payload() {
    monitor "$@"
    same pass "$(tail -n 1 "$tmp/out")"
}

# The host's kernel complained about nothing since the last call.
host_is_well() {
    local said
    said=$(dmesg | grep -E 'BUG|WARNING|Oops|general protection|Call Trace' ||
        :)
    dmesg -C
    same "" "$said"
}

# Guests of `belljar run`: Debian's generic kernel with its drivers, and for
# what needs no driver the minimal one, which is up much sooner.
generic=(--kernel "$out/generic/vmlinuz" --kernel-modules
    "$out/generic/lib/modules/$(cat "$out/generic/version")" -m 256m)
minimal=(--kernel minimal -m 128m)

# refused BDF TEXT... -- RUN-ARGUMENT...: belljar says one sentence with those
# texts in it, ends with 125, and the function is with the driver it was with.
refused() {
    local bdf=$1 before text texts=()
    shift
    before=$(driver_of "$bdf")
    while [ "$1" != -- ]; do
        texts+=("$1")
        shift
    done
    shift
    status 125 timeout -k 20 60 "$belljar" run --rm "${minimal[@]}" "$@" \
        test true >"$tmp/said" 2>&1 || {
        cat "$tmp/said"
        return 1
    }
    cat "$tmp/said"
    same 1 "$(wc -l <"$tmp/said")"
    for text in "${texts[@]}"; do
        grep -qF -- "$text" "$tmp/said" || {
            echo "not said: $text"
            return 1
        }
    done
    same "$before" "$(driver_of "$bdf")"
    nothing_left
}

# In the background: a container with a device that says "ready" and goes on
# until it is ended.  Sets $vm to the process; its output is in $tmp/vm.
start_vm() {
    local id
    # Of a test that failed.
    for id in $("$belljar" ps -aq); do
        "$belljar" rm -f "$id"
    done
    : >"$tmp/vm"
    timeout -k 20 180 "$belljar" run --rm "$@" test sh -c \
        'echo ready; while :; do sleep 1; done' >"$tmp/vm" 2>"$tmp/vm.err" &
    vm=$!
    until_true 60 grep -q ready "$tmp/vm" || {
        cat "$tmp/vm.err"
        return 1
    }
}

with_driver() {
    [ "$(driver_of "$1")" = "$2" ]
}

# Neither a process, nor a journal entry, nor a driver_override is left.
all_given_back() {
    nothing_left
    ! compgen -G "$BELLJAR_ROOT/devices/*.json" &&
        ! grep -l vfio-pci "$pci"/*/driver_override
}

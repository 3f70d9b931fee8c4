# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2154
#
# cases.sh - one function for each fact about the monitor; see run.sh.

t_hello() {
    guest hello --memory 64m && printed hello
}

events() {
    grep -oE '"(event|reason)":"[a-z]+"' "$T/events" | tr '\n' ' '
}

t_reset_register() {
    start reset --memory 64m --events "$T/events" && ends 0 &&
        [[ $(events) == *'"reason":"reset" ' ]]
}

t_triple_fault_is_a_reset() {
    : >"$T/events"
    start fault --memory 64m --events "$T/events" && ends 0 &&
        [[ $(events) == *'"reason":"reset" ' ]]
}

t_events_in_order() {
    : >"$T/events"
    guest hello --memory 64m --events "$T/events" &&
        [ "$(events)" = '"event":"created" "event":"started" "event":"ended" "reason":"poweroff" ' ]
}

t_memory_64m() { guest memory --memory 64m && printed "MiB: 64"; }
t_memory_1g() { guest memory --memory 1g && printed "MiB: 1024"; }
t_memory_6g() { guest memory --memory 6g && printed "MiB: 6144"; }

# Of the host's pool, and all of it allocated before the guest runs.
t_memory_of_huge_pages() {
    local free=/sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages before
    before=$(cat $free 2>/dev/null) && [ "$before" -ge 32 ] || {
        echo "fewer than 32 free huge pages of 2 MiB" >"$T/out"
        return "$SKIP"
    }
    : >"$T/events"
    guest memory --memory 64m --hugepages 2m --events "$T/events" &&
        printed "MiB: 64" && [ "$(cat $free)" = "$before" ] &&
        grep -q '"event":"memory".*"bytes":67108864,"page":2097152,"threads":1,' \
            "$T/events"
}

# smaps_kb PID FIELD INSIDE: kilobytes of FIELD in the mappings of guest RAM
# (INSIDE 1), or in all others (0).
smaps_kb() {
    awk -v field="$2:" -v inside="$3" '
        /^[0-9a-f]+-[0-9a-f]+ / { on = /guest-ram/ }
        $1 == field && on == inside { n += $2 }
        END { print n + 0 }' "/proc/$1/smaps"
}

monitor_pid() {
    control status | grep -oE '"pid":[0-9]+' | cut -d: -f2
}

t_no_memory_is_touched_in_advance() {
    local kb
    start button --memory 6g --control "$T/control" && expect ready || return 1
    kb=$(smaps_kb "$(monitor_pid)" Rss 1)
    echo "guest RAM in use: $kb KiB" >>"$T/out"
    tell stop && ends 0 && [ "$kb" -gt 0 ] && [ "$kb" -lt 8192 ]
}

# Booted and idle, with every device; sanitizers would measure themselves.
t_own_memory_below_2_MB() {
    local MON=${PLAIN:-build/belljar-monitor} pid kb
    [ -x "$MON" ] || { echo "$MON is not built" >"$T/out"; return "$SKIP"; }
    truncate -s 1M "$T/disk"
    VIA="$HOST net" start button --memory 128m --rng --disk "$T/disk,ro" \
        --disk "$T/disk" --vsock "cid=3,listen=$T/vsock" \
        --control "$T/control" && expect ready || return 1
    pid=$(monitor_pid)
    kb=$(smaps_kb "$pid" Pss 0)
    echo "outside guest RAM: PSS $kb KiB, RSS $(smaps_kb "$pid" Rss 0) KiB;" \
        "guest RAM: $(smaps_kb "$pid" Rss 1) KiB" | tee -a "$T/out" |
        sed 's/^/# /'
    tell stop && ends 0 && [ "$kb" -gt 0 ] && [ "$kb" -lt 2048 ]
}

t_command_line_and_initramfs() {
    head -c 100001 /dev/urandom >"$T/a"
    head -c 70002 /dev/urandom >"$T/b"
    { cat "$T/a"; printf '\0\0\0'; cat "$T/b"; printf '\0\0'; } >"$T/ab"
    guest boot --memory 64m --cmdline "one two=3" --initrd "$T/a" \
        --initrd "$T/b" &&
        printed "cmdline: one two=3" "modules: 0x1" \
            "size: $(printf '0x%x' "$(stat -c %s "$T/ab")")" \
            "sum: $($HOST sum "$T/ab")"
}

t_no_initramfs() { guest boot --memory 64m && printed "modules: 0x0"; }

t_acpi_tables() {
    guest acpi --memory 64m --cpus 3 &&
        printed "ecam: 0xe0000000" "processors: 0x3" "reset: 0x602" \
            "sleep: 0x600"
}

t_processors_1() { guest smp --memory 64m && printed "up: 1"; }
t_processors_2() { guest smp --memory 64m --cpus 2 && printed "up: 2"; }
t_processors_4() { guest smp --memory 64m --cpus 4 && printed "up: 4"; }
t_processors_64() { guest smp --memory 64m --cpus 64 && printed "up: 64"; }

t_processors_that_never_start() { guest hello --memory 64m --cpus 8; }

t_nobody_there_reads_as_ones() { guest nobody --memory 64m; }

t_serial_input() {
    mkfifo "$T/in"
    exec {IN_FD}<>"$T/in"
    IN=$T/in start echo --memory 64m && expect ready &&
        echo "over to you" >&"$IN_FD" && expect "OVER TO YOU" && ends 0
    local r=$?
    exec {IN_FD}>&-
    rm -f "$T/in"
    return $r
}

t_stop_presses_the_power_button() {
    start button --memory 64m --control "$T/control" && expect ready &&
        tell stop && expect pass && ends 0
}

t_kill() {
    : >"$T/events"
    start button --memory 64m --control "$T/control" --events "$T/events" &&
        expect ready && tell kill && ends 124 &&
        [[ $(events) == *'"reason":"killed" ' ]]
}

t_terminated_by_a_signal() {
    : >"$T/events"
    start button --memory 64m --control "$T/control" --events "$T/events" &&
        expect ready && kill -TERM "$(monitor_pid)" && ends 124 &&
        [[ $(events) == *'"reason":"killed" ' ]]
}

t_pause_with_processors_that_never_started() {
    start button --memory 64m --cpus 8 --control "$T/control" &&
        expect ready && tell pause status resume kill && ends 124 &&
        grep -q '"state":"paused"' "$T/out"
}

t_kill_while_processors_spin() {
    start beat --memory 64m --cpus 4 --control "$T/control" && expect ready &&
        tell kill && ends 124
}

# While paused not one exit happens; afterwards they go on.
exits() {
    control status | grep -oE '"exits":[0-9]+' | cut -d: -f2
}

t_pause_and_resume() {
    local a b c
    start beat --memory 64m --cpus 2 --control "$T/control" && expect ready &&
        tell pause || return 1
    a=$(exits)
    b=$(exits)
    tell resume
    # The guest's counter moves again: wait for its next thousand exits.
    for ((c = b; c < b + 1000; )); do c=$(exits); done
    echo "exits: $a $b $c" >>"$T/out"
    tell pause status resume status kill
    ends 124 && [ -n "$a" ] && [ "$a" = "$b" ] &&
        grep -q '"state":"paused"' "$T/out"
}

t_sockets_are_removed() {
    guest hello --memory 64m --control "$T/control" \
        --vsock "cid=3,listen=$T/vsock" &&
        [ ! -e "$T/control" ] && [ ! -e "$T/vsock" ]
}

t_control_answers_nonsense() {
    start button --memory 64m --control "$T/control" && expect ready &&
        tell nonsense resize &&
        tell "$(printf 'x%.0s' {1..200})" &&
        tell stop && ends 0 &&
        [ "$(grep -c '"ok":false' "$T/out")" = 2 ]
}

# A read of configuration space leaves no exit behind.
mmio_exits() {
    control status | grep -oE '"exits_mmio":[0-9]+' | cut -d: -f2
}

config_space() {
    local a='' b=''
    mkfifo "$T/in"
    exec {IN_FD}<>"$T/in"
    IN=$T/in start ecam --memory 64m --rng --control "$T/control" "$@"
    expect reading && a=$(mmio_exits) && echo -n x >&"$IN_FD" &&
        expect read && b=$(mmio_exits) && echo -n x >&"$IN_FD" && ends 0
    local r=$?
    exec {IN_FD}>&-
    rm -f "$T/in"
    echo "MMIO exits: $a $b" >>"$T/out"
    [ "$r" = 0 ] && [ -n "$a" ] && [ "$a" = "$b" ] && printed pass
}

t_configuration_space() { config_space; }
t_configuration_space_without_ACPI() { config_space --hw fdt; }

t_entropy() { guest rng --memory 64m --rng; }

t_console() {
    VIA="$HOST console" guest console --memory 64m
}

# The size of its terminal changes when somebody says so.
t_console_has_another_size() {
    start console_size --memory 64m --console "$T/console,cols=80,rows=25" \
        --control "$T/control" && expect ready &&
        tell "console-size 0 1" "console-size 5" "console-size 132 43" &&
        ends 0 && [ "$(tail -n 1 "$T/out")" = pass ] &&
        [ "$(grep -c '"ok":false' "$T/out")" = 2 ]
}

t_memory_given_back() { guest balloon --memory 64m --balloon; }

# A new size is asked for, and the figures are there.
t_balloon_is_controlled() {
    start button --memory 64m --balloon --control "$T/control" &&
        expect ready &&
        tell "resize 33554432" status "resize 1" "resize nonsense" stop &&
        ends 0 && grep -q '"target":33554432,"actual":0' "$T/out" &&
        [ "$(grep -c '"ok":false' "$T/out")" = 2 ]
}

# More is asked for, used, and asked back; the monitor says what is there.
t_memory_plugged_in() {
    start mem --memory 64m --memory-max 192m --balloon --control "$T/control" &&
        expect ready && tell status "resize 100663296" "resize 201326593" &&
        expect plugged && tell status "resize 67108864" && ends 0 &&
        printed pass "base: 0x100000000" "block: 0x200000" "size: 0x8000000" &&
        grep -q '"plug":{"most":134217728,"requested":0,"plugged":0,"driver":true}' "$T/out" &&
        grep -q '"requested":33554432,"plugged":33554432,"driver":true}' "$T/out" &&
        [ "$(grep -c '"ok":false' "$T/out")" = 1 ]
}

t_message_interrupts() { guest msix --memory 64m --rng; }

# disk_guest GUEST OPTIONS: it copies the first half of a disk onto the second.
disk_guest() {
    head -c 1M /dev/urandom >"$T/disk"
    head -c 512K "$T/disk" >"$T/half"
    guest "$1" --memory 64m --disk "$T/disk,id=the-serial,$2" || {
        grep -q 'this host has no io_uring' "$T/err" && return "$SKIP"
        return 1
    }
    cat "$T/half" "$T/half" | cmp - "$T/disk" >>"$T/out"
}

disk() { disk_guest blk "$1" && printed "sectors: 0x800" "id: the-serial"; }
t_disk() { disk aio=io_uring; }
t_disk_by_threads() { disk aio=threads; }

# Many requests in four queues.
disk_depth() { disk_guest blk_depth "queues=4,$1" && printed "queues: 0x4"; }
t_disk_depth() { disk_depth aio=io_uring; }
t_disk_depth_by_threads() { disk_depth aio=threads; }
t_disk_depth_unsafe() { disk_depth cache=unsafe; }
t_disk_depth_direct() {
    head -c 4096 /dev/zero | dd of="$T/probe" bs=4096 oflag=direct \
        2>>"$T/out" || {
        echo "no direct I/O below $T" >"$T/out"
        return "$SKIP"
    }
    disk_depth cache=none
}

# Figures of each device, and a file that became larger.
t_statistics_and_a_disk_that_grows() {
    truncate -s 1M "$T/disk"
    start button --memory 64m --rng --disk "$T/disk,id=data" \
        --control "$T/control" && expect ready || return 1
    truncate -s 2M "$T/disk"
    tell stats "disk-size data 2097152" "disk-size data 512" \
        "disk-size other 2097152" "disk-size data"
    until control stats >"$T/stats" && grep -q '"bytes":2097152' "$T/stats"; do
        [ -s "$T/stats" ] || return 1
    done
    tell stop && ends 0 && grep -q '"device":"rng"' "$T/out" &&
        grep -q '"device":"blk","id":"data"' "$T/out" &&
        grep -qE '"requests":0,"bytes":0,"exits":[0-9]+,"interrupts":0' "$T/out" &&
        grep -qE '"vcpus":\[\{"io_exits":[1-9]' "$T/out" &&
        grep -qE '"kvm_exits":[1-9]' "$T/out" &&
        [ "$(grep -c '"ok":false' "$T/out")" = 3 ]
}

t_disk_read_only() {
    head -c 1M /dev/urandom >"$T/disk"
    cp "$T/disk" "$T/before"
    guest blk_ro --memory 64m --disk "$T/disk,ro" &&
        cmp "$T/disk" "$T/before" >>"$T/out"
}

t_network() {
    VIA="$HOST net" guest net --memory 64m && printed "mac: 0x52 0x54 0x0 0x1 0x2 0x3"
}

# About 30 frames each way at 10 a second: the first 10 are free.
t_network_at_its_rate() {
    local begin=$SECONDS
    VIA="env NET_OPTIONS=,pps=10 $HOST net" \
        guest net --memory 64m || return 1
    echo "seconds: $((SECONDS - begin))" >>"$T/out"
    [ $((SECONDS - begin)) -ge 1 ]
}

taps() {
    { : <>/dev/net/tun; } 2>/dev/null && [ "$(id -u)" = 0 ] || {
        echo "no tap can be made here" >"$T/out"
        return 1
    }
}

t_network_on_a_tap() {
    taps || return "$SKIP"
    VIA="$HOST tap" guest net --memory 64m
}

t_offloads_on_a_tap() {
    taps || return "$SKIP"
    VIA="env TAP=vnet $HOST tap" guest net_tap --memory 64m
}

t_queues_of_a_tap() {
    taps || return "$SKIP"
    VIA="env TAP=vnet QUEUES=2 $HOST tap" guest net_mq --memory 64m
}

has_vhost() {
    [ -c /dev/vhost-net ] || {
        echo "there is no /dev/vhost-net here" >"$T/out"
        return 1
    }
}

t_queues_by_vhost() {
    taps && has_vhost || return "$SKIP"
    VIA="env TAP=vhost QUEUES=2 $HOST tap" guest net_mq --memory 64m &&
        ! grep -q "going on without it" "$T/err"
}

t_offloads_by_vhost() {
    taps && has_vhost || return "$SKIP"
    VIA="env TAP=vhost $HOST tap" guest net_tap --memory 64m || return 1
    # And it was the kernel that served it, to the end.
    grep -q "vhost-net found a descriptor" "$T/err" &&
        ! grep -q "going on without it" "$T/err"
}

t_sockets_both_ways() {
    VIA="$HOST vsock $T/vsock" guest vsock --memory 64m && printed "cid: 0x7"
}

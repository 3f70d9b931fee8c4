# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2154
#
# files.sh - files in the guest's memory (--pmem); see run.sh.

# The guest has its bytes; the file has none of the guest's.
t_file_in_memory() {
    { head -c 8 /dev/zero; head -c 299992 /dev/urandom; } >"$T/file"
    cp "$T/file" "$T/before"
    guest pmem --memory 64m --pmem "$T/file,ro,id=data" || return 1
    cmp "$T/file" "$T/before" >>"$T/out" &&
        [ "$(grep -cxF "sum: $($HOST sum "$T/file")" "$T/out")" = 2 ]
}

t_files_in_memory_have_statistics() {
    truncate -s 5M "$T/a"
    truncate -s 1 "$T/b"
    start button --memory 64m --pmem "$T/a,ro,id=first" --pmem "$T/b,ro" \
        --control "$T/control" && expect ready && tell stats stop && ends 0 &&
        grep -q '"device":"pmem","id":"first","bytes":6291456,' "$T/out" &&
        grep -q '"id":"pmem","bytes":2097152,' "$T/out"
}

# cut_file WHO STATUS: the second page goes before WHO reads it.
cut_file() {
    local r=1
    head -c 8192 /dev/urandom >"$T/file"
    mkfifo "$T/in"
    exec {IN_FD}<>"$T/in"
    IN=$T/in start pmem_cut --memory 64m --pmem "$T/file,ro,id=data" \
        --cmdline "$1" && expect ready && truncate -s 4096 "$T/file" &&
        echo -n x >&"$IN_FD" && ends "$2" && r=0
    exec {IN_FD}>&-
    rm -f "$T/in"
    ! grep -q "it goes on" "$T/out" && [ "$(wc -l <"$T/err")" -le 2 ] &&
        grep -q "'$T/file' (data) was cut" "$T/err" && [ "$r" = 0 ]
}

t_file_cut_in_memory() { cut_file guest 125; }
t_file_cut_under_a_device() {
    [[ $B != *-san ]] || { echo "ASan has SIGBUS" >"$T/out"; return "$SKIP"; }
    cut_file device 135
}

t_bad_files_in_memory() {
    truncate -s 1M "$T/file"
    : >"$T/empty"
    says "can only be read; write '$T/file,ro'" --pmem "$T/file" &&
        says "'rw' is not an option" --pmem "$T/file,ro,rw" &&
        says "'$T/none': No such file" --pmem "$T/none,ro" &&
        says "'$T/empty' is empty" --kernel "$(HELLO)" --pmem "$T/empty,ro" &&
        says "'$T' is no plain file" --kernel "$(HELLO)" --pmem "$T,ro" || return 1
    truncate -s 4T "$T/file"
    says "ends above the addresses" --kernel "$(HELLO)" --pmem "$T/file,ro" \
        $(printf -- "--pmem $T/file,ro %.0s" {1..15})
}

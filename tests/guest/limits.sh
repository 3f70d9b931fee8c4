# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2154
#
# limits.sh - what a guest may do in a second, by the host's clock; run.sh.

MS_LATE=20000 # how much later a loaded machine may be

now_ms() { echo $(($(date +%s%N) / 1000000)); }

# event_ms NAME: when the monitor says that it happened.
event_ms() {
    local ns
    ns=$(grep "\"event\":\"$1\"" "$T/events" | grep -oE '"ns":[0-9]+')
    echo $((${ns#*:} / 1000000))
}

# reads_last OPTION...: 20 reads of 32 KiB, of which 4 are a second's worth,
# last 4 seconds and not much longer.  The disk's buckets are full when the VM
# starts, so a stall of this machine takes nothing from the lower bound.
reads_last() {
    local ms
    truncate -s 1M "$T/disk"
    : >"$T/events"
    guest blk_rate --memory 64m --events "$T/events" "$@" || return 1
    ms=$(($(event_ms ended) - $(event_ms started)))
    echo "20 reads in $ms ms" | tee -a "$T/out" | sed 's/^/# /'
    printed "20 reads" && [ "$ms" -ge 4000 ] && [ "$ms" -le $((4000 + MS_LATE)) ]
}

t_disk_requests_a_second() { reads_last --disk "$T/disk,iops=4"; }
t_disk_bytes_a_second() { reads_last --disk "$T/disk,bps=128k"; }
t_disk_both_limits() { reads_last --disk "$T/disk,ro,bps=1g,id=x,iops=4"; }

# The end comes although a read is due in 1000 seconds.
t_disk_held() {
    truncate -s 1M "$T/disk"
    guest blk_held --memory 64m --disk "$T/disk,bps=64"
}

# What came out and what the monitor says was dropped are all of it.
t_serial_flood() {
    local begin ms out dropped
    begin=$(now_ms)
    start flood --memory 64m --serial stdio,bps=100 && ends 0 || return 1
    ms=$(($(now_ms) - begin))
    out=$(stat -c %s "$T/out")
    dropped=$(grep -oE '[0-9]+ bytes were dropped' "$T/err" | cut -d' ' -f1)
    echo "# in $ms ms $out bytes came, ${dropped:-0} were dropped"
    [ "$((out + dropped))" = 20000 ] && [ "$out" -ge 100 ] &&
        [ "$out" -le $((101 + ms / 10)) ] && [ "$(wc -l <"$T/err")" = 1 ]
}

# Enough for whoever does not flood.
t_serial_without_a_flood() {
    start flood --memory 64m && ends 0 &&
        [ "$(stat -c %s "$T/out")" = 20000 ] && [ ! -s "$T/err" ]
}

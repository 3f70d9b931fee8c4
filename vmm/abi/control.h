/* SPDX-License-Identifier: Apache-2.0 */
/*
 * control.h - the monitor's control socket (Unix stream) and its events.
 *
 * A request is a word, for some an argument, and a newline; the answer is one
 * JSON object and a newline, always with "ok": true or false, and "error": a
 * sentence when false.  Several requests may follow each other on one
 * connection.
 *
 *   status  {"ok":true,"state":"running","vcpus":2,"memory":...,"exits":...}
 *   pause   vCPUs are out of the guest when the answer comes
 *   resume
 *   stop    press the power button (the guest may take its time)
 *   kill    end now; the process exits with CONTROL_KILLED
 *   resize BYTES  ask the guest to do with that much memory; it takes its time,
 *           and may refuse: below "memory" by its balloon, above by virtio-mem.
 *           Without what it takes ok is false.
 *   stats   {"ok":true,"devices":[{"device":"blk","reads":...},...],
 *           "vcpus":[{"io_exits":...},...]}: what each virtio device has
 *           counted, in the order of the bus, and each vCPU; docs/devices.md
 *           says what is there
 *   disk-size ID BYTES  the file of the disk with that id has grown: the guest
 *           is told once the disk's thread has seen that there are so many
 *           bytes, which "bytes" of stats shows
 *   console-size COLS ROWS  that is how large the virtio console now is
 *
 * With a balloon, status has "balloon":{"target":...,"actual":...,
 * "reported":...,"driver":true,"figures":...}: bytes, whether the guest has a
 * driver that works, and how often it has said the following, for which each
 * status asks it again: "free", "available", "total", "caches", bytes.
 * With virtio-mem, status has "plug":{"most":...,"requested":...,"plugged":...,
 * "driver":true}: bytes beside "memory" that may be plugged in, that are asked
 * for, that the guest has.
 *
 * Events, on the descriptor given with --events, one JSON object a line:
 *   {"event":"created","ns":...}   KVM objects exist
 *   {"event":"memory","ns":...,"bytes":...,"page":...,"threads":...,
 *    "populate_ns":...,"map_ns":...}  all of guest RAM was allocated in
 *       pages of "page" bytes by "threads", and mapped for devices' DMA; only
 *       with huge pages or with devices of the host
 *   {"event":"jail","ns":...,"missing":BITS,"errno":...}
 *                                  walls that this host did not give
 *                                  (enum jail_wall of vmm/jail/jail.h)
 *   {"event":"started","ns":...}   just before the first KVM_RUN
 *   {"event":"device-lost","ns":...,"device":"0000:01:00.0",
 *    "why":"unplug"|"error"}  the host took a function back, or it failed;
 *       the VM goes on without it
 *   {"event":"ended","ns":...,"reason":"poweroff"|"reset"|"killed"|"error"}
 * "ns" is CLOCK_MONOTONIC of the host.
 */
#ifndef VMM_ABI_CONTROL_H
#define VMM_ABI_CONTROL_H

#define CONTROL_MAX_REQUEST 64 /* bytes of a request line, newline included */
#define CONTROL_KILLED	    124 /* exit status after kill */
#define CONTROL_FAILED	    125 /* exit status after an error */

#endif

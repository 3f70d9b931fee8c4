/* SPDX-License-Identifier: Apache-2.0 */
/*
 * guest.h - the benches' program: init of their guests, and the host's end of
 * their connections.  Each argument is a job, its fields parted by ':'.
 *
 *   blk:PATH:read4k|write4k|read1m|write1m:DEPTH:REQUESTS
 *   fs:TAG:FILE            mount TAG, read FILE to its end
 *   ip:ADDRESS:GATEWAY     eth0, with a network of 24 bits
 *   tcp:ADDRESS:PORT:up|down:MIB
 *   vsock:PORT:up|down:MIB      wait for one connection; up is to the host
 *   touch:MIB              touch memory and give it back
 *   wait                   for ever
 *   serve:tcp:ADDRESS:PORT | serve:unix:PATH:PORT | serve:vsock:CID:PORT
 *                          the other end of tcp and vsock
 *   bridge:FD:FD           Ethernet frames both ways, until one ends
 *
 * It prints "begin JOB" and "end JOB UNITS NANOSECONDS" around what is
 * measured, and "failed JOB: why" where the whole run ends.  As init it waits
 * for a line of input before each of them, and at last for ever: its end would
 * be the guest's.
 */
#ifndef TESTS_BENCH_GUEST_H
#define TESTS_BENCH_GUEST_H

#include <stdint.h>

#define FIELDS_MAX 6
#define MIB	   (UINT64_C(1) << 20)

struct job {
	const char *text;
	char *field[FIELDS_MAX + 1]; /* the last one is NULL */
	uint64_t began; /* ns, CLOCK_MONOTONIC */
};

/* Says why, with errno, and ends the program. */
void fail(const struct job *job, const char *what) __attribute__((noreturn));
/* A number of field @i, or the end. */
uint64_t number(const struct job *job, unsigned i);
void begin(struct job *job);
void end(const struct job *job, uint64_t units);

void do_bridge(struct job *job);
void do_blk(struct job *job);
void do_fs(struct job *job);
void do_ip(struct job *job);
void do_tcp(struct job *job);
void do_vsock(struct job *job);
void do_serve(struct job *job);
void do_touch(struct job *job);

#endif

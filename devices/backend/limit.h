/* SPDX-License-Identifier: Apache-2.0 */
/*
 * limit.h - what one direction of a device may do: bytes and operations a
 * second, each a bucket of its own; a request goes when both have enough.
 *
 * Says for how long to wait and never waits itself, so it does not matter who
 * serves the device: a thread that sleeps, or a loop with a timer.  Without
 * limits not even the clock is read.  No lock inside: one thread at a time.
 */
#ifndef DEVICES_BACKEND_LIMIT_H
#define DEVICES_BACKEND_LIMIT_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "devices/backend/bucket.h"

struct limit {
	struct bucket bytes, ops;
};

/* Both a second; 0: no limit of that kind. */
void limit_init(struct limit *l, uint64_t bytes, uint64_t ops);
/* Is there any? */
bool limit_set(const struct limit *l);

/*
 * Nanoseconds until a request of @bytes and @ops may go; 0: now, and then it
 * is to be paid by limit_spend().
 */
uint64_t limit_wait(struct limit *l, uint64_t bytes, uint64_t ops);
void limit_spend(struct limit *l, uint64_t bytes, uint64_t ops);
/* Both at once: paid when it may go. */
uint64_t limit_take(struct limit *l, uint64_t bytes, uint64_t ops);

/* A wait as ppoll() and timerfd_settime() want it. */
struct timespec limit_timespec(uint64_t ns);

#endif

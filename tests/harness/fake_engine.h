/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fake_engine.h - an engine between a disk and its real one, through which a
 * test holds operations, lets them fail, and sees how the disk sleeps.
 */
#ifndef TESTS_HARNESS_FAKE_ENGINE_H
#define TESTS_HARNESS_FAKE_ENGINE_H

#include <stdbool.h>
#include <stdint.h>

#include "devices/backend/engine.h"

/* All of it atomic. */
struct fake {
	const struct engine_ops *real;
	bool hold; /* operations are kept until fake_release() */
	bool hold_writes; /* only those that write */
	int error; /* operations fail with it; 0: they do not */
	unsigned held; /* so many are kept now */
	unsigned submitted; /* since the disk was opened */
	unsigned flushes; /* of them */
	unsigned sleeps; /* calls of wait() that may sleep */
	int64_t sleep_ns; /* it sleeps for so long now; 0: it does not */
};

extern struct fake fake;
extern const struct engine_ops engine_fake;

void fake_begin(const struct engine_ops *real);
/* Wait until @n are held. */
void fake_await_held(unsigned n);
void fake_release(void);

#endif

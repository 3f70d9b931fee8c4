/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fake_control.h - the control socket of the fake monitor: a guest with a
 * balloon that moves at once, but never leaves the guest less than it uses.
 */
#ifndef TESTS_CLI_FAKE_CONTROL_H
#define TESTS_CLI_FAKE_CONTROL_H

#include <stdbool.h>
#include <stdint.h>

struct fake_control {
	int listener;
	uint64_t memory, used; /* bytes */
	uint64_t most, plugged; /* ... that may be plugged in, that are */
	bool driver;
	uint64_t target, actual, figures;
	uint64_t asked; /* for stats: it has read a page each time */
};

/* Serve it in a thread, until the process ends; @c stays. */
void fake_control_start(struct fake_control *c);

#endif

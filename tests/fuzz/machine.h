/* SPDX-License-Identifier: Apache-2.0 */
/*
 * machine.h - a machine with one virtio device (tests/harness/driver.h) and a
 * guest that does what the input says, byte by byte.
 *
 *   begin   1 byte: which features the driver takes
 *   then    one byte what to do, and what that needs (machine.c)
 */
#ifndef TESTS_FUZZ_MACHINE_H
#define TESTS_FUZZ_MACHINE_H

#include "tests/fuzz/input.h"
#include "tests/harness/driver.h"

/* Where payload is, in pages that descriptors can name by one byte. */
#define MACHINE_DATA 0x100000U

struct machine {
	struct driver drv;
	uint64_t features;
	/* The host's part: something of the back end, or a sound request. */
	void (*act)(struct machine *m, struct input *in);
	/* Serve what the loop does not: a disk's queue.  Optional. */
	uint64_t (*serve)(struct virtio_dev *dev);
	/* Of the target. */
	int host[8];
	unsigned nr_host;
};

/*
 * The device @ops is there and its driver has started it.  @cfg as for
 * virtio_open(); m->act and m->serve are set.  machine_close() ends it.
 */
void machine_open(struct machine *m, const struct virtio_ops *ops,
		  const void *cfg, struct input *in);
void machine_close(struct machine *m);

/* Do all that the input says. */
void machine_run(struct machine *m, struct input *in);

/* Kick queue @nr and serve until nothing more happens. */
void machine_kick(struct machine *m, unsigned nr);

#endif

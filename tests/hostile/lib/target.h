/* SPDX-License-Identifier: Apache-2.0 */
/*
 * target.h - the virtio devices an attack is made on, each through a queue of
 * it, and what shows that one still works.
 */
#ifndef TESTS_HOSTILE_LIB_TARGET_H
#define TESTS_HOSTILE_LIB_TARGET_H

#include "tests/guest/lib/virtio.h"
#include "tests/hostile/lib/attack.h"

#define TARGET_QUEUES 5

/* Of the balloon. */
enum {
	BALLOON_INFLATE,
	BALLOON_DEFLATE,
	BALLOON_STATS,
	BALLOON_REPORT_COMPACT,
	BALLOON_REPORT,
	BALLOON_QUEUES
};

struct target {
	const char *name; /* as in "net receive" */
	unsigned id, nth; /* of virtio_find() */
	unsigned queues;
	unsigned nr; /* the queue that is attacked */
	bool writes; /* the device writes its buffers there */
	uint64_t features; /* that good requests need */
	/* All queues are set up: a good request, and its outcome. */
	void (*request)(void);
	/* Something was offered in queue `nr`: have the device look at it. */
	void (*provoke)(void);
};

/* One for each device, then the other direction of net and vsock. */
extern const struct target targets[];
extern const unsigned nr_targets;
extern const unsigned nr_devices; /* of targets[], without the directions */

/* The target in use. */
extern const struct target *target;
extern struct vdev dev;
extern struct queue queues[TARGET_QUEUES];
extern struct queue *victim; /* &queues[target->nr] */

/* Take this one; the one before is reset. */
void target_use(const struct target *t);
/* Reset and start it, with @features besides those it needs. */
void target_begin(uint64_t features);
/* Reset it, and make it do a good request. */
void target_works(void);
/*
 * Offer the chain at @head of the victim and have the device look.  True: it
 * was used; false: that broke the device.
 */
bool target_offer(uint16_t head);

#endif

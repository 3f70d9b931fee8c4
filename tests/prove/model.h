/* SPDX-License-Identifier: Apache-2.0 */
/*
 * model.h - what virtio 1.2, section 2.7, makes of a queue, written once more
 * and as plainly as can be: 128-bit sums, a list of the rules broken, no
 * recursion.  It sees the same values of guest memory as vq.c did, and every
 * access that vq.c made must be one that it wants, in its order.
 */
#ifndef TESTS_PROVE_MODEL_H
#define TESTS_PROVE_MODEL_H

#include "tests/prove/guest.h"

struct model {
	uint16_t size;
	bool indirect, event_idx, broken;
	uint16_t next_avail, next_used, signalled;
	unsigned known; /* chains offered, as far as we looked */
};

/* [@at, @at + @len) lies inside one region. */
bool model_in_ram(gpa_t at, uint64_t len);

/* The result that vq_pop() must have had; compares @c when there is one. */
void model_pop(struct model *m, const struct vq *vq, int ret,
	       const struct vq_chain *c);
void model_push(struct model *m, uint16_t head, uint32_t written);
void model_notify(struct model *m, bool ret);
void model_kicks_off(struct model *m);
void model_kicks_on(struct model *m, bool ret);

#endif

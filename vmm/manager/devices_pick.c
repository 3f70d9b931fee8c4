/* SPDX-License-Identifier: Apache-2.0 */
/*
 * devices_pick.c - which of the free GPUs go together: those that reach each
 * other without crossing the processor.
 */
#include <string.h>

#include "vmm/manager/devices.h"

/* A bridge in common counts more than all that is above it. */
#define NEAR_BRIDGE 4U
#define NEAR_BUS    2U
#define NEAR_NODE   1U

struct place {
	const struct hostdev *dev;
	struct hostdev_path path;
	bool known;
};

static unsigned nearness(const struct place *a, const struct place *b)
{
	unsigned sum = 0;

	if (a->dev->node >= 0 && a->dev->node == b->dev->node)
		sum += NEAR_NODE;
	if (!a->known || !b->known || strcmp(a->path.root, b->path.root) != 0)
		return sum;
	sum += NEAR_BUS;
	for (unsigned i = 0; i < a->path.nr && i < b->path.nr; i++) {
		if (strcmp(a->path.bridge[i], b->path.bridge[i]) != 0)
			break;
		sum += NEAR_BRIDGE;
	}
	return sum;
}

/* Grow a set around @first: each time the one nearest to all that are in. */
static unsigned grow(const struct place *p, size_t nr, size_t n, size_t first,
		     bool in[DEVICES_PICK_MAX])
{
	unsigned sum[DEVICES_PICK_MAX] = { 0 };
	unsigned total = 0;
	size_t last = first;

	memset(in, 0, DEVICES_PICK_MAX * sizeof(*in));
	in[first] = true;
	for (size_t have = 1; have < n; have++) {
		size_t best = nr;

		for (size_t i = 0; i < nr; i++) {
			if (in[i])
				continue;
			sum[i] += nearness(&p[i], &p[last]);
			if (best == nr || sum[i] > sum[best])
				best = i;
		}
		total += sum[best];
		in[best] = true;
		last = best;
	}
	return total;
}

void devices_pick(const struct hostdev_sys *sys,
		  const struct hostdev *const *free, size_t nr, size_t n,
		  const struct hostdev **ret)
{
	struct place p[DEVICES_PICK_MAX];
	bool in[DEVICES_PICK_MAX], best[DEVICES_PICK_MAX] = { false };
	unsigned most = 0;

	for (size_t i = 0; i < nr; i++) {
		p[i].dev = free[i];
		p[i].known = hostdev_path(sys, free[i], &p[i].path, NULL) == 0;
	}
	for (size_t i = 0; i < nr; i++) {
		unsigned sum = grow(p, nr, n, i, in);

		if (i == 0 || sum > most) {
			most = sum;
			memcpy(best, in, sizeof(best));
		}
	}
	for (size_t i = 0; i < nr; i++)
		if (best[i])
			*ret++ = free[i];
}

/* SPDX-License-Identifier: Apache-2.0 */
/* copy.c - gpu.in and gpu.out: copies between pinned memory and the device. */
#include <errno.h>
#include <string.h>

#include "images/compare/gpu/rows.h"
#include "images/compare/pace.h"
#include "vmm/lib/auto.h"

/* So large that what a call costs besides is less than 1% of it. */
#define BYTES (64 * MIB)

#define NS_PER_US 1e3

struct area {
	unsigned char *from, *back; /* pinned */
	cuda_ptr device;
};

static int prepare(const struct cuda *cuda, struct area *a, struct err *err)
{
	void *from = NULL, *back = NULL;
	uint64_t seed = 1;
	int r = cuda_check(cuda, cuda->host_alloc(&from, BYTES, 0),
			   "cuMemHostAlloc", err);

	if (r == 0)
		r = cuda_check(cuda, cuda->host_alloc(&back, BYTES, 0),
			       "cuMemHostAlloc", err);
	if (r == 0)
		r = cuda_check(cuda, cuda->alloc(&a->device, BYTES),
			       "cuMemAlloc", err);
	if (r < 0)
		return r;
	a->from = from;
	a->back = back;
	for (size_t i = 0; i < BYTES; i += sizeof(seed)) {
		uint64_t word = pace_random(&seed);

		memcpy(a->from + i, &word, sizeof(word));
	}
	memset(a->back, 0, BYTES);
	return 0;
}

static int copy(const struct cuda *cuda, const struct area *a, bool in,
		struct err *err)
{
	return in ? cuda_check(cuda, cuda->copy_in(a->device, a->from, BYTES),
			       "cuMemcpyHtoD", err)
		  : cuda_check(cuda, cuda->copy_out(a->back, a->device, BYTES),
			       "cuMemcpyDtoH", err);
}

static int measure(const struct cuda *cuda, bool in, int64_t budget,
		   struct figure *ret, struct err *err)
{
	static struct area a; /* of both rows */
	int r = a.from ? 0 : prepare(cuda, &a, err);

	/* There and back before anything counts: it must arrive. */
	if (r == 0)
		r = copy(cuda, &a, true, err);
	if (r == 0)
		r = copy(cuda, &a, false, err);
	if (r < 0)
		return r;
	if (memcmp(a.from, a.back, BYTES) != 0)
		return err_say(err, EIO,
			       "cuMemcpyDtoH: what came back is not what "
			       "cuMemcpyHtoD sent");

	AUTO_FREE struct times *t = times_new(budget, TIMES_LEAST, err);
	if (!t)
		return -ENOMEM;
	while (r == 0 && times_more(t)) {
		int64_t begin = pace_now();

		r = copy(cuda, &a, in, err);
		if (r == 0)
			times_add(t, pace_now() - begin);
	}
	if (r < 0)
		return r;
	ret->ops = t->n;
	ret->number = BYTES / (times_median(t) / NS_PER_US); /* MB/s */
	return 0;
}

int copy_in(const struct cuda *cuda, int64_t budget, struct figure *ret,
	    struct err *err)
{
	return measure(cuda, true, budget, ret, err);
}

int copy_out(const struct cuda *cuda, int64_t budget, struct figure *ret,
	     struct err *err)
{
	return measure(cuda, false, budget, ret, err);
}

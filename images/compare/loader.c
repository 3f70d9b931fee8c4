/* SPDX-License-Identifier: Apache-2.0 */
/*
 * loader.c - row train.loader: two worker processes read samples from a file
 * in random order, augment them and hand over whole batches in memory that all
 * share.  What goes through pipes is the number of a slot, as the data loaders
 * of training programs have it:
 *
 *   worker  <-- free[w], its own pipe -- trainer: this slot may be filled
 *   worker  --- ready, one for all ---> trainer: this slot is full
 *
 * A pipe that ends says that the other side is gone.
 */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/types.h>
#include <unistd.h>

#include "images/compare/digits.h"
#include "images/compare/pace.h"
#include "images/compare/process.h"
#include "images/compare/scratch.h"
#include "images/compare/suite.h"
#include "vmm/lib/auto.h"
#include "vmm/lib/io.h"

#define WORKERS 2
#define SLOTS	2 /* of each worker: one is filled while one is used */

struct loader {
	int file;
	int ready[2]; /* reads, writes */
	int free[WORKERS][2];
	pid_t pid[WORKERS]; /* 0: not started */
	struct batch *slots; /* WORKERS * SLOTS of them, shared */
};

static int fill(const struct loader *l, struct batch *b, uint64_t *seed)
{
	for (size_t n = 0; n < DIGITS_BATCH; n++) {
		struct digit d;
		uint64_t i = pace_random(seed) % DIGITS_SAMPLES;
		ssize_t got = io_pread_full(l->file, &d, sizeof(d),
					    (off_t)(i * sizeof(d)));

		if (got != sizeof(d))
			return -EIO;
		digits_augment(&d, b->x[n], seed);
		b->kind[n] = d.kind;
	}
	return 0;
}

static void close_end(int *fd)
{
	auto_close_fd(fd);
	*fd = -1;
}

static _Noreturn void work(struct loader *l, int me)
{
	uint64_t seed = (uint64_t)me + 1;
	char slot;

	/* Of the trainer's ends only the trainer may have one. */
	close_end(&l->ready[0]);
	for (int w = 0; w < WORKERS; w++)
		close_end(&l->free[w][1]);

	while (process_get(l->free[me][0], &slot) == 0) {
		if (fill(l, &l->slots[(size_t)slot], &seed) < 0)
			_exit(1);
		/* Nobody wants it any more: that is how it ends. */
		if (process_put(l->ready[1], slot) < 0)
			break;
	}
	_exit(0);
}

static int write_samples(const struct loader *l, struct err *err)
{
	static struct digit digits[DIGITS_SAMPLES];

	digits_make(digits);
	int r = io_write_full(l->file, digits, sizeof(digits));
	return r < 0 ? err_set(err, -r, "write the samples") : 0;
}

static int start(struct loader *l, const char *dir, struct err *err)
{
	l->file = scratch_open(dir, err);
	int r = l->file < 0 ? l->file : write_samples(l, err);
	if (r == 0)
		r = process_make_pipe(l->ready, err);
	for (int w = 0; r == 0 && w < WORKERS; w++)
		r = process_make_pipe(l->free[w], err);
	for (int w = 0; r == 0 && w < WORKERS; w++) {
		l->pid[w] = fork();
		if (l->pid[w] == 0)
			work(l, w);
		if (l->pid[w] < 0)
			r = err_set(err, errno, "start a worker");
	}
	if (r < 0)
		return r;

	close_end(&l->ready[1]);
	for (int slot = 0; r == 0 && slot < WORKERS * SLOTS; slot++)
		r = process_put(l->free[slot / SLOTS][1], (char)slot);
	return r < 0 ? err_set(err, -r, "talk to a worker") : 0;
}

/* Take one batch, look at it as a trainer would, and give the slot back. */
static int take(struct loader *l, struct err *err)
{
	char slot = 0;
	int r = process_get(l->ready[0], &slot);
	if (r < 0)
		return err_set(err, -r, "wait for a batch");

	const struct batch *b = &l->slots[(size_t)slot];
	float sum = 0;
	for (size_t n = 0; n < DIGITS_BATCH; n++) {
		if (b->kind[n] >= DIGITS_KINDS)
			return err_say(err, EIO, "a batch came out damaged");
		for (size_t i = 0; i < DIGITS_PIXELS; i++)
			sum += b->x[n][i];
	}
	pace_keep_double((double)sum);

	r = process_put(l->free[slot / SLOTS][1], slot);
	return r < 0 ? err_set(err, -r, "talk to a worker") : 0;
}

/* @r, or when that is 0 what a worker's end says. */
static int stop(struct loader *l, int r, struct err *err)
{
	for (int w = 0; w < WORKERS; w++)
		close_end(&l->free[w][1]);
	close_end(&l->ready[0]);
	for (int w = 0; w < WORKERS; w++) {
		struct err why = { 0 };

		if (l->pid[w] > 0 &&
		    process_wait(l->pid[w], "a worker", &why) < 0 && r == 0)
			r = err_say(err, why.code, "%s", why.msg);
		close_end(&l->free[w][0]);
	}
	close_end(&l->ready[1]);
	close_end(&l->file);
	(void)munmap(l->slots, sizeof(*l->slots) * WORKERS * SLOTS);
	return r;
}

static int takes(struct loader *l, int64_t budget, struct figure *ret,
		 struct err *err)
{
	int r = 0;

	/* The first batches fill the pipeline. */
	for (int i = 0; r == 0 && i < WORKERS * SLOTS; i++)
		r = take(l, err);

	int64_t begin = pace_now(), now = begin;
	uint64_t batches = 0;
	while (r == 0 && (now - begin < budget || now == begin)) {
		r = take(l, err);
		batches++;
		now = pace_now();
	}
	if (r < 0)
		return r;
	ret->ops = batches * DIGITS_BATCH;
	ret->number = (double)ret->ops * 1e9 / (double)(now - begin);
	return 0;
}

int loader_run(const struct plan *plan, struct figure *ret, struct err *err)
{
	void *slots =
		mmap(NULL, sizeof(struct batch) * WORKERS * SLOTS,
		     PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (slots == MAP_FAILED)
		return err_set(err, errno, "get shared memory");

	struct loader l = {
		.slots = slots,
		.file = -1,
		.ready = { -1, -1 },
		.free = { { -1, -1 }, { -1, -1 } },
	};
	int r = start(&l, plan->dir, err);

	if (r == 0)
		r = takes(&l, plan->budget, ret, err);
	return stop(&l, r, err);
}

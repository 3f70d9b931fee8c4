/* SPDX-License-Identifier: Apache-2.0 */
/*
 * checkpoint.c - row train.checkpoint: model and optimizer written as trainers
 * do who want to find the old checkpoint or the new one after a crash: a new
 * file, fsync, rename over the old.  The digits' model is tiny, so its file is
 * padded to what a small network has.
 */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "images/compare/digits.h"
#include "images/compare/pace.h"
#include "images/compare/scratch.h"
#include "images/compare/suite.h"
#include "vmm/lib/auto.h"
#include "vmm/lib/io.h"

#define SIZE_MIB 16
#define PIECE	 MIB /* for each write() */
#define PATIENCE 2

struct checkpoint {
	char dir[PATH_MAX - 16]; /* of our own */
	char path[PATH_MAX], fresh[PATH_MAX];
	struct model model;
	uint64_t pieces; /* of one file */
	char *buf; /* PIECE bytes */
};

static int write_pieces(const struct checkpoint *c, struct err *err)
{
	AUTO_CLOSE int fd =
		open(c->fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0)
		return err_set(err, errno, "make the file '%s'", c->fresh);

	int r = 0;
	for (uint64_t i = 0; r == 0 && i < c->pieces; i++)
		r = io_write_full(fd, c->buf, PIECE);
	if (r < 0)
		return err_set(err, -r, "write the checkpoint");
	if (fsync(fd) < 0)
		return err_set(err, errno, "flush the checkpoint");
	return 0;
}

/* @n checkpoints. */
static int save(void *state, uint64_t n, struct err *err)
{
	struct checkpoint *c = state;
	int r = 0;

	while (r == 0 && n-- > 0) {
		/* The parameters change between two of them. */
		c->model.param.b0[0] += 1;
		memcpy(c->buf, &c->model, sizeof(c->model));
		r = write_pieces(c, err);
		if (r == 0 && rename(c->fresh, c->path) < 0)
			r = err_set(err, errno, "rename the checkpoint");
	}
	return r;
}

/*
 * SIZE_MIB for all peers, as small files are slower: flushing takes a moment
 * however little there is.  Only where one takes longer than PATIENCE budgets,
 * a quarter, or a sixteenth.
 */
static int choose_size(struct checkpoint *c, int64_t budget, struct err *err)
{
	c->pieces = 1;
	int64_t begin = pace_now();
	int r = save(c, 1, err);
	if (r < 0)
		return r;

	int64_t took = pace_now() - begin;
	c->pieces = SIZE_MIB;
	while (c->pieces > 1 && took * (int64_t)c->pieces > budget * PATIENCE)
		c->pieces /= 4;
	return 0;
}

static int begin(struct checkpoint *c, const char *dir, struct err *err)
{
	static_assert(sizeof(c->model) <= PIECE, "the model is in each piece");
	uint64_t seed = 3;
	int n = snprintf(c->dir, sizeof(c->dir), "%s/suite-XXXXXX", dir);

	if (n < 0 || (size_t)n >= sizeof(c->dir))
		return err_set(err, ENAMETOOLONG, "make a directory in '%s'",
			       dir);
	c->buf = malloc(PIECE);
	if (!c->buf)
		return err_set(err, ENOMEM, "get a megabyte of memory");
	model_init(&c->model);
	scratch_noise(c->buf, PIECE, &seed);

	if (!mkdtemp(c->dir)) {
		int code = errno;

		c->dir[0] = '\0';
		return err_set(err, code, "make a directory in '%s'", dir);
	}
	(void)snprintf(c->path, sizeof(c->path), "%s/model", c->dir);
	(void)snprintf(c->fresh, sizeof(c->fresh), "%s/fresh", c->dir);
	return 0;
}

static void end(const struct checkpoint *c)
{
	if (c->dir[0]) {
		(void)unlink(c->path);
		(void)unlink(c->fresh);
		(void)rmdir(c->dir);
	}
	free(c->buf);
}

int checkpoint_run(const struct plan *plan, struct figure *ret, struct err *err)
{
	static struct checkpoint c;
	struct pace p = { 0 };
	int r = begin(&c, plan->dir, err);

	if (r == 0)
		r = choose_size(&c, plan->budget, err);
	if (r == 0)
		r = pace_run(plan->budget, save, &c, &p, err);
	end(&c);
	if (r < 0)
		return r;
	ret->ops = p.ops;
	ret->number = (double)(p.ops * c.pieces) * MIB * 1e3 / p.ns;
	return 0;
}

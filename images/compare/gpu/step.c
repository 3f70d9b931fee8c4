/* SPDX-License-Identifier: Apache-2.0 */
/*
 * step.c - gpu.step: the five matrix products of one step of training, with
 * the sizes of digits.h: forward through both layers, then what changes the
 * weights of both.  The batch is copied in before them, as a loader's would be.
 *
 * They are small on purpose: what a VM could make slower is talking to the
 * device, not what the device computes.
 */
#include <errno.h>
#include <math.h>
#include <string.h>

#include "images/compare/digits.h"
#include "images/compare/gpu/product.h"
#include "images/compare/gpu/rows.h"
#include "images/compare/pace.h"
#include "vmm/lib/auto.h"

#define NS_PER_MS 1e6
#define BLOCK	  128U
#define CLOSE	  1e-4
#define LARGEST	  (DIGITS_PIXELS * DIGITS_HIDDEN)

enum matrix { X, W0, H, W1, ODDS, D_W1, D_H, D_W0, NR_MATRICES };

static const size_t sizes[NR_MATRICES] = {
	[X] = DIGITS_BATCH * DIGITS_PIXELS,
	[W0] = DIGITS_PIXELS * DIGITS_HIDDEN,
	[H] = DIGITS_BATCH * DIGITS_HIDDEN,
	[W1] = DIGITS_HIDDEN * DIGITS_KINDS,
	[ODDS] = DIGITS_BATCH * DIGITS_KINDS,
	[D_W1] = DIGITS_HIDDEN * DIGITS_KINDS,
	[D_H] = DIGITS_BATCH * DIGITS_HIDDEN,
	[D_W0] = DIGITS_PIXELS * DIGITS_HIDDEN,
};

/* A product of @n columns; a transposed factor has its strides swapped. */
static const struct product {
	enum matrix c, a, b;
	unsigned m, n, k, a_row, a_col, b_row, b_col;
} products[] = {
	{ H, X, W0, DIGITS_BATCH, DIGITS_HIDDEN, DIGITS_PIXELS, DIGITS_PIXELS,
	  1, DIGITS_HIDDEN, 1 },
	{ ODDS, H, W1, DIGITS_BATCH, DIGITS_KINDS, DIGITS_HIDDEN, DIGITS_HIDDEN,
	  1, DIGITS_KINDS, 1 },
	{ D_W1, H, ODDS, DIGITS_HIDDEN, DIGITS_KINDS, DIGITS_BATCH, 1,
	  DIGITS_HIDDEN, DIGITS_KINDS, 1 },
	{ D_H, ODDS, W1, DIGITS_BATCH, DIGITS_HIDDEN, DIGITS_KINDS,
	  DIGITS_KINDS, 1, 1, DIGITS_KINDS },
	{ D_W0, X, D_H, DIGITS_PIXELS, DIGITS_HIDDEN, DIGITS_BATCH, 1,
	  DIGITS_PIXELS, DIGITS_HIDDEN, 1 },
};

#define NR_PRODUCTS (sizeof(products) / sizeof(products[0]))

struct step {
	const struct cuda *cuda;
	struct cuda_function *product;
	cuda_ptr at[NR_MATRICES];
	float host[NR_MATRICES][LARGEST];
};

static int launch(const struct step *s, const struct product *p,
		  struct err *err)
{
	struct product q = *p;
	cuda_ptr c = s->at[q.c], a = s->at[q.a], b = s->at[q.b];
	/* In the order of product.h. */
	void *params[] = { &a,	 &b,	   &c,	     &q.m,     &q.n,
			   &q.k, &q.a_row, &q.a_col, &q.b_row, &q.b_col };
	unsigned blocks = (q.m * q.n + BLOCK - 1) / BLOCK;

	return cuda_check(s->cuda,
			  s->cuda->launch(s->product, blocks, 1, 1, BLOCK, 1, 1,
					  0, NULL, params, NULL),
			  "cuLaunchKernel", err);
}

static int send(const struct step *s, enum matrix m, struct err *err)
{
	return cuda_check(s->cuda,
			  s->cuda->copy_in(s->at[m], s->host[m],
					   sizes[m] * sizeof(float)),
			  "cuMemcpyHtoD", err);
}

static int one_step(const struct step *s, struct err *err)
{
	int r = send(s, X, err);

	for (size_t i = 0; r == 0 && i < NR_PRODUCTS; i++)
		r = launch(s, &products[i], err);
	return r < 0 ? r
		     : cuda_check(s->cuda, s->cuda->synchronize(),
				  "cuCtxSynchronize", err);
}

static int prepare(struct step *s, struct err *err)
{
	const struct cuda *cuda = s->cuda;
	struct cuda_module *module = NULL;
	uint64_t seed = 3;
	int r = cuda_check(cuda, cuda->module(&module, product_ptx),
			   "cuModuleLoadData", err);

	if (r == 0)
		r = cuda_check(
			cuda, cuda->function(&s->product, module, PRODUCT_NAME),
			"cuModuleGetFunction", err);
	for (size_t m = 0; r == 0 && m < NR_MATRICES; m++) {
		for (size_t i = 0; i < sizes[m]; i++)
			s->host[m][i] = pace_random_float(&seed);
		r = cuda_check(cuda,
			       cuda->alloc(&s->at[m], sizes[m] * sizeof(float)),
			       "cuMemAlloc", err);
		if (r == 0)
			r = send(s, m, err);
	}
	return r;
}

/* What the device made of the last one's factors, against this processor. */
static int check(struct step *s, const struct product *p, struct err *err)
{
	const float *a = s->host[p->a], *b = s->host[p->b];
	float *c = s->host[p->c];
	int r = cuda_check(
		s->cuda,
		s->cuda->copy_out(c, s->at[p->c], sizes[p->c] * sizeof(float)),
		"cuMemcpyDtoH", err);

	for (size_t i = 0; r == 0 && i < p->m; i++)
		for (size_t j = 0; r == 0 && j < p->n; j++) {
			double sum = 0, got = (double)c[i * p->n + j];

			for (size_t k = 0; k < p->k; k++)
				sum += (double)a[i * p->a_row + k * p->a_col] *
				       (double)b[k * p->b_row + j * p->b_col];
			if (!(fabs(got - sum) <= CLOSE * (1 + fabs(sum))))
				r = err_say(err, EIO,
					    "cuLaunchKernel: element %zu,%zu "
					    "of product %zu is %g and not %g",
					    i, j, (size_t)(p - products), got,
					    sum);
		}
	return r;
}

int step_run(const struct cuda *cuda, int64_t budget, struct figure *ret,
	     struct err *err)
{
	static struct step s;

	s.cuda = cuda;
	int r = prepare(&s, err);
	if (r == 0)
		r = one_step(&s, err);
	for (size_t i = 0; r == 0 && i < NR_PRODUCTS; i++)
		r = check(&s, &products[i], err);
	if (r < 0)
		return r;

	AUTO_FREE struct times *t = times_new(budget, TIMES_LEAST, err);
	if (!t)
		return -ENOMEM;
	while (r == 0 && times_more(t)) {
		int64_t begin = pace_now();

		r = one_step(&s, err);
		if (r == 0)
			times_add(t, pace_now() - begin);
	}
	if (r < 0)
		return r;
	ret->ops = t->n;
	ret->number = times_median(t) / NS_PER_MS;
	return 0;
}

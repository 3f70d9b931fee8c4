/* SPDX-License-Identifier: Apache-2.0 */
/* cpu.c - rows cpu.*: arithmetic that fits into the caches. */
#include <errno.h>
#include <math.h>
#include <string.h>

#include "images/compare/pace.h"
#include "images/compare/suite.h"

/* One operation of pace_run() is this many rounds of a loop. */
#define ROUNDS 1024

/* What one round of each loop does, counted in its source below. */
#define INTEGER_OPS 16
#define FLOAT_OPS   10

#define SIDE 128 /* of the matrices: three of them fit into 384 KiB */
#define BAND 16 /* rows of the product that are made in one go */
#define STEP 32 /* rows of the right matrix that stay in the first cache */

struct integers {
	uint64_t a, b, c, d, e, f;
};

static int integer_rounds(void *state, uint64_t n, struct err *err)
{
	struct integers *out = state;
	struct integers s = *out;

	(void)err;
	for (uint64_t i = 0; i < n * ROUNDS; i++) {
		/* A chain, each step of which waits for the one before. */
		s.a ^= s.a << 13;
		s.a ^= s.a >> 7;
		s.a ^= s.a << 17;
		/* And some that a processor can do beside it. */
		s.b = s.b * 0x5851f42d4c957f2d + i;
		s.c = (s.c + i) * 0x2545f4914f6cdd1d;
		s.d = (s.d >> 1) ^ s.b;
		s.e += s.a & s.c;
		s.f = (s.f + s.e) / (s.a | 1);
	}
	*out = s;
	return 0;
}

int cpu_integer(const struct plan *plan, struct figure *ret, struct err *err)
{
	struct integers s = { 1, 2, 3, 4, 5, 6 };
	struct pace p;
	int r = pace_run(plan->budget, integer_rounds, &s, &p, err);
	if (r < 0)
		return r;

	pace_keep(s.a ^ s.b ^ s.c ^ s.d ^ s.e ^ s.f);
	ret->ops = p.ops * ROUNDS * INTEGER_OPS;
	ret->number = (double)ret->ops * 1e3 / p.ns;
	return 0;
}

struct floats {
	double x, p, q, sum;
};

static int float_rounds(void *state, uint64_t n, struct err *err)
{
	struct floats *out = state;
	struct floats s = *out;

	(void)err;
	for (uint64_t i = 0; i < n * ROUNDS; i++) {
		/* The logistic map stays between 0 and 1 and never settles. */
		s.x = 3.99 * s.x * (1.0 - s.x);
		s.p = s.p * 0.999 + 0.25;
		s.q = s.q * 0.75 + 0.125;
		s.sum = s.sum * 0.5 + s.x / s.p;
	}
	*out = s;
	return 0;
}

int cpu_float(const struct plan *plan, struct figure *ret, struct err *err)
{
	struct floats s = { 0.3, 1.0, 1.0, 0.0 };
	struct pace p;
	int r = pace_run(plan->budget, float_rounds, &s, &p, err);
	if (r < 0)
		return r;
	if (!isfinite(s.x + s.p + s.q + s.sum))
		return err_say(err, EDOM,
			       "the processor left the range of the formula");

	pace_keep_double(s.x + s.p + s.q + s.sum);
	ret->ops = p.ops * ROUNDS * FLOAT_OPS;
	ret->number = (double)ret->ops * 1e3 / p.ns;
	return 0;
}

struct matrices {
	double a[SIDE][SIDE], b[SIDE][SIDE], c[SIDE][SIDE];
	unsigned next; /* the row of c that the next band begins with */
};

/* c[row] += a[row][k..] * b[k..], one vector of a line at a time. */
static void multiply_row(struct matrices *m, unsigned row, unsigned k)
{
	for (unsigned i = k; i < k + STEP; i++) {
		double factor = m->a[row][i];

		for (unsigned j = 0; j < SIDE; j++)
			m->c[row][j] += factor * m->b[i][j];
	}
}

static int multiply_bands(void *state, uint64_t n, struct err *err)
{
	struct matrices *m = state;

	(void)err;
	while (n-- > 0) {
		unsigned row = m->next;

		memset(m->c[row], 0, sizeof(m->c[0]) * BAND);
		for (unsigned k = 0; k < SIDE; k += STEP)
			for (unsigned i = row; i < row + BAND; i++)
				multiply_row(m, i, k);
		m->next = (row + BAND) % SIDE;
	}
	return 0;
}

/* The sum of a row of a*b is that row of a times the sums of the rows of b. */
static int multiply_check(const struct matrices *m, uint64_t bands,
			  struct err *err)
{
	unsigned rows = bands < SIDE / BAND ? (unsigned)bands * BAND : SIDE;

	for (unsigned i = 0; i < rows; i++) {
		double got = 0, want = 0;

		for (unsigned k = 0; k < SIDE; k++) {
			double sum = 0;

			for (unsigned j = 0; j < SIDE; j++)
				sum += m->b[k][j];
			want += m->a[i][k] * sum;
			got += m->c[i][k];
		}
		if (!(fabs(got - want) < 1e-6))
			return err_say(
				err, EDOM,
				"row %u of the product is wrong: its sum "
				"is %g instead of %g",
				i, got, want);
	}
	return 0;
}

int cpu_matrix(const struct plan *plan, struct figure *ret, struct err *err)
{
	static struct matrices m;
	uint64_t seed = 1;

	for (unsigned i = 0; i < SIDE; i++)
		for (unsigned j = 0; j < SIDE; j++) {
			m.a[i][j] = (double)(pace_random(&seed) % 1024) / 1024;
			m.b[i][j] = (double)(pace_random(&seed) % 1024) / 1024;
		}

	struct pace p;
	int r = pace_run(plan->budget, multiply_bands, &m, &p, err);
	if (r == 0)
		r = multiply_check(&m, p.ops, err);
	if (r < 0)
		return r;

	ret->ops = p.ops * BAND * SIDE * SIDE * 2;
	ret->number = (double)ret->ops * 1e3 / p.ns;
	return 0;
}

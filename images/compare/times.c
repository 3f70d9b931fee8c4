/* SPDX-License-Identifier: Apache-2.0 */
/* times.c - measurements by their times. */
#include "images/compare/times.h"

#include <errno.h>
#include <stdlib.h>

#include "images/compare/pace.h"

struct times *times_new(int64_t budget, size_t least, struct err *err)
{
	struct times *t = calloc(1, sizeof(*t));

	if (!t) {
		(void)err_set(err, ENOMEM, "get memory for times");
		return NULL;
	}
	t->least = least;
	t->until = pace_now() + budget;
	return t;
}

bool times_more(const struct times *t)
{
	return t->n < t->least || (t->n < TIMES_MAX && pace_now() < t->until);
}

void times_add(struct times *t, int64_t ns)
{
	/* A clock that did not move: no division by it. */
	t->ns[t->n++] = ns > 0 ? ns : 1;
}

static int by_value(const void *a, const void *b)
{
	const int64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

double times_median(struct times *t)
{
	qsort(t->ns, t->n, sizeof(t->ns[0]), by_value);
	int64_t median = t->ns[t->n / 2];
	return (double)median;
}

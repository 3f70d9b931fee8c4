/* SPDX-License-Identifier: Apache-2.0 */
/* times.h - as many measurements as a budget has room for, and their median. */
#ifndef IMAGES_COMPARE_TIMES_H
#define IMAGES_COMPARE_TIMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vmm/lib/err.h"

#define TIMES_MAX 65536

struct times {
	int64_t ns[TIMES_MAX];
	size_t n;
	size_t least; /* however long they take */
	int64_t until; /* by pace_now() */
};

/* From now on.  NULL: no memory, with a sentence.  The caller frees it. */
struct times *times_new(int64_t budget, size_t least, struct err *err);

/* Is there time, and room, for one more? */
bool times_more(const struct times *t);
void times_add(struct times *t, int64_t ns);
/* In ns, of one or more, which it sorts. */
double times_median(struct times *t);

#endif

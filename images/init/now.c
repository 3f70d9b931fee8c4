/* SPDX-License-Identifier: Apache-2.0 */
/* now.c - the clock that init waits by. */
#include "images/init/now.h"

#include <time.h>

uint64_t now_ns(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * NOW_S + (uint64_t)t.tv_nsec;
}

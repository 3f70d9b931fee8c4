/* SPDX-License-Identifier: Apache-2.0 */
/* progress.c - a bar on a terminal; silence anywhere else. */
#include "vmm/manager/progress.h"

#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define BAR_WIDTH   30
#define INTERVAL_NS 100000000

static int64_t now_ns(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

void progress_init(struct progress *p, bool quiet)
{
	*p = (struct progress){ .on = !quiet && isatty(STDERR_FILENO) };
}

static void draw(struct progress *p)
{
	char bar[BAR_WIDTH + 1];
	char of[32] = "";
	double done = (double)p->done / 1e6;

	memset(bar, ' ', BAR_WIDTH);
	bar[BAR_WIDTH] = '\0';
	if (p->total > 0) {
		uint64_t most = p->done < p->total ? p->done : p->total;
		double part = (double)most / (double)p->total;
		size_t full = (size_t)(part * BAR_WIDTH);

		memset(bar, '=', full);
		if (full < BAR_WIDTH)
			bar[full] = '>';
		(void)snprintf(of, sizeof(of), "/%.1f", (double)p->total / 1e6);
	}
	(void)fprintf(stderr, "\r\033[K%s%s%s%s %.1f%s MB", p->label,
		      p->total ? " [" : "", p->total ? bar : "",
		      p->total ? "]" : "", done, of);
	(void)fflush(stderr);
	p->drawn = true;
}

void progress_begin(struct progress *p, const char *label, uint64_t total)
{
	p->done = 0;
	p->total = total;
	p->next_ns = 0;
	(void)snprintf(p->label, sizeof(p->label), "%s", label);
	progress_add(p, 0);
}

void progress_add(struct progress *p, uint64_t bytes)
{
	p->done += bytes;
	if (!p->on)
		return;

	int64_t now = now_ns();
	if (now < p->next_ns)
		return;
	p->next_ns = now + INTERVAL_NS;
	draw(p);
}

void progress_clear(struct progress *p)
{
	if (p->drawn)
		(void)fputs("\r\033[K", stderr);
	p->drawn = false;
}

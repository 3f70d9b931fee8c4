/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ram.c - rows ram.*: memory beyond the caches, in pages of the size that the
 * peer's kernel gives to a program that does not ask.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "images/compare/pace.h"
#include "images/compare/suite.h"
#include "vmm/lib/auto.h"

#define AREA_MAX (64 * MIB)
#define AREA_MIN (2 * MIB)
#define PATIENCE 8 /* budgets that preparing the area may take */
#define LINE	 64 /* bytes: a cache's */
#define CHUNK	 (256 * KIB) /* that one operation copies */

struct area {
	char *base;
	size_t size; /* AREA_MAX or a half.. of it; every page was written to */
};

static void area_done(const struct area *a)
{
	if (a->base)
		(void)munmap(a->base, a->size);
}

#define AUTO_AREA __attribute__((cleanup(area_done)))

/* Half of what the kernel would give without killing anybody, in bytes. */
static size_t area_limit(void)
{
	AUTO_FCLOSE FILE *f = fopen("/proc/meminfo", "re");
	char line[128];
	unsigned long kib;

	while (f && fgets(line, sizeof(line), f))
		/* NOLINTNEXTLINE(cert-err34-c): the kernel wrote it */
		if (sscanf(line, "MemAvailable: %lu kB", &kib) == 1 &&
		    kib < AREA_MAX / KIB * 2)
			return kib * KIB / 2;
	return AREA_MAX;
}

/* Touch at most @size bytes of it, or as much as there is time for. */
static size_t area_touch(char *base, size_t size, int64_t budget)
{
	int64_t until = pace_now() + budget * PATIENCE;
	size_t done = 0;

	while (done < size && (done < AREA_MIN || pace_now() < until)) {
		memset(base + done, 1, MIB);
		done += MIB;
	}
	return done;
}

/*
 * The size is the same for all peers wherever possible, as a smaller area is
 * faster: AREA_MAX unless memory is short or touching it takes much longer
 * than measuring, and then a half, a quarter of it...
 */
/* Without base after a failure. */
static struct area area_make(const struct plan *plan, struct err *err)
{
	void *p = mmap(NULL, AREA_MAX, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (p == MAP_FAILED) {
		(void)err_set(err, errno, "map %lu MiB of memory",
			      AREA_MAX / MIB);
		return (struct area){ 0 };
	}

	size_t size = AREA_MAX, limit = area_limit();
	while (size > limit && size > AREA_MIN)
		size /= 2;
	limit = area_touch(p, size, plan->budget);
	while (size > limit)
		size /= 2;

	if (size < AREA_MAX)
		(void)munmap((char *)p + size, AREA_MAX - size);
	return (struct area){ .base = p, .size = size };
}

struct copy {
	struct area area;
	size_t next;
};

static int copy_chunks(void *state, uint64_t n, struct err *err)
{
	struct copy *c = state;
	size_t half = c->area.size / 2;

	(void)err;
	while (n-- > 0) {
		memcpy(c->area.base + half + c->next, c->area.base + c->next,
		       CHUNK);
		c->next = (c->next + CHUNK) % half;
		/* All of memory is read now, as far as the compiler knows. */
		__asm__ volatile("" : : : "memory");
	}
	return 0;
}

int ram_copy(const struct plan *plan, struct figure *ret, struct err *err)
{
	AUTO_AREA struct area area = area_make(plan, err);
	if (!area.base)
		return -err->code;

	struct copy c = { .area = area };
	struct pace p;
	int r = pace_run(plan->budget, copy_chunks, &c, &p, err);
	if (r < 0)
		return r;

	/* Bytes that were copied: each is read once and written once. */
	ret->ops = p.ops;
	ret->number = (double)p.ops * CHUNK * 1e3 / p.ns;
	return 0;
}

struct node {
	struct node *next;
	char rest[LINE - sizeof(struct node *)];
};

/* One cycle through all of the nodes (Sattolo's shuffle). */
static void chain(struct node *nodes, size_t n)
{
	uint64_t seed = 1;

	for (size_t i = 0; i < n; i++)
		nodes[i].next = &nodes[i];
	for (size_t i = n - 1; i > 0; i--) {
		size_t j = pace_random(&seed) % i;
		struct node *next = nodes[i].next;

		nodes[i].next = nodes[j].next;
		nodes[j].next = next;
	}
}

static int chase(void *state, uint64_t n, struct err *err)
{
	struct node **at = state;
	struct node *p = *at;

	(void)err;
	while (n-- > 0)
		p = p->next;
	*at = p;
	return 0;
}

int ram_random(const struct plan *plan, struct figure *ret, struct err *err)
{
	AUTO_AREA struct area area = area_make(plan, err);
	if (!area.base)
		return -err->code;

	/* mmap() has aligned it. */
	struct node *at = (struct node *)(void *)area.base;
	chain(at, area.size / sizeof(*at));

	struct pace p;
	int r = pace_run(plan->budget, chase, &at, &p, err);
	if (r < 0)
		return r;

	pace_keep((uintptr_t)at);
	ret->ops = p.ops;
	ret->number = p.ns / (double)p.ops;
	return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* calls.c - rows sys.* that one process measures alone. */
#include <errno.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "images/compare/pace.h"
#include "images/compare/suite.h"

#define PAGE	    4096UL
#define FAULT_PAGES 256UL /* that are touched between two calls */
#define MMAP_SIZE   (64 * KIB)

static int getpids(void *state, uint64_t n, struct err *err)
{
	const long *want = state;

	/* No library's: that one might remember. */
	while (n-- > 0)
		if (syscall(SYS_getpid) != *want)
			return err_say(err, EPROTO,
				       "getpid() gave two different answers");
	return 0;
}

int calls_getpid(const struct plan *plan, struct figure *ret, struct err *err)
{
	long pid = syscall(SYS_getpid);
	struct pace p;
	int r = pace_run(plan->budget, getpids, &pid, &p, err);
	if (r < 0)
		return r;

	ret->ops = p.ops;
	ret->number = p.ns / (double)p.ops;
	return 0;
}

/* @n times FAULT_PAGES pages: touched, and given back in one call. */
static int faults(void *state, uint64_t n, struct err *err)
{
	volatile char *base = state;

	while (n-- > 0) {
		for (size_t i = 0; i < FAULT_PAGES; i++)
			base[i * PAGE] = 1;
		if (madvise(state, FAULT_PAGES * PAGE, MADV_DONTNEED) < 0)
			return err_set(err, errno, "give pages back");
		if (base[0] != 0)
			return err_say(err, EPROTO,
				       "a page that was given back is not "
				       "fresh: this row cannot be measured");
	}
	return 0;
}

int calls_fault(const struct plan *plan, struct figure *ret, struct err *err)
{
	const size_t size = FAULT_PAGES * PAGE;
	void *base = mmap(NULL, size, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (base == MAP_FAILED)
		return err_set(err, errno, "get a megabyte of memory");

	/* A fault for each page; a kernel without huge pages says EINVAL. */
	(void)madvise(base, size, MADV_NOHUGEPAGE);

	struct pace p;
	int r = pace_run(plan->budget, faults, base, &p, err);
	(void)munmap(base, size);
	if (r < 0)
		return r;

	ret->ops = p.ops * FAULT_PAGES;
	ret->number = p.ns / (double)ret->ops;
	return 0;
}

static int mmaps(void *state, uint64_t n, struct err *err)
{
	(void)state;
	while (n-- > 0) {
		void *p = mmap(NULL, MMAP_SIZE, PROT_READ | PROT_WRITE,
			       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		if (p == MAP_FAILED)
			return err_set(err, errno, "map memory");
		if (munmap(p, MMAP_SIZE) < 0)
			return err_set(err, errno, "unmap memory");
	}
	return 0;
}

int calls_mmap(const struct plan *plan, struct figure *ret, struct err *err)
{
	struct pace p;
	int r = pace_run(plan->budget, mmaps, NULL, &p, err);
	if (r < 0)
		return r;

	ret->ops = p.ops;
	ret->number = p.ns / (double)p.ops;
	return 0;
}

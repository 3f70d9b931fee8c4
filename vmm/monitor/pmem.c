/* SPDX-License-Identifier: Apache-2.0 */
/* pmem.c - files in the guest's memory: their place, and their loss. */
#include "vmm/monitor/pmem.h"

#include <errno.h>
#include <inttypes.h>
#include <linux/kvm.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vmm/lib/log.h"

#define PAGE UINT64_C(4096)

_Static_assert(CONFIG_MAX_PMEM <= GMEM_ROMS, "each is a rom");

/*
 * For on_bus_error(), which is given nothing; written by the main thread when
 * no other is there.  The handler itself stays: taking it away would be a call
 * more at the end.
 */
static const struct pmem *watched;

static uint64_t align_up(uint64_t value, uint64_t align)
{
	return (value + (align - 1)) & ~(align - 1);
}

/*
 * A device of ours read a request, or data for one, from a file that was cut.
 * That is not to be undone; the line says why the process ends.  It ends by the
 * second fault, whose handler is the default again: no call that the filters
 * have no row for.
 */
static void on_bus_error(int sig, siginfo_t *info, void *context)
{
	const unsigned char *at = info->si_addr;

	(void)sig;
	(void)context;
	for (unsigned i = 0; watched && i < watched->nr; i++) {
		const struct pmem_image *image = &watched->image[i];

		if (at >= image->host && at < image->host + image->size)
			log_error("%s", image->said);
	}
	(void)*(const volatile unsigned char *)at;
	__builtin_trap();
}

static int watch(struct pmem *p, struct err *err)
{
	struct sigaction sa = {
		.sa_sigaction = on_bus_error,
		.sa_flags = SA_SIGINFO | SA_NODEFER | (int)SA_RESETHAND,
	};

	p->probe = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (p->probe < 0)
		return err_set(err, errno, "create an eventfd");
	watched = p;
	return sigaction(SIGBUS, &sa, NULL) < 0
		       ? err_set(err, errno, "watch signals")
		       : 0;
}

/* How many bytes @pm has, which is to be a file that can be mapped. */
static int measure(const struct config_pmem *pm, uint64_t *ret, struct err *err)
{
	struct stat st;

	if (fstat(pm->fd, &st) < 0)
		return err_set(err, errno, "--pmem: look at '%s'", pm->name);
	if (!S_ISREG(st.st_mode))
		return err_say(err, EINVAL,
			       "--pmem: '%s' is no plain file; give it by "
			       "--disk",
			       pm->name);
	if (st.st_size == 0)
		return err_say(err, EINVAL, "--pmem: '%s' is empty", pm->name);
	*ret = (uint64_t)st.st_size;
	return 0;
}

/* Zeros to the end, and over them the file. */
static int map_file(struct pmem_image *image, const struct config_pmem *pm,
		    struct err *err)
{
	void *p = mmap(NULL, image->size, PROT_READ,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (p == MAP_FAILED)
		return err_set(err, errno, "--pmem: map '%s'", pm->name);
	image->host = p;
	if (mmap(p, image->pages, PROT_READ, MAP_SHARED | MAP_FIXED, pm->fd,
		 0) == MAP_FAILED)
		return err_set(err, errno, "--pmem: map '%s'", pm->name);
	(void)madvise(p, image->size, MADV_DONTDUMP);
	return 0;
}

static int map_one(struct pmem *p, struct config_pmem *pm, struct gmem *gm,
		   struct slots *slots, uint64_t limit, struct err *err)
{
	struct pmem_image *image = &p->image[p->nr];
	/* Never right behind something else: one too many hits nobody. */
	gpa_t gpa = align_up(gmem_end(gm) + 1, PMEM_SECTION);
	uint64_t size = 0;
	unsigned slot;
	int r = measure(pm, &size, err);

	if (r < 0)
		return r;
	if (gpa >= limit || size > limit - gpa)
		return err_say(err, ERANGE,
			       "--pmem: '%s' of %" PRIu64 " MiB ends above the "
			       "addresses of this host's processor; give it by "
			       "--disk",
			       pm->name, size >> 20);
	*image = (struct pmem_image){
		.id = pm->id,
		.gpa = gpa,
		.size = align_up(size, PMEM_ALIGN),
		.pages = align_up(size, PAGE),
	};
	(void)snprintf(image->said, sizeof(image->said),
		       "'%.150s' (%s) was cut, or cannot be read any more, "
		       "while the VM had it mapped",
		       pm->name, pm->id);
	r = map_file(image, pm, err);
	if (image->host)
		p->nr++; /* pmem_done() has it from here */
	if (r == 0)
		r = slots_add(slots, gpa, image->size, image->host,
			      KVM_MEM_READONLY, &slot, err);
	if (r == 0)
		r = gmem_add_rom(gm, gpa, image->size, image->host);
	return r;
}

int pmem_map(struct pmem *p, struct config *c, struct gmem *gm,
	     struct slots *slots, uint64_t limit, struct err *err)
{
	int r;

	*p = (struct pmem){ .probe = -1 };
	if (c->nr_pmem == 0)
		return 0;
	r = watch(p, err);
	for (unsigned i = 0; r == 0 && i < c->nr_pmem; i++) {
		r = map_one(p, &c->pmem[i], gm, slots, limit, err);
		/* A mapping holds its file by itself. */
		(void)close(c->pmem[i].fd);
		c->pmem[i].fd = -1;
	}
	return r;
}

void pmem_done(struct pmem *p)
{
	for (unsigned i = 0; i < p->nr; i++)
		(void)munmap(p->image[i].host, p->image[i].size);
	if (watched == p) {
		(void)close(p->probe);
		watched = NULL;
	}
	*p = (struct pmem){ .probe = -1 };
}

/*
 * The kernel copies from the last page that the file had, or cannot: by a call
 * that every thread has anyway, into an eventfd that nobody reads.
 */
static bool is_whole(const struct pmem *p, const struct pmem_image *image)
{
	return write(p->probe, image->host + image->pages - 8, 8) >= 0 ||
	       errno != EFAULT;
}

const char *pmem_lost(const struct pmem *p)
{
	for (unsigned i = 0; i < p->nr; i++)
		if (!is_whole(p, &p->image[i]))
			return p->image[i].said;
	return p->nr ? "the host could not read a page of a --pmem file" : NULL;
}

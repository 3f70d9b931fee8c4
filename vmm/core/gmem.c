/* SPDX-License-Identifier: Apache-2.0 */
/* gmem.c - guest RAM as one file, and the only way into it. */
#include "vmm/core/gmem.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <unistd.h>

#include "vmm/core/gmem_priv.h"
#include "vmm/core/layout.h"
#include "vmm/lib/hostmem.h"

/*
 * Nothing is allocated here, so what refuses is a limit: RLIMIT_AS,
 * RLIMIT_FSIZE, strict overcommit, or the address space itself.
 */
static int no_room(int errnum, uint64_t size, struct err *err)
{
	if (errnum != ENOMEM && errnum != EFBIG && errnum != EINVAL)
		return err_set(err, errnum, "make %" PRIu64 " MiB of guest RAM",
			       size >> 20);
	return err_say(err, errnum,
		       "this host refuses %" PRIu64 " MiB of guest RAM (%s); "
		       "give the VM less, or raise the limit ('ulimit -v', "
		       "'ulimit -f', vm.overcommit_memory)",
		       size >> 20, strerrordesc_np(errnum));
}

#define ALIGN (2 * GMEM_PAGE_1G) /* of what may be plugged in */

/* Bytes of the file. */
static uint64_t whole(const struct gmem *gm)
{
	const struct gmem_region *last = &gm->region[gm->nr - 1];

	return last->offset + last->size;
}

static int map_region(struct gmem *gm, struct gmem_region *r, struct err *err)
{
	bool huge = gm->page > GMEM_PAGE_4K;
	/*
	 * Huge pages are reserved here, or the mapping fails: nobody else can
	 * take what is promised to the guest.
	 */
	void *host = mmap(NULL, r->size, PROT_READ | PROT_WRITE,
			  MAP_SHARED | (huge ? 0 : MAP_NORESERVE), gm->fd,
			  (off_t)r->offset);

	if (host == MAP_FAILED && huge && errno == ENOMEM)
		return host_say_huge_pages(gm->root, -1, gm->page,
					   gm->size / gm->page, err);
	if (host == MAP_FAILED)
		return no_room(errno, whole(gm), err);

	/* Not in a core dump; a huge page where the host has one at hand. */
	(void)madvise(host, r->size, MADV_DONTDUMP);
	if (!huge)
		(void)madvise(host, r->size, MADV_HUGEPAGE);
	r->host = host;
	return 0;
}

static int make_file(struct gmem *gm, struct err *err)
{
	gm->fd = gmem_open(whole(gm), gm->page, err);
	if (gm->fd < 0)
		return gm->fd;
	if (ftruncate(gm->fd, (off_t)whole(gm)) < 0)
		return no_room(errno, whole(gm), err);
	return 0;
}

/*
 * Linux adds memory in blocks, of 128 MiB as a rule and of 2 GiB at most, and
 * can use no part of one that begins before the region.
 */
static void lay_out(struct gmem *gm, uint64_t pluggable)
{
	uint64_t low = gm->size;

	if (low > LAYOUT_LOW_RAM_END)
		low = LAYOUT_LOW_RAM_END;
	gm->region[gm->nr++] = (struct gmem_region){ .size = low };
	if (gm->size > low)
		gm->region[gm->nr++] = (struct gmem_region){
			.gpa = LAYOUT_HIGH_RAM,
			.size = gm->size - low,
			.offset = low,
		};
	gm->nr_ram = gm->nr;
	gpa_t end = gmem_end(gm);
	if (pluggable)
		gm->region[gm->nr++] = (struct gmem_region){
			.gpa = (end + ALIGN - 1) & ~(ALIGN - 1),
			.size = pluggable,
			.offset = gm->size,
		};
}

int gmem_init(struct gmem *gm, const struct gmem_config *cfg, struct err *err)
{
	*gm = (struct gmem){
		.fd = -1,
		.size = cfg->size,
		.page = cfg->page ? cfg->page : GMEM_PAGE_4K,
		.nr_nodes = cfg->nr_nodes,
		.threads = cfg->threads,
		.root = cfg->root ? cfg->root : "",
	};
	lay_out(gm, cfg->pluggable);
	int r = gmem_plan(gm, cfg, err);
	if (r == 0)
		r = make_file(gm, err);
	for (unsigned i = 0; r == 0 && i < gm->nr; i++)
		r = map_region(gm, &gm->region[i], err);
	if (r == 0)
		r = gmem_bind(gm, err);
	if (r < 0)
		gmem_done(gm);
	return r;
}

void gmem_done(struct gmem *gm)
{
	for (unsigned i = 0; i < gm->nr; i++)
		if (gm->region[i].host)
			(void)munmap(gm->region[i].host, gm->region[i].size);
	if (gm->fd >= 0)
		(void)close(gm->fd);
	*gm = (struct gmem){ .fd = -1 };
}

static const struct gmem_region *find(const struct gmem *gm, gpa_t gpa)
{
	for (unsigned i = 0; i < gm->nr; i++) {
		const struct gmem_region *r = &gm->region[i];

		if (gpa >= r->gpa && gpa - r->gpa < r->size)
			return r;
	}
	return NULL;
}

void *gmem_ptr(const struct gmem *gm, gpa_t gpa, uint64_t len)
{
	const struct gmem_region *r = find(gm, gpa);

	if (!r || len > r->size - (gpa - r->gpa))
		return NULL;
	return r->host + (gpa - r->gpa);
}

int gmem_iov(const struct gmem *gm, gpa_t gpa, uint64_t len, struct iovec *iov,
	     unsigned *nr, unsigned max)
{
	unsigned n = *nr;

	while (len > 0) {
		const struct gmem_region *r = find(gm, gpa);
		if (!r)
			return -EFAULT;
		if (n >= max)
			return -ENOSPC;

		uint64_t part = r->size - (gpa - r->gpa);
		if (part > len)
			part = len;
		iov[n].iov_base = r->host + (gpa - r->gpa);
		iov[n].iov_len = part;
		n++;
		gpa += part;
		len -= part;
	}
	*nr = n;
	return 0;
}

int gmem_iov_read(const struct gmem *gm, gpa_t gpa, uint64_t len,
		  struct iovec *iov, unsigned *nr, unsigned max)
{
	for (unsigned i = 0; len > 0 && i < gm->nr_roms; i++) {
		const struct gmem_rom *rom = &gm->rom[i];

		if (gpa < rom->gpa || gpa - rom->gpa >= rom->size)
			continue;
		if (len > rom->size - (gpa - rom->gpa))
			return -EFAULT;
		if (*nr >= max)
			return -ENOSPC;
		/* An iovec has no const; who asked for it only reads. */
		iov[*nr].iov_base =
			(void *)(uintptr_t)(rom->host + (gpa - rom->gpa));
		iov[(*nr)++].iov_len = len;
		return 0;
	}
	return gmem_iov(gm, gpa, len, iov, nr, max);
}

int gmem_read(const struct gmem *gm, gpa_t gpa, void *buf, size_t len)
{
	struct iovec iov[GMEM_REGIONS];
	unsigned nr = 0;
	int r = gmem_iov(gm, gpa, len, iov, &nr, GMEM_REGIONS);

	if (r < 0)
		return -EFAULT;
	for (unsigned i = 0; i < nr; i++) {
		memcpy(buf, iov[i].iov_base, iov[i].iov_len);
		buf = (char *)buf + iov[i].iov_len;
	}
	return 0;
}

int gmem_write(const struct gmem *gm, gpa_t gpa, const void *buf, size_t len)
{
	struct iovec iov[GMEM_REGIONS];
	unsigned nr = 0;
	int r = gmem_iov(gm, gpa, len, iov, &nr, GMEM_REGIONS);

	if (r < 0)
		return -EFAULT;
	for (unsigned i = 0; i < nr; i++) {
		memcpy(iov[i].iov_base, buf, iov[i].iov_len);
		buf = (const char *)buf + iov[i].iov_len;
	}
	return 0;
}

/*
 * Writing to the file takes small pages even where the mapping gets huge ones.
 * So fault in one page of each huge page first, of those that will be filled
 * anyway.
 */
static void ask_for_huge(unsigned char *host, uint64_t len)
{
	for (uint64_t off = 0; off < len;) {
		uint64_t at = (uintptr_t)(host + off);

		(void)madvise(host + off - at % GMEM_PAGE_4K, GMEM_PAGE_4K,
			      MADV_POPULATE_WRITE);
		off += GMEM_PAGE_2M - at % GMEM_PAGE_2M;
	}
}

int64_t gmem_fill(const struct gmem *gm, gpa_t gpa, int fd, uint64_t off,
		  uint64_t len)
{
	const struct gmem_region *r = find(gm, gpa);
	off_t from = (off_t)off;
	uint64_t done = 0;

	if (!r || len > r->size - (gpa - r->gpa))
		return -EFAULT;
	if (gm->page > GMEM_PAGE_4K)
		return -EINVAL; /* hugetlbfs has no write */
	if (lseek(gm->fd, (off_t)(r->offset + (gpa - r->gpa)), SEEK_SET) < 0)
		return -errno;
	ask_for_huge(r->host + (gpa - r->gpa), len);
	while (done < len) {
		ssize_t n = sendfile(gm->fd, fd, &from, len - done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		done += (uint64_t)n;
	}
	return (int64_t)done;
}

int64_t gmem_give_back(const struct gmem *gm, const void *host, uint64_t len)
{
	const unsigned char *p = host;
	const struct gmem_region *r = NULL;

	for (unsigned i = 0; i < gm->nr && !r; i++)
		if (p >= gm->region[i].host &&
		    p < gm->region[i].host + gm->region[i].size)
			r = &gm->region[i];
	if (!r || len > r->size - (uint64_t)(p - r->host))
		return -EFAULT;
	if (gm->page > GMEM_PAGE_4K)
		return -EOPNOTSUPP;

	/* Regions and their offsets are whole pages. */
	uint64_t from = r->offset + (uint64_t)(p - r->host);
	uint64_t first = (from + GMEM_PAGE_4K - 1) & ~(GMEM_PAGE_4K - 1);
	uint64_t end = (from + len) & ~(GMEM_PAGE_4K - 1);

	if (first >= end)
		return 0;
	if (fallocate(gm->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
		      (off_t)first, (off_t)(end - first)) < 0)
		return -errno;
	return (int64_t)(end - first);
}

const struct gmem_region *gmem_pluggable(const struct gmem *gm)
{
	return gm->nr > gm->nr_ram ? &gm->region[gm->nr_ram] : NULL;
}

gpa_t gmem_end(const struct gmem *gm)
{
	gpa_t end = LAYOUT_HIGH_RAM;

	for (unsigned i = 0; i < gm->nr; i++)
		if (gm->region[i].gpa + gm->region[i].size > end)
			end = gm->region[i].gpa + gm->region[i].size;
	if (gm->nr_roms)
		end = gm->rom[gm->nr_roms - 1].gpa +
		      gm->rom[gm->nr_roms - 1].size;
	return end;
}

int gmem_add_rom(struct gmem *gm, gpa_t gpa, uint64_t size,
		 const unsigned char *host)
{
	assert(gpa >= gmem_end(gm) && size > 0 && size <= UINT64_MAX - gpa);
	if (gm->nr_roms == GMEM_ROMS)
		return -ENOSPC;
	gm->rom[gm->nr_roms++] = (struct gmem_rom){ gpa, size, host };
	return 0;
}

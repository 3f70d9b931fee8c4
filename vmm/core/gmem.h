/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gmem.h - guest RAM: one file in memory, mapped shared, seen by the guest as
 * one region below the 4 GiB hole and one above, and one behind these that may
 * be plugged in.  Nothing of it is allocated before it is touched, unless it is
 * made of huge pages or populated.
 *
 * Only gmem.c turns a gpa_t into a pointer.  The guest may change any byte at
 * any time: what was read once is not read again.
 */
#ifndef VMM_CORE_GMEM_H
#define VMM_CORE_GMEM_H

#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "vmm/lib/err.h"

/* An address in the guest's physical space. */
typedef uint64_t gpa_t;

#define GMEM_REGIONS   3
#define GMEM_ROMS      16 /* files behind RAM */
#define GMEM_MAX_NODES 8
/* One node's share may lie on both sides of the hole. */
#define GMEM_RANGES (GMEM_MAX_NODES + 1)

#define GMEM_PAGE_4K UINT64_C(0x1000)
#define GMEM_PAGE_2M UINT64_C(0x200000)
#define GMEM_PAGE_1G UINT64_C(0x40000000)

struct gmem_config {
	uint64_t size; /* bytes, a multiple of @page */
	uint64_t page; /* GMEM_PAGE_*; 0: 4K */
	/* Bytes, whole pages, that may be plugged in; with pages of 4K only. */
	uint64_t pluggable;
	unsigned nr_nodes; /* NUMA nodes of the guest; 0: it has no NUMA */
	unsigned node[GMEM_MAX_NODES]; /* the host's, one for each */
	unsigned threads; /* that populate a node at most; 0: 16 */
	const char *root; /* before /sys and /proc, for tests; NULL: "" */
};

struct gmem_region {
	gpa_t gpa;
	uint64_t size;
	uint64_t offset; /* in the file */
	unsigned char *host;
};

/* A file that the guest may read, and devices for it; no RAM. */
struct gmem_rom {
	gpa_t gpa;
	uint64_t size;
	const unsigned char *host;
};

/* What of a region belongs to one node. */
struct gmem_range {
	gpa_t gpa;
	uint64_t size;
	unsigned char *host;
	unsigned node; /* the guest's */
	int host_node; /* -1: memory from anywhere */
};

/* What gmem_populate() did. */
struct gmem_report {
	uint64_t bytes; /* 0: it was not called */
	unsigned threads;
	uint64_t ns;
};

struct gmem {
	int fd;
	uint64_t size, page; /* of what is there at the start */
	unsigned nr; /* the first nr_ram are there at the start */
	unsigned nr_ram;
	struct gmem_region region[GMEM_REGIONS];
	unsigned nr_roms;
	struct gmem_rom rom[GMEM_ROMS]; /* by address */
	unsigned nr_nodes; /* 0: no NUMA, every range is of node 0 */
	unsigned nr_ranges;
	struct gmem_range range[GMEM_RANGES]; /* by address */
	unsigned threads;
	const char *root;
	struct gmem_report report;
};

/*
 * Make RAM.  Regions and ranges are fixed from here on, so no call needs a
 * lock.  Each node gets an equal share, in multiples of 2 MiB or of the page,
 * bound to its host node (MPOL_BIND).  Pages of 4 KiB: nothing is touched yet.
 * Huge pages are reserved, but only gmem_populate() makes sure that none is
 * missing on its node; the guest must not run before.
 *
 * -errno with a sentence: too few huge pages or none of that size, a size
 * that is no multiple, a host node that is not there, a limit.  gmem_done()
 * accepts a gmem that is zeroed except for fd -1.
 */
int gmem_init(struct gmem *gm, const struct gmem_config *cfg, struct err *err);
void gmem_done(struct gmem *gm);

/*
 * Allocate every page now, by several threads for each node, which run on the
 * node's processors and are gone on return.  Bytes that are in RAM already
 * stay.  A second call only reports.  The main thread, before vCPUs run.
 *
 * -ENOMEM with a sentence when the memory is not there (looked up first: the
 * OOM killer is not asked), -EINTR when SIGTERM or SIGINT, being blocked,
 * became pending.
 */
int gmem_populate(struct gmem *gm, struct gmem_report *ret, struct err *err);

/*
 * Host address of [@gpa, @gpa + @len), or NULL when that is not wholly inside
 * one region.  For vq.c (rings) and for what passes straight to the kernel as
 * an iovec; everybody else copies.
 */
void *gmem_ptr(const struct gmem *gm, gpa_t gpa, uint64_t len);

/*
 * Append [@gpa, @gpa + @len) to @iov, of which *@nr of @max entries are used,
 * splitting at the end of a region.  -EFAULT outside RAM, -ENOSPC when @iov
 * is full; *@nr and the entries before it are untouched then.
 */
int gmem_iov(const struct gmem *gm, gpa_t gpa, uint64_t len, struct iovec *iov,
	     unsigned *nr, unsigned max);

/*
 * The same for what a device only reads: in a rom, too.  Who copies from there
 * himself gets SIGBUS if the file was cut meanwhile, the kernel says -EFAULT.
 */
int gmem_iov_read(const struct gmem *gm, gpa_t gpa, uint64_t len,
		  struct iovec *iov, unsigned *nr, unsigned max);

/* Checked copies out of and into guest RAM.  0 or -EFAULT (nothing copied). */
int gmem_read(const struct gmem *gm, gpa_t gpa, void *buf, size_t len);
int gmem_write(const struct gmem *gm, gpa_t gpa, const void *buf, size_t len);

/*
 * Fill [@gpa, @gpa + @len) from @fd at @off inside the host's kernel: no page
 * is zeroed or faulted in first, which is half the cost of a copy by pread().
 * Returns the bytes done, less than @len at the file's end; -EFAULT outside
 * one region, -EINVAL when this file cannot be sent, or not to huge pages.  One
 * thread at a time.
 */
int64_t gmem_fill(const struct gmem *gm, gpa_t gpa, int fd, uint64_t off,
		  uint64_t len);

/*
 * Give the whole pages of [@host, @host + @len), which came from gmem_ptr() or
 * gmem_iov(), back to the host: a hole in the file.  They read as zeros, and
 * are allocated again when they are touched.  Returns the bytes, or -errno:
 * -EFAULT outside one region, -EOPNOTSUPP when RAM is of huge pages, which
 * others might take.  Any thread.
 */
int64_t gmem_give_back(const struct gmem *gm, const void *host, uint64_t len);

/*
 * What may be plugged in, behind all other RAM, on a multiple of 2 GiB; NULL:
 * nothing.  It is in no map that the guest gets; which parts of it are there,
 * devices/virtio/mem.c keeps.  Here it is like any RAM: whoever touches what is
 * not plugged in has pages allocated, which the VM's cgroup counts.
 */
const struct gmem_region *gmem_pluggable(const struct gmem *gm);

/* First address above all RAM and roms, at least 4 GiB. */
gpa_t gmem_end(const struct gmem *gm);

/*
 * [@host, @host + @size), mapped to be read only, is at @gpa from now on, not
 * below gmem_end(); the memory stays the caller's.  Before vCPUs run.  -ENOSPC:
 * GMEM_ROMS are there.  That KVM shows it to the guest is the caller's work.
 */
int gmem_add_rom(struct gmem *gm, gpa_t gpa, uint64_t size,
		 const unsigned char *host);

#endif

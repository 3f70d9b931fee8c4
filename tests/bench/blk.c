/* SPDX-License-Identifier: Apache-2.0 */
/*
 * blk.c - what a disk's requests cost the host: the device model alone, driven
 * through its queue by the harness's driver, without KVM.
 *
 *   blk ENGINE MODE WORK FILE REQUESTS
 *
 * ENGINE is io_uring or threads.  MODE is cached (the file is in the page
 * cache), cold (it is not when all begins) or direct (cache=none).
 * WORK is read1 or read32 (4 KiB at random, one or 32 at a time), write32, seq
 * or seqwrite (1 MiB, 4 at a time).  Prints nanoseconds and processor
 * nanoseconds of the disk's thread for each request.  System calls are counted
 * from outside (blk.py).
 */
#include <fcntl.h>
#include <linux/virtio_blk.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "devices/backend/engine.h"
#include "devices/virtio/pci.h"
#include "tests/harness/disk_guest.h"

#define BLOCK	4096U
#define MEG	(1U << 20)
#define LATE_MS 30000 /* on the busiest machine */
#define PIECES	16U /* of a request of 1 MiB, 64 KiB each */

struct work {
	const char *name;
	uint32_t type, len;
	unsigned depth, pieces;
	bool random;
};

static const struct work works[] = {
	{ "read1", VIRTIO_BLK_T_IN, BLOCK, 1, 1, true },
	{ "read32", VIRTIO_BLK_T_IN, BLOCK, 32, 1, true },
	{ "write32", VIRTIO_BLK_T_OUT, BLOCK, 32, 1, true },
	{ "seq", VIRTIO_BLK_T_IN, MEG, 4, PIECES, false },
	{ "seqwrite", VIRTIO_BLK_T_OUT, MEG, 4, PIECES, false },
};

static struct disk_guest g;

/* What is offered again and again, one for each in flight. */
static struct offered {
	gpa_t head, data, status;
	uint16_t first; /* descriptor */
} slot[32];

static uint64_t now(clockid_t clock)
{
	struct timespec t;

	(void)clock_gettime(clock, &t);
	return (uint64_t)t.tv_sec * 1000000000U + (uint64_t)t.tv_nsec;
}

/* Of all threads but the one that asks. */
static uint64_t others_ns(void)
{
	return now(CLOCK_PROCESS_CPUTIME_ID) - now(CLOCK_THREAD_CPUTIME_ID);
}

static void make_slots(const struct work *w)
{
	for (unsigned i = 0; i < w->depth; i++) {
		struct offered *s = &slot[i];
		struct driver_buf buf[PIECES + 2];
		unsigned n = 0;

		s->head = disk_header(&g, w->type, 0);
		s->data = driver_alloc(&g.drv, w->len);
		s->status = driver_alloc(&g.drv, 1);
		s->first = g.drv.queue[0].next_desc;
		buf[n++] = (struct driver_buf){ s->head, 16, false };
		for (unsigned p = 0; p < w->pieces; p++)
			buf[n++] = (struct driver_buf){
				s->data + (uint64_t)p * (w->len / w->pieces),
				w->len / w->pieces, w->type == VIRTIO_BLK_T_IN
			};
		buf[n++] = (struct driver_buf){ s->status, 1, true };
		(void)driver_chain(&g.drv.queue[0], buf, n);
	}
}

static void place(const struct work *w, struct offered *s, uint64_t nr,
		  uint64_t blocks)
{
	struct virtio_blk_outhdr *h = driver_ptr(&g.drv, s->head, sizeof(*h));
	uint64_t at = w->random ? (uint64_t)random() % blocks : nr % blocks;

	h->sector = htole64(at * (w->len / DISK_SECTOR));
}

/* As a driver does it: kick when the device asks for that. */
static bool kick_wanted(uint16_t old)
{
	const struct driver_queue *q = &g.drv.queue[0];
	const le16_t *event =
		gmem_ptr(&g.drv.gm, q->used + 4 + UINT64_C(8) * q->size, 2);

	return vring_need_event(le16_load_acquire(event), q->avail_idx, old);
}

static unsigned run(const struct work *w, uint64_t requests, uint64_t blocks)
{
	struct driver_queue *q = &g.drv.queue[0];
	struct pollfd irq = { g.drv.dev->pci->msix.vector[1].irq.fd, POLLIN,
			      0 };
	uint64_t begun = w->depth, done = 0;
	unsigned kicks = 1;
	uint32_t id;

	driver_kick(&g.drv, 0);
	while (done < requests) {
		uint16_t before = q->avail_idx;

		while (done < requests && driver_take(q, &id, NULL)) {
			struct offered *s = &slot[id / (w->pieces + 2)];

			done++;
			if (begun >= requests)
				continue;
			place(w, s, begun++, blocks);
			driver_offer(q, (uint16_t)id);
		}
		if (q->avail_idx != before && kick_wanted(before)) {
			driver_kick(&g.drv, 0);
			kicks++;
		}
		if (q->avail_idx == before && done < requests) {
			/* Time is no help: what is lost is a bug. */
			if (poll(&irq, 1, LATE_MS) == 0) {
				(void)fprintf(stderr, "no interrupt came\n");
				abort();
			}
			(void)driver_interrupted(&g.drv, 1);
		}
	}
	return kicks;
}

/* All of it comes into the page cache. */
static bool warm(int fd, off_t size)
{
	static char buf[MEG];

	for (off_t at = 0; at < size; at += (off_t)sizeof(buf))
		if (pread(fd, buf, sizeof(buf), at) < 0)
			return false;
	return true;
}

/* False: there is no such mode, or it cannot be had. */
static bool set_mode(const char *mode, int fd, off_t size)
{
	if (strcmp(mode, "cached") == 0)
		return warm(fd, size);
	if (strcmp(mode, "cold") == 0)
		return fsync(fd) == 0 &&
		       posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED) == 0;
	disk_config.cache = BLK_NONE;
	return strcmp(mode, "direct") == 0;
}

static const struct work *work_named(const char *name)
{
	for (size_t i = 0; i < sizeof(works) / sizeof(works[0]); i++)
		if (strcmp(works[i].name, name) == 0)
			return &works[i];
	return NULL;
}

int main(int argc, char **argv)
{
	const struct work *w = argc == 6 ? work_named(argv[3]) : NULL;
	struct stat st;

	if (!w) {
		(void)fprintf(stderr,
			      "usage: blk ENGINE MODE WORK FILE REQUESTS\n");
		return 2;
	}
	disk_config.engine = engine_named(argv[1]);
	disk_config.fd = open(argv[4], O_RDWR | O_CLOEXEC);
	if (!disk_config.engine || disk_config.fd < 0 ||
	    fstat(disk_config.fd, &st) < 0 ||
	    !set_mode(argv[2], disk_config.fd, st.st_size)) {
		(void)fprintf(stderr, "blk: '%s' cannot be used so\n", argv[4]);
		return 2;
	}
	disk_open_size(&g, (size_t)st.st_size);
	uint64_t requests = strtoull(argv[5], NULL, 10);

	make_slots(w);
	uint64_t cpu = others_ns();
	uint64_t begin = now(CLOCK_MONOTONIC);
	unsigned kicks = run(w, requests, (uint64_t)st.st_size / w->len);
	uint64_t ns = now(CLOCK_MONOTONIC) - begin;
	cpu = others_ns() - cpu;
	(void)printf("%llu %llu %u\n", (unsigned long long)(ns / requests),
		     (unsigned long long)(cpu / requests), kicks);
	disk_close(&g);
	return 0;
}

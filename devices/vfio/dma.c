/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dma.c - the I/O address space: guest RAM at the guest's own addresses, and
 * the BARs of our functions where they are decoded, so that one function can
 * reach another's memory.
 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "devices/vfio/priv.h"
#include "vmm/lib/log.h"

#define MIB (UINT64_C(1) << 20)

static uint64_t now_ns(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * UINT64_C(1000000000) + (uint64_t)t.tv_nsec;
}

static int check_region(const struct gmem_region *reg,
			const struct vfio_range *range, unsigned nr,
			struct err *err)
{
	uint64_t last = reg->gpa + reg->size - 1;
	uint64_t usable = 0; /* last address usable from the beginning on */

	for (unsigned i = 0; i < nr; i++) {
		if (reg->gpa < range[i].first || reg->gpa > range[i].last)
			continue;
		if (last <= range[i].last)
			return 0;
		usable = range[i].last;
	}
	if (usable == 0)
		return err_say(err, ERANGE,
			       "the host's IOMMU cannot reach guest RAM at "
			       "0x%" PRIx64 "; give less --memory",
			       reg->gpa);
	return err_say(err, ERANGE,
		       "the host's IOMMU reserves addresses from 0x%" PRIx64
		       " on, where guest RAM would be; give --memory %" PRIu64
		       "m less",
		       usable + 1, (last - usable + MIB - 1) / MIB);
}

static int check_ranges(struct vfio *vfio, struct err *err)
{
	struct vfio_range range[VFIO_RANGES_MAX];
	const struct gmem *gm = vfio->env.gm;
	int n = vfio->ops->ranges(vfio, range);

	if (n < 0)
		return err_set(err, -n, "ask for the IOMMU's address ranges");
	/* None said, or more than we look at: mapping will tell. */
	if (n == 0 || n > VFIO_RANGES_MAX)
		return 0;
	for (unsigned i = 0; i < gm->nr; i++) {
		int r = check_region(&gm->region[i], range, (unsigned)n, err);

		if (r < 0)
			return r;
	}
	return 0;
}

static int refuse_map(const struct gmem *gm, const struct gmem_region *reg,
		      int r, struct err *err)
{
	struct rlimit limit;

	if (r == -ENOMEM && getrlimit(RLIMIT_MEMLOCK, &limit) == 0 &&
	    limit.rlim_cur != RLIM_INFINITY && limit.rlim_cur < gm->size)
		return err_say(
			err, ENOMEM,
			"a device needs all %" PRIu64 " MiB of guest RAM "
			"locked, and the limit on locked memory is %" PRIu64
			" MiB; raise it ('ulimit -l %" PRIu64
			"', LimitMEMLOCK=, or CAP_IPC_LOCK)",
			gm->size / MIB, (uint64_t)limit.rlim_cur / MIB,
			gm->size / 1024 + 65536);
	if (r == -ENOMEM)
		return err_say(err, ENOMEM,
			       "the host has not enough free memory to lock "
			       "all %" PRIu64 " MiB of guest RAM for a "
			       "device; give less --memory",
			       gm->size / MIB);
	return err_set(err, -r,
		       "map %" PRIu64 " MiB of guest RAM at 0x%" PRIx64
		       " for DMA",
		       reg->size / MIB, reg->gpa);
}

int vfio_dma_map_ram(struct vfio *vfio, struct vfio_times *ret, struct err *err)
{
	const struct gmem *gm = vfio->env.gm;
	uint64_t begin = now_ns();
	int r = check_ranges(vfio, err);

	/* A region in one go: the kernel uses the largest pages it can. */
	for (unsigned i = 0; r == 0 && i < gm->nr; i++) {
		const struct gmem_region *reg = &gm->region[i];

		r = vfio->ops->map(vfio, reg->gpa, reg->size, reg->host);
		if (r < 0)
			r = refuse_map(gm, reg, r, err);
	}
	if (r < 0)
		return r;
	ret->map_ns = now_ns() - begin;
	ret->bytes = gm->size;
	return 0;
}

void vfio_dma_map_piece(struct vfio *vfio, struct vfio_piece *piece)
{
	int r;

	/* Nobody else is there: a BAR of 256 GiB takes its time. */
	if (vfio->nr_devs < 2)
		return;
	r = vfio->ops->map(vfio, piece->gpa, piece->size, piece->host);
	piece->in_dma = r >= 0;
	if (r < 0 && !vfio->warned_p2p) {
		vfio->warned_p2p = true;
		log_warn("the host does not let devices reach each other's "
			 "memory (map a BAR of %" PRIu64 " KiB for DMA: %s), "
			 "ignoring",
			 piece->size / 1024, strerrordesc_np(-r));
	}
}

void vfio_dma_unmap_piece(struct vfio *vfio, struct vfio_piece *piece)
{
	/* What cannot be unmapped went with the function. */
	if (piece->in_dma)
		(void)vfio->ops->unmap(vfio, piece->gpa, piece->size);
	piece->in_dma = false;
}

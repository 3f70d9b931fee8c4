/* SPDX-License-Identifier: Apache-2.0 */
/* disk_guest.c - a machine with one disk. */
#include "tests/harness/disk_guest.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "devices/virtio/models.h"

static void open_with(struct disk_guest *g, size_t size, struct blk_config *cfg,
		      uint64_t features)
{
	g->disk = memfd_create("disk", MFD_CLOEXEC);
	assert_true(g->disk >= 0);
	assert_int_equal(ftruncate(g->disk, (off_t)size), 0);

	cfg->fd = fcntl(g->disk, F_DUPFD_CLOEXEC, 0);
	cfg->serial = "image-0123456789abcdefgh";
	driver_open(&g->drv, &blk_ops, cfg);
	g->agreed = driver_start(&g->drv, features);
}

void disk_open(struct disk_guest *g, size_t size, bool readonly,
	       uint64_t features)
{
	struct blk_config cfg = { .readonly = readonly };

	open_with(g, size, &cfg, features);
}

void disk_open_limited(struct disk_guest *g, uint64_t bytes, uint64_t ops)
{
	struct blk_config cfg = { .bytes_limit = bytes, .ops_limit = ops };

	open_with(g, DISK_SIZE, &cfg, DISK_FEATURES);
}

void disk_close(struct disk_guest *g)
{
	driver_close(&g->drv);
	(void)close(g->disk);
	g->disk = -1;
}

gpa_t disk_header(struct disk_guest *g, uint32_t type, uint64_t sector)
{
	struct virtio_blk_outhdr h = {
		.type = htole32(type),
		.sector = htole64(sector),
	};
	gpa_t at = driver_alloc(&g->drv, sizeof(h));

	assert_int_equal(gmem_write(&g->drv.gm, at, &h, sizeof(h)), 0);
	return at;
}

uint8_t disk_request(struct disk_guest *g, uint32_t type, uint64_t sector,
		     gpa_t data, uint32_t len)
{
	bool write = type == VIRTIO_BLK_T_IN || type == VIRTIO_BLK_T_GET_ID;
	gpa_t status = driver_alloc(&g->drv, 1);
	struct driver_buf buf[] = {
		{ disk_header(g, type, sector), 16, false },
		{ data, len, write },
		{ status, 1, true },
	};
	uint8_t *s = driver_ptr(&g->drv, status, 1);

	*s = 0xee;
	if (len == 0)
		buf[1] = buf[2];
	(void)driver_chain(&g->drv.queue[0], buf, len ? 3 : 2);
	driver_kick(&g->drv, 0);
	(void)driver_wait(&g->drv, 0, NULL);
	return *s;
}

uint8_t disk_range(struct disk_guest *g, uint32_t type, uint64_t sector,
		   uint32_t sectors, uint32_t flags)
{
	struct virtio_blk_discard_write_zeroes range = { htole64(sector),
							 htole32(sectors),
							 htole32(flags) };
	gpa_t at = driver_alloc(&g->drv, sizeof(range));

	assert_int_equal(gmem_write(&g->drv.gm, at, &range, sizeof(range)), 0);
	return disk_request(g, type, 0, at, sizeof(range));
}

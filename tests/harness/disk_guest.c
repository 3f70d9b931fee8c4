/* SPDX-License-Identifier: Apache-2.0 */
/* disk_guest.c - a machine with one disk. */
#include "tests/harness/disk_guest.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/harness/fake_engine.h"

struct blk_config disk_config;

int disk_use_threads(void **state)
{
	(void)state;
	disk_config = (struct blk_config){ .engine = &engine_fake };
	fake_begin(&engine_sync);
	return 0;
}

int disk_use_uring(void **state)
{
	struct raw raw = { .fd = memfd_create("disk", MFD_CLOEXEC) };
	struct engine *e;
	struct err err = { 0 };
	int r = engine_uring.open(&raw, NULL, 0, &e, &err);

	(void)state;
	(void)close(raw.fd);
	disk_config = (struct blk_config){ .engine = &engine_fake };
	fake_begin(&engine_sync);
	if (r < 0) {
		print_message("%s: threads again\n", err.msg);
		return 0;
	}
	engine_close(e);
	fake_begin(&engine_uring);
	return 0;
}

/* In memory, but for O_DIRECT: that wants a file system. */
static int make_file(const struct blk_config *cfg)
{
	char name[] = "/var/tmp/belljar-disk-XXXXXX";

	if (cfg->fd > 0)
		return fcntl(cfg->fd, F_DUPFD_CLOEXEC, 0);
	if (cfg->cache != BLK_NONE)
		return memfd_create("disk", MFD_CLOEXEC);
	int fd = mkostemp(name, O_CLOEXEC);
	(void)unlink(name);
	return fd;
}

static void open_with(struct disk_guest *g, size_t size, struct blk_config *cfg,
		      uint64_t features)
{
	if (cfg->engine == &engine_fake)
		fake_begin(fake.real);
	g->disk = make_file(cfg);
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
	struct blk_config cfg = disk_config;

	cfg.readonly = readonly;
	open_with(g, size, &cfg, features);
}

void disk_open_limited(struct disk_guest *g, uint64_t bytes, uint64_t ops)
{
	struct blk_config cfg = disk_config;

	cfg.bytes_limit = bytes;
	cfg.ops_limit = ops;
	open_with(g, DISK_SIZE, &cfg, DISK_FEATURES);
}

void disk_open_size(struct disk_guest *g, size_t size)
{
	struct blk_config cfg = disk_config;

	open_with(g, size, &cfg, DISK_FEATURES);
}

void disk_open_as_is(struct disk_guest *g)
{
	disk_open_size(g, DISK_SIZE);
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

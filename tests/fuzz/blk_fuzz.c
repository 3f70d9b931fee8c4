/* SPDX-License-Identifier: Apache-2.0 */
/*
 * blk_fuzz.c - requests to a disk of 1 MiB in memory; the queues are served by
 * this thread.  The disk never grows.  Beside the engine that does everything
 * at once there is one that keeps what it gets until it is waited for, and is
 * done with the last first.
 */
#include <linux/virtio_blk.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "devices/backend/engine.h"
#include "devices/virtio/models.h"
#include "tests/fuzz/machine.h"
#include "vmm/lib/list.h"

#define DISK (UINT64_C(1) << 20)

struct lazy {
	struct engine engine;
	struct engine *real;
	struct io *kept;
};

static struct lazy *self(struct engine *e)
{
	return container_of(e, struct lazy, engine);
}

static int lazy_open(const struct raw *raw, const int *watched, unsigned nr,
		     struct engine **ret, struct err *err);

static void lazy_close(struct engine *e)
{
	MUST(!self(e)->kept);
	engine_close(self(e)->real);
	free(self(e));
}

static void lazy_submit(struct engine *e, struct io *io)
{
	io->next = self(e)->kept;
	self(e)->kept = io;
}

static void lazy_wait(struct engine *e, uint32_t listen, int64_t ns)
{
	struct lazy *l = self(e);

	(void)listen;
	/* Nobody would ever wake us. */
	MUST(ns == 0 || l->kept);
	while (l->kept) {
		struct io *io = l->kept;

		l->kept = io->next;
		l->real->ops->submit(l->real, io);
	}
}

static struct io *lazy_reap(struct engine *e)
{
	return self(e)->real->ops->reap(self(e)->real);
}

static const struct engine_ops engine_lazy = {
	.name = "lazy",
	.open = lazy_open,
	.close = lazy_close,
	.submit = lazy_submit,
	.wait = lazy_wait,
	.reap = lazy_reap,
};

static int lazy_open(const struct raw *raw, const int *watched, unsigned nr,
		     struct engine **ret, struct err *err)
{
	struct lazy *l = calloc(1, sizeof(*l));

	MUST(l && engine_sync.open(raw, watched, nr, &l->real, err) == 0);
	l->engine.ops = &engine_lazy;
	*ret = &l->engine;
	return 0;
}

/* A sound request but for its values. */
static void request(struct machine *m, struct input *in)
{
	uint8_t how = input_u8(in);
	struct virtio_blk_outhdr h = {
		.type = htole32(how & 0x80 ? input_u32(in) : how & 15U),
		.sector = htole64(how & 0x40 ? input_u64(in) : input_u16(in)),
	};
	bool write = (how & 15U) == VIRTIO_BLK_T_IN ||
		     (how & 15U) == VIRTIO_BLK_T_GET_ID || (how & 0x20);
	uint32_t len = input_u16(in);
	struct driver_buf buf[] = {
		{ MACHINE_DATA + 0x100, sizeof(h), false },
		{ MACHINE_DATA + 0x1000, how & 0x10 ? len : len * 512, write },
		{ MACHINE_DATA + 0x200, 1, true },
	};

	(void)gmem_write(&m->drv.gm, buf[0].at, &h, sizeof(h));
	unsigned nr = (unsigned)len % m->drv.dev->nr_queues;
	(void)driver_chain(&m->drv.queue[nr], buf, 3);
	/* Or later, together with others. */
	if (len % 5)
		machine_kick(m, nr);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, size };
	struct machine m = { .act = request, .serve = blk_serve };
	struct virtio_ops ops = blk_ops;
	struct stat st;

	input_begin();
	int fd = memfd_create("disk", MFD_CLOEXEC);
	MUST(fd >= 0 && ftruncate(fd, DISK) == 0);
	int mine = dup(fd);
	struct blk_config cfg = {
		.fd = fd,
		.readonly = size && data[0] & 8,
		.serial = "fuzz",
		.engine = size && data[0] & 16 ? &engine_lazy : &engine_sync,
		.queues = size && data[0] & 32 ? 3 : 1,
		.cache = size && data[0] & 64 ? BLK_UNSAFE : BLK_WRITEBACK,
	};

	ops.run = NULL; /* no thread */
	machine_open(&m, &ops, &cfg, &in);
	machine_run(&m, &in);
	machine_close(&m);
	MUST(fstat(mine, &st) == 0 && st.st_size == DISK);
	(void)close(mine);
	return 0;
}

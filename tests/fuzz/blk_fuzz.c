/* SPDX-License-Identifier: Apache-2.0 */
/*
 * blk_fuzz.c - requests to a disk of 1 MiB in memory; the queue is served by
 * this thread.  The disk never grows.
 */
#include <linux/virtio_blk.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "devices/virtio/models.h"
#include "tests/fuzz/machine.h"

#define DISK (UINT64_C(1) << 20)

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
	(void)driver_chain(&m->drv.queue[0], buf, 3);
	machine_kick(m, 0);
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
	};

	ops.run = NULL; /* no thread */
	machine_open(&m, &ops, &cfg, &in);
	machine_run(&m, &in);
	machine_close(&m);
	MUST(fstat(mine, &st) == 0 && st.st_size == DISK);
	(void)close(mine);
	return 0;
}

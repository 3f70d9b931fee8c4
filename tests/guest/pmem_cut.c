/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pmem_cut.c - a file in memory that the host cuts meanwhile: the guest reads
 * what was its second page, or with "device" has a device read it.
 */
#include "tests/guest/lib/virtio.h"

void guest_main(const struct start_info *si)
{
	bool by_device = *(const char *)si->cmdline == 'd';
	struct vdev dev;
	struct queue q;

	check(virtio_find(VIRTIO_ID_PMEM, 0, &dev));
	virtio_begin(&dev, 0, 1, &q);
	uint64_t at = read64(dev.config);

	say("first", read8(at));
	put("ready\n");
	(void)get();
	if (by_device) {
		queue_desc(&q, 0, (void *)(at + 4096), 4, 0, 0);
		queue_offer(&q, 0);
		queue_kick(&q);
		(void)queue_wait(&q);
	}
	say("second", read8(at + 4096));
	put("it goes on\n");
}

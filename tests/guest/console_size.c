/* SPDX-License-Identifier: Apache-2.0 */
/* console_size.c - a terminal that becomes larger while the driver looks on. */
#include <linux/virtio_console.h>

#include "tests/guest/lib/virtio.h"

void guest_main(const struct start_info *si)
{
	static struct queue queues[2];
	struct vdev dev;

	(void)si;
	check(virtio_find(VIRTIO_ID_CONSOLE, 0, &dev));
	virtio_begin(&dev, BIT(VIRTIO_CONSOLE_F_SIZE), 2, queues);
	check(read16(dev.config) == 80 && read16(dev.config + 2) == 25);
	uint8_t before = read8(dev.common + COMMON_GENERATION);
	put("ready\n");
	while (read8(dev.common + COMMON_GENERATION) == before)
		;
	check(read16(dev.config) == 132 && read16(dev.config + 2) == 43);
	/* The interrupt is about the configuration: 4.1.4.5. */
	check(read8(dev.isr) & 2);
	put("pass\n");
}

/* SPDX-License-Identifier: Apache-2.0 */
/* rng.c - two requests for entropy are answered, with different bytes. */
#include "tests/guest/lib/virtio.h"

void guest_main(const struct start_info *si)
{
	static uint64_t a[8], b[8];
	struct vdev dev;
	struct queue q;

	(void)si;
	check(virtio_find(VIRTIO_ID_RNG, 0, &dev));
	virtio_begin(&dev, 0, 1, &q);

	queue_desc(&q, 0, a, sizeof(a), VRING_DESC_F_WRITE, 0);
	queue_desc(&q, 1, b, sizeof(b), VRING_DESC_F_WRITE, 0);
	queue_offer(&q, 0);
	queue_offer(&q, 1);
	queue_kick(&q);
	check(queue_wait(&q) == sizeof(a));
	check(queue_wait(&q) == sizeof(b));
	check(memcmp(a, b, sizeof(a)) != 0);
	for (unsigned i = 0; i < 8; i++)
		check(a[i] != 0 && b[i] != 0);
	put("pass\n");
}

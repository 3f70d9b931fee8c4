/* SPDX-License-Identifier: Apache-2.0 */
/*
 * console.c - the size of a terminal, a greeting, what is typed back in
 * capitals, and a megabyte in buffers of 64 KiB.  The other half is in host.py.
 */
#include <linux/virtio_console.h>

#include "tests/guest/lib/virtio.h"

#define CHUNK 65536U

enum { RX, TX, QUEUES };

static struct queue queues[QUEUES];
static uint64_t chunk[CHUNK / 8];

static void print(const void *data, uint32_t len)
{
	queue_desc(&queues[TX], 0, data, len, 0, 0);
	queue_offer(&queues[TX], 0);
	queue_kick(&queues[TX]);
	check(queue_wait(&queues[TX]) == 0);
}

/* A line, which may come in pieces, back in capitals. */
static void answer(void)
{
	static char line[8];
	uint32_t n;

	do {
		queue_desc(&queues[RX], 0, line, sizeof(line),
			   VRING_DESC_F_WRITE, 0);
		queue_offer(&queues[RX], 0);
		queue_kick(&queues[RX]);
		n = queue_wait(&queues[RX]);
		check(n > 0 && n <= sizeof(line));
		for (uint32_t i = 0; i < n; i++)
			if (line[i] >= 'a' && line[i] <= 'z')
				line[i] = (char)(line[i] - 'a' + 'A');
		print(line, n);
	} while (line[n - 1] != '\n');
}

void guest_main(const struct start_info *si)
{
	struct vdev dev;

	(void)si;
	check(virtio_find(VIRTIO_ID_CONSOLE, 0, &dev));
	check(virtio_offered(&dev) & BIT(VIRTIO_CONSOLE_F_SIZE));
	virtio_begin(&dev, BIT(VIRTIO_CONSOLE_F_SIZE), QUEUES, queues);
	check(read16(dev.config) == 100 && read16(dev.config + 2) == 30);
	print("hello\n", 6);
	answer();
	/* As host.py has it: 4096 words, again and again. */
	for (uint64_t i = 0; i < CHUNK / 8; i++)
		chunk[i] = (i % 4096 + 1) * UINT64_C(0x9E3779B97F4A7C15);
	for (unsigned i = 0; i < (1U << 20) / CHUNK; i++)
		print(chunk, CHUNK);
	put("pass\n");
}

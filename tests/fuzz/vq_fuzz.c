/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vq_fuzz.c - the virtqueue over RAM that the input describes.  The ring
 * comes first, then the table: the first bytes decide which descriptor is
 * looked at, so that a mutation of them leads somewhere at once.
 *
 *   setup   1 byte: log2 of the size, features, where RAM ends
 *   ring    avail flags, idx, heads, used_event
 *   table   for each descriptor: place, length, flags, next
 *   tables  the same again for an indirect table
 *   calls   one byte each: pop, push, notify, and rewriting the ring
 */
#include <errno.h>
#include <linux/virtio_ring.h>
#include <string.h>

#include "devices/virtio/vq.h"
#include "tests/fuzz/input.h"

#define RAM   0x20000U
#define DESC  0x1000U
#define AVAIL 0x2800U
#define USED  0x3000U
#define TABLE 0x4000U /* indirect ones, in RAM like all else */
#define LAST  (RAM - 64)

static struct gmem gm;

/* Places that matter, a byte instead of eight. */
static gpa_t place(struct input *in)
{
	uint8_t how = input_u8(in);

	switch (how & 7) {
	case 0:
		return TABLE + (how >> 3) * 16U;
	case 1:
		return LAST + (how >> 3) * 4U;
	case 2:
		return DESC + (how >> 3) * 16U;
	case 3:
		return UINT64_MAX - (how >> 3);
	case 4:
		return RAM + (how >> 3);
	case 5:
		return input_u64(in);
	default:
		return (how >> 3) * 0x1000U;
	}
}

static void fill_table(struct input *in, gpa_t at, unsigned nr)
{
	for (unsigned i = 0; i < nr && in->left; i++) {
		gpa_t addr = place(in);
		uint8_t len = input_u8(in);
		uint8_t flags = input_u8(in);
		struct vq_desc d = {
			.addr = le64_make(addr),
			/* Small, in descriptors, or near 4 GiB. */
			.len = le32_make(flags & 0x80	? UINT32_MAX - len
					 : flags & 0x40 ? len * 16U
							: len),
			.flags = le16_make(flags & 7),
			.next = le16_make(input_u8(in)),
		};

		MUST(gmem_write(&gm, at + i * sizeof(d), &d, sizeof(d)) == 0);
	}
}

static void fill_ring(struct input *in, unsigned size)
{
	size_t have;
	const uint8_t *p = input_bytes(in, 6 + 2 * (size_t)size, &have);

	MUST(gmem_write(&gm, AVAIL, p, have) == 0);
}

/* What every chain that vq_pop() hands out must be. */
static void check_chain(const struct vq_chain *c)
{
	const unsigned char *ram = gm.region[0].host;
	uint64_t sum[2] = { 0 };

	MUST(c->nr_read + c->nr_write <= VQ_SEGMENTS);
	for (unsigned i = 0; i < c->nr_read + c->nr_write; i++) {
		const unsigned char *base = c->iov[i].iov_base;

		MUST(base >= ram && base <= ram + RAM);
		MUST(c->iov[i].iov_len <= (size_t)(ram + RAM - base));
		sum[i >= c->nr_read] += c->iov[i].iov_len;
	}
	MUST(sum[0] == c->read_len && sum[1] == c->write_len);
	MUST(sum[0] + sum[1] <= UINT32_MAX);
}

static void pop(struct vq *vq, struct vq_chain *c)
{
	bool was_broken = vq->broken;
	int r = vq_pop(vq, c);

	MUST(r == 0 || r == 1 || r == -EPROTO);
	MUST(!was_broken || r == -EPROTO);
	MUST((r == -EPROTO) == (vq->broken != NULL));
	if (r == 1)
		check_chain(c);
}

static void calls(struct input *in, struct vq *vq, unsigned size)
{
	struct vq_chain c = { .head = 0 };

	while (in->left) {
		switch (input_u8(in) & 7) {
		case 0:
		case 1:
			pop(vq, &c);
			break;
		case 2:
			vq_push(vq, c.head, c.write_len);
			break;
		case 3:
			(void)vq_notify_needed(vq);
			break;
		case 4:
			vq_kicks_off(vq);
			break;
		case 5:
			(void)vq_kicks_on(vq);
			break;
		case 6:
			fill_ring(in, size);
			break;
		default:
			fill_table(in, DESC, 1);
			break;
		}
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, size };
	const struct gmem_config ram = { .size = RAM };
	struct vq vq;

	input_begin();
	if (!gm.size)
		MUST(gmem_init(&gm, &ram, NULL) == 0);
	memset(gm.region[0].host, 0, RAM);

	uint8_t how = input_u8(&in);
	struct vq_setup setup = {
		.size = (uint16_t)(1U << (how & 7)),
		.desc = DESC,
		.avail = AVAIL,
		.used = USED,
		.indirect = how & 8,
		.event_idx = how & 16,
	};
	if (how & 32) {
		setup.size = input_u16(&in);
		setup.desc = place(&in);
		setup.avail = place(&in);
		setup.used = place(&in);
	}
	if (vq_init(&vq, &gm, &setup) < 0)
		return 0;
	fill_ring(&in, setup.size);
	fill_table(&in, DESC, setup.size);
	fill_table(&in, TABLE, how & 64 ? setup.size : 0);

	struct vq_chain c;
	for (unsigned i = 0; i < setup.size; i++)
		pop(&vq, &c);
	vq_push(&vq, c.head, c.write_len);
	(void)vq_notify_needed(&vq);
	calls(&in, &vq, setup.size);
	return 0;
}

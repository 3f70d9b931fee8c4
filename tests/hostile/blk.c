/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hostile_blk.c - block requests that make no sense get an error, or break
 * the device until reset; a proper one works again afterwards.
 */
#include "tests/guest/lib/blk.h"
#include "tests/hostile/lib/attack.h"

#define WRITE VRING_DESC_F_WRITE
#define NEXT  VRING_DESC_F_NEXT

static struct vdev dev;
static struct queue q;
static struct virtio_blk_outhdr head;
static unsigned char data[4096];
static uint8_t status;

static uint8_t status_now(void)
{
	return read8((uintptr_t)&status);
}

static void begin(void)
{
	virtio_begin(&dev, 0, 1, &q);
}

static void works(void)
{
	begin();
	check(blk_request(&q, VIRTIO_BLK_T_IN, 0, data, 512) ==
	      VIRTIO_BLK_S_OK);
}

/* Either outcome is fine; hanging or dying is not. */
static void answered_or_broken(void)
{
	queue_offer(&q, 0);
	queue_kick(&q);
	while (!queue_used(&q) &&
	       !(virtio_status(&dev) & VIRTIO_CONFIG_S_NEEDS_RESET))
		;
	works();
}

static void status_alone(void)
{
	queue_desc(&q, 0, &status, 1, WRITE, 0);
	answered_or_broken();
}

static void header_alone(void)
{
	queue_desc(&q, 0, &head, sizeof(head), 0, 0);
	answered_or_broken();
}

static void short_header(void)
{
	queue_desc(&q, 0, &head, 8, NEXT, 1);
	queue_desc(&q, 1, &status, 1, WRITE, 0);
	answered_or_broken();
}

static void empty_chain(void)
{
	queue_desc(&q, 0, data, 0, 0, 0);
	answered_or_broken();
}

static void status_is_readable(void)
{
	queue_desc(&q, 0, &head, sizeof(head), NEXT, 1);
	queue_desc(&q, 1, &status, 1, 0, 0);
	answered_or_broken();
}

static void header_in_pieces(void)
{
	head = (struct virtio_blk_outhdr){ .type = VIRTIO_BLK_T_IN };
	queue_desc(&q, 0, &head, 3, NEXT, 1);
	queue_desc(&q, 1, (char *)&head + 3, 13, NEXT, 2);
	queue_desc(&q, 2, data, 500, WRITE | NEXT, 3);
	queue_desc(&q, 3, data + 500, 12, WRITE | NEXT, 4);
	queue_desc(&q, 4, &status, 1, WRITE, 0);
	status = 0xff;
	queue_offer(&q, 0);
	queue_kick(&q);
	check(queue_wait(&q) == 513);
	check(status_now() == VIRTIO_BLK_S_OK);
}

static void not_whole_sectors(void)
{
	check(blk_request(&q, VIRTIO_BLK_T_IN, 0, data, 511) !=
	      VIRTIO_BLK_S_OK);
	works();
	check(blk_request(&q, VIRTIO_BLK_T_OUT, 0, data, 513) !=
	      VIRTIO_BLK_S_OK);
	works();
}

static void sector_wraps(void)
{
	static const uint64_t far[] = {
		UINT64_MAX,
		UINT64_MAX >> 9,
		(UINT64_C(1) << 55) - 1,
	};

	for (unsigned i = 0; i < sizeof(far) / sizeof(far[0]); i++) {
		check(blk_request(&q, VIRTIO_BLK_T_IN, far[i], data, 1024) ==
		      VIRTIO_BLK_S_IOERR);
		check(blk_request(&q, VIRTIO_BLK_T_OUT, far[i], data, 1024) ==
		      VIRTIO_BLK_S_IOERR);
	}
	works();
}

static void wild_discard(void)
{
	struct virtio_blk_discard_write_zeroes range = {
		.sector = UINT64_MAX - 1,
		.num_sectors = UINT32_MAX,
	};
	static const uint32_t types[] = { VIRTIO_BLK_T_DISCARD,
					  VIRTIO_BLK_T_WRITE_ZEROES };

	for (unsigned i = 0; i < 2; i++) {
		head = (struct virtio_blk_outhdr){ .type = types[i] };
		queue_desc(&q, 0, &head, sizeof(head), NEXT, 1);
		queue_desc(&q, 1, &range, sizeof(range), NEXT, 2);
		queue_desc(&q, 2, &status, 1, WRITE, 0);
		status = VIRTIO_BLK_S_OK;
		queue_offer(&q, 0);
		queue_kick(&q);
		(void)queue_wait(&q);
		check(status_now() != VIRTIO_BLK_S_OK);
	}
}

/* Writes under way while the device is reset, again and again. */
static void reset_in_mid_request(void)
{
	for (unsigned i = 0; i < 30; i++) {
		begin();
		head = (struct virtio_blk_outhdr){ .type = VIRTIO_BLK_T_IN };
		queue_desc(&q, 0, &head, sizeof(head), NEXT, 1);
		queue_desc(&q, 1, data, sizeof(data), WRITE | NEXT, 2);
		queue_desc(&q, 2, &status, 1, WRITE, 0);
		for (unsigned n = 0; n < QUEUE_SIZE; n++)
			queue_offer(&q, 0);
		queue_kick(&q);
		virtio_reset(&dev);
		/* Reset means that nobody writes here any more. */
		status = 0x5a;
		check(status_now() == 0x5a);
	}
	works();
	check(status_now() == 0x5a);
}

/* GHSA-jmr4-g2hv-mjj6: what is written there makes no other format of it. */
static void format_of_another_kind(void)
{
	static const char magic[] = "QFI\373\0\0\0\3\0\0\0\0\0\0\0\150"
				    "\0\0\0\13/etc/passwd";
	uint64_t sectors = read64(dev.config);

	memset(data, 0, 512);
	memcpy(data, magic, sizeof(magic));
	check(blk_request(&q, VIRTIO_BLK_T_OUT, 0, data, 512) ==
	      VIRTIO_BLK_S_OK);
	begin();
	check(read64(dev.config) == sectors);
	memset(data, 0, 512);
	check(blk_request(&q, VIRTIO_BLK_T_IN, 0, data, 512) ==
	      VIRTIO_BLK_S_OK);
	check(memcmp(data, magic, sizeof(magic)) == 0);
}

/* CVE-2016-5403: as many at once as a queue holds, again and again. */
static void requests_without_end(void)
{
	for (unsigned i = 0; i < 20; i++) {
		begin();
		head = (struct virtio_blk_outhdr){ .type = VIRTIO_BLK_T_FLUSH };
		queue_desc(&q, 0, &head, sizeof(head), NEXT, 1);
		queue_desc(&q, 1, &status, 1, WRITE, 0);
		for (unsigned n = 0; n < 4 * QUEUE_SIZE; n++) {
			queue_offer(&q, 0);
			queue_kick(&q);
			while ((uint16_t)(q.next - q.used->idx) == QUEUE_SIZE)
				__asm__ volatile("pause");
		}
	}
	works();
}

/* Its data lies over the header it came with, and over its own ring. */
static void data_over_the_request(void)
{
	head = (struct virtio_blk_outhdr){ .type = VIRTIO_BLK_T_IN };
	queue_desc(&q, 0, &head, sizeof(head), NEXT, 1);
	queue_desc(&q, 1, q.desc, 256, WRITE | NEXT, 2);
	queue_desc(&q, 2, q.desc, 256, WRITE | NEXT, 3);
	queue_desc(&q, 3, &head, 1, WRITE, 0);
	answered_or_broken();
}

static void every_type(void)
{
	for (uint32_t type = 0; type < 20; type++) {
		begin();
		head = (struct virtio_blk_outhdr){ .type = type | 0x80000000 };
		queue_desc(&q, 0, &head, sizeof(head), NEXT, 1);
		queue_desc(&q, 1, data, 512, WRITE | NEXT, 2);
		queue_desc(&q, 2, &status, 1, WRITE, 0);
		queue_offer(&q, 0);
		queue_kick(&q);
		(void)queue_wait(&q);
		check(status_now() == VIRTIO_BLK_S_UNSUPP);
	}
}

/* Nothing that may come of it reaches a disk that cannot be written. */
static void read_only_disk(void)
{
	static const uint32_t types[] = { VIRTIO_BLK_T_OUT,
					  VIRTIO_BLK_T_DISCARD,
					  VIRTIO_BLK_T_WRITE_ZEROES };

	virtio_reset(&dev);
	check(virtio_find(VIRTIO_ID_BLOCK, 1, &dev));
	begin();
	for (unsigned i = 0; i < 3; i++)
		check(blk_request(&q, types[i], 0, data, 512) ==
		      VIRTIO_BLK_S_IOERR);
	virtio_reset(&dev);
	check(virtio_find(VIRTIO_ID_BLOCK, 0, &dev));
	works();
}

static const struct attack attacks[] = {
	{ "status alone", status_alone },
	{ "header alone", header_alone },
	{ "short header", short_header },
	{ "empty chain", empty_chain },
	{ "status is readable", status_is_readable },
	{ "header in pieces", header_in_pieces },
	{ "not whole sectors", not_whole_sectors },
	{ "sector wraps", sector_wraps },
	{ "wild discard", wild_discard },
	{ "every type", every_type },
	{ "data over the request", data_over_the_request },
	{ "format of another kind", format_of_another_kind },
	{ "requests without end", requests_without_end },
	{ "read-only disk", read_only_disk },
	{ "reset in mid-request", reset_in_mid_request },
};

void guest_main(const struct start_info *si)
{
	attack_begin(si);
	check(virtio_find(VIRTIO_ID_BLOCK, 0, &dev));
	works();
	attack_all("blk", attacks, ELEMENTS(attacks));
	attack_end();
}

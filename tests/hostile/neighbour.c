/* SPDX-License-Identifier: Apache-2.0 */
/*
 * neighbour.c - the VM beside the attacker.  It is asked for the sum of a
 * sector of its disk, and says "SECTOR SUM ANSWERS", each in hexadecimal; an
 * empty line ends it.
 */
#include "tests/guest/lib/blk.h"
#include "tests/hostile/lib/attack.h"

static struct vdev dev;
static struct queue q;
static unsigned char sector[512] __attribute__((aligned(512)));

/* A decimal number and the end of its line; false: the line was empty. */
static bool read_number(uint64_t *ret)
{
	bool any_digit = false;
	char c;

	*ret = 0;
	while ((c = attack_get()) != '\n') {
		*ret = *ret * 10 + (uint64_t)(c - '0');
		any_digit = true;
	}
	return any_digit;
}

void guest_main(const struct start_info *si)
{
	uint64_t number;
	uint64_t answers = 0;

	attack_begin(si);
	check(virtio_find(VIRTIO_ID_BLOCK, 0, &dev));
	virtio_begin(&dev, 0, 1, &q);
	while (read_number(&number)) {
		check(blk_request(&q, VIRTIO_BLK_T_IN, number, sector,
				  sizeof(sector)) == VIRTIO_BLK_S_OK);
		put_hex(number);
		put(" ");
		put_hex(checksum(sector, sizeof(sector)));
		put(" ");
		put_hex(++answers);
		put("\n");
	}
	attack_end();
}

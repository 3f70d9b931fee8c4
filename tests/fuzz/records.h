/* SPDX-License-Identifier: Apache-2.0 */
/*
 * records.h - records of vmm/abi/agent.h that the input describes.
 *
 *   type    1 byte: that of abi/agent.h; 0xff: 4 bytes of type follow,
 *           0xfe: the rest of the input is sent as it is
 *   length  2 bytes and so much data; from 0x8000 on the header says another
 *           length, which follows in 4 bytes
 */
#ifndef TESTS_FUZZ_RECORDS_H
#define TESTS_FUZZ_RECORDS_H

#include <string.h>

#include "tests/fuzz/input.h"
#include "vmm/abi/agent.h"

#define RECORDS_MAX (0x8000U + 8)

/* The next one, header and all, into @buf of RECORDS_MAX; its bytes. */
static inline size_t records_next(struct input *in, uint8_t *buf)
{
	uint32_t head[2] = { input_u8(in), 0 };
	size_t len;

	if (head[0] == 0xfe) {
		const uint8_t *p = input_bytes(in, RECORDS_MAX, &len);
		memcpy(buf, p, len);
		return len;
	}
	if (head[0] == 0xff)
		head[0] = input_u32(in);
	uint16_t want = input_u16(in);
	uint32_t lie = want & 0x8000 ? input_u32(in) : 0;
	const uint8_t *p = input_bytes(in, want & 0x7fffU, &len);
	head[1] = want & 0x8000 ? lie : (uint32_t)len;
	memcpy(buf, head, sizeof(head));
	if (len > 0)
		memcpy(buf + sizeof(head), p, len);
	return sizeof(head) + len;
}

#endif

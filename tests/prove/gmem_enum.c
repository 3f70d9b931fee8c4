/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gmem_enum.c - gmem.c against a list of bytes, for every layout, address and
 * length of a small world and every number near 2^31, 2^32, 2^63 and 2^64.
 * Each region is a heap block of its size, so ASan sees one byte too many.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "tests/prove/choice.h"
#include "vmm/core/gmem.h"

#define LEN(a) ((unsigned)(sizeof(a) / sizeof(*(a))))
#define TOP    (UINT64_MAX - 23) /* a region that ends just below 2^64 */

static const struct {
	unsigned nr;
	struct {
		gpa_t gpa;
		uint64_t size;
	} r[2];
} layouts[] = {
	{ 0, { { 0, 0 } } },
	{ 1, { { 0, 8 } } },
	{ 1, { { 3, 5 } } },
	{ 2, { { 0, 8 }, { 12, 8 } } }, /* a hole */
	{ 2, { { 0, 8 }, { 9, 1 } } },
	{ 2, { { 0, 8 }, { 8, 8 } } }, /* none */
	{ 2, { { 8, 8 }, { 0, 8 } } }, /* the other way round */
	{ 2, { { 0, 8 }, { TOP, 16 } } },
	{ 2, { { 0, 8 }, { TOP, 23 } } }, /* its end is 2^64 - 1 */
};

static struct gmem gm;
static uint64_t size_sum;

static void lay_out(void)
{
	unsigned l = choose(LEN(layouts));

	gm = (struct gmem){ .fd = -1, .nr = layouts[l].nr };
	size_sum = 0;
	for (unsigned i = 0; i < gm.nr; i++) {
		struct gmem_region *r = &gm.region[i];

		r->gpa = layouts[l].r[i].gpa;
		r->size = layouts[l].r[i].size;
		r->host = malloc(r->size);
		if (!r->host)
			exit(1);
		for (unsigned b = 0; b < r->size; b++)
			r->host[b] = (unsigned char)(16 * i + b + 1);
		size_sum += r->size;
	}
}

static void fold(void)
{
	for (unsigned i = 0; i < gm.nr; i++)
		free(gm.region[i].host);
}

/* Near 0, the layouts' edges, and every power of two that a type ends at. */
static uint64_t any_number(void)
{
	static const uint64_t base[] = { UINT64_C(1) << 31, UINT64_C(1) << 32,
					 UINT64_C(1) << 63, TOP,
					 TOP + 16,	    UINT64_MAX - 4 };
	unsigned n = choose(24 + LEN(base) * 8);

	return n < 24 ? n : base[(n - 24) / 8] + (n - 24) % 8 - 3;
}

/* The byte at @at, or NULL: the only truth here. */
static unsigned char *byte(gpa_t at)
{
	for (unsigned i = 0; i < gm.nr; i++)
		for (uint64_t b = 0; b < gm.region[i].size; b++)
			if (gm.region[i].gpa + b == at)
				return gm.region[i].host + b;
	return NULL;
}

/* Bytes from @at on that are there, up to @len. */
static uint64_t there(gpa_t at, uint64_t len)
{
	uint64_t n = 0;

	/* More than all RAM has cannot be there: no use in counting on. */
	while (n < len && n <= size_sum && byte(at + n))
		n++;
	return n;
}

static void pointers(void)
{
	lay_out();
	gpa_t at = any_number();
	uint64_t len = any_number();
	void *want = byte(at);

	for (uint64_t n = 1; want && n < len; n++)
		if (n > size_sum || byte(at + n) != (unsigned char *)want + n)
			want = NULL;
	/* Two regions may follow each other in the heap as well. */
	if (want && len)
		for (unsigned i = 0; i < gm.nr; i++)
			if (at >= gm.region[i].gpa &&
			    at - gm.region[i].gpa < gm.region[i].size &&
			    at - gm.region[i].gpa + len > gm.region[i].size)
				want = NULL;
	void *got = gmem_ptr(&gm, at, len);
	if (got != want)
		case_fail("gmem_ptr(%#" PRIx64 ", %#" PRIx64 "): %s", at, len,
			  got ? "wrong pointer" : "refused");
	fold();
}

static void vectors(void)
{
	struct iovec iov[4];
	unsigned before = choose(4), max = before + choose(4 - before);
	unsigned nr = before;

	lay_out();
	gpa_t at = any_number();
	uint64_t len = any_number();
	for (unsigned i = 0; i < 4; i++)
		iov[i] = (struct iovec){ &gm, 77 + i };
	int r = gmem_iov(&gm, at, len, iov, &nr, max);
	bool all = there(at, len) == len;
	uint64_t sum = 0;

	for (unsigned i = 0; i < 4; i++)
		if ((i < before || i >= max || (r == 0 && i >= nr)) &&
		    (iov[i].iov_base != &gm || iov[i].iov_len != 77 + i))
			case_fail("entry %u written", i);
	if (r < 0 && nr != before)
		case_fail("a failure that counts");
	for (unsigned i = before; r == 0 && i < nr; i++)
		for (size_t b = 0; b < iov[i].iov_len; b++, sum++)
			if ((unsigned char *)iov[i].iov_base + b !=
			    byte(at + sum))
				case_fail("byte %" PRIu64 " is another", sum);
	if (r == 0 && (!all || sum != len || nr > max))
		case_fail("%#" PRIx64 "+%#" PRIx64 " accepted", at, len);
	/* Full is said only when it is: two pieces are the most there are. */
	if (r == -EFAULT && all)
		case_fail("%#" PRIx64 "+%#" PRIx64 " is RAM", at, len);
	if (r == -ENOSPC && max - before >= 2)
		case_fail("no room for two pieces in %u", max - before);
	if (r != 0 && r != -EFAULT && r != -ENOSPC)
		case_fail("returned %d", r);
	fold();
}

static void copies(void)
{
	unsigned char mine[64], ram[2][32] = { 0 };
	bool write = choose(2);

	lay_out();
	gpa_t at = any_number();
	uint64_t len = any_number();
	bool all = there(at, len) == len;

	for (unsigned i = 0; i < sizeof(mine); i++)
		mine[i] = (unsigned char)(200 - i);
	for (unsigned i = 0; i < gm.nr; i++)
		memcpy(ram[i], gm.region[i].host, gm.region[i].size);
	int r = write ? gmem_write(&gm, at, mine, len)
		      : gmem_read(&gm, at, mine, len);
	if (r != (all ? 0 : -EFAULT))
		case_fail("%#" PRIx64 "+%#" PRIx64 ": %d", at, len, r);
	/* Each byte is the other side's where it was copied, or its own. */
	for (unsigned i = 0; i < sizeof(mine); i++) {
		bool copied = !write && r == 0 && i < len;

		if (mine[i] != (copied ? *byte(at + i) : 200 - i))
			case_fail("byte %u of the buffer", i);
	}
	for (unsigned i = 0; i < gm.nr; i++)
		for (uint64_t b = 0; b < gm.region[i].size; b++) {
			uint64_t off = gm.region[i].gpa + b - at;
			bool copied = write && r == 0 && off < len;

			if (gm.region[i].host[b] !=
			    (copied ? mine[off] : ram[i][b]))
				case_fail("byte %" PRIu64 " of RAM", b);
		}
	fold();
}

int main(void)
{
	bool good = explore("gmem_ptr: layouts, addresses, lengths", pointers);

	good &= explore("gmem_iov: the same, and room", vectors);
	good &= explore("gmem_read and gmem_write: every byte", copies);
	return !good;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* guest.c - loads are questions, stores are noted, addresses are checked. */
#include "tests/prove/guest.h"

#include <assert.h>
#include <inttypes.h>
#include <linux/virtio_ring.h>
#include <sys/mman.h>

#include "tests/prove/choice.h"

#define REGION (3 * GIB)

struct guest guest;

void guest_layout(gpa_t high)
{
	static unsigned char *low_host, *high_host;

	if (!low_host) {
		low_host = mmap(NULL, 2 * REGION + GIB, PROT_NONE,
				MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1,
				0);
		assert(low_host != MAP_FAILED);
		high_host = low_host + REGION + GIB;
	}
	guest.gm = (struct gmem){
		.fd = -1,
		.nr = 2,
		.region = { { .gpa = 0, .size = REGION, .host = low_host },
			    { .gpa = high,
			      .size = REGION,
			      .host = high_host } },
	};
}

void guest_begin(uint16_t size)
{
	guest.size = size;
	guest.table_nr = 0;
	guest.nr = guest.taken = 0;
	guest.fields = 0;
}

void *guest_host(gpa_t at)
{
	const struct gmem_region *r = guest.gm.region;

	if (at < REGION)
		return r[0].host + at;
	assert(at >= r[1].gpa && at - r[1].gpa < REGION);
	return r[1].host + (at - r[1].gpa);
}

static bool where(const void *p, size_t len, gpa_t *ret)
{
	uintptr_t at = (uintptr_t)p;

	for (unsigned i = 0; i < 2; i++) {
		uintptr_t host = (uintptr_t)guest.gm.region[i].host;

		if (at >= host && at + len <= host + REGION) {
			*ret = guest.gm.region[i].gpa + (at - host);
			return true;
		}
	}
	case_fail("%zu bytes accessed outside RAM", len);
	return false;
}

static struct guest_event *note(enum guest_what what, gpa_t at, size_t len)
{
	assert(guest.nr < GUEST_EVENTS);
	struct guest_event *e = &guest.event[guest.nr++];

	*e = (struct guest_event){ .what = what,
				   .at = at,
				   .len = (unsigned)len };
	return e;
}

/* A table's entry: all of it is chosen at the first load of any field. */
static uint64_t load_field(gpa_t table, unsigned nr, bool nested, gpa_t at,
			   size_t len)
{
	static const unsigned sizes[16] = {
		[0] = 8, [8] = 4, [12] = 2, [14] = 2
	};
	unsigned off = (unsigned)((at - table) % 16);
	gpa_t entry = at - off;
	struct guest_event *e;

	if (guest.fields && guest.fields != 0xf &&
	    guest.event[guest.nr - 1].at != entry)
		case_fail("half a descriptor was read");
	if (!guest.fields || guest.fields == 0xf ||
	    guest.event[guest.nr - 1].what != GUEST_DESCRIPTOR) {
		e = note(GUEST_DESCRIPTOR, entry, 16);
		e->desc = guest.desc(nr, nested);
		guest.fields = 0;
		if (!nested) {
			/* No good one has more entries than the queue. */
			bool has = e->desc.flags & VRING_DESC_F_INDIRECT &&
				   e->desc.len / 16 <= guest.size;

			guest.table = e->desc.addr;
			guest.table_nr = has ? e->desc.len / 16 : 0;
		}
	}
	e = &guest.event[guest.nr - 1];
	if (sizes[off] != len)
		case_fail("%zu bytes at offset %u of a descriptor", len, off);

	unsigned bit = off == 0 ? 1 : off == 8 ? 2 : off == 12 ? 4 : 8;
	if (guest.fields & bit)
		case_fail("offset %u of a descriptor was read twice", off);
	guest.fields |= bit;
	switch (bit) {
	case 1:
		return e->desc.addr;
	case 2:
		return e->desc.len;
	case 4:
		return e->desc.flags;
	default:
		break;
	}
	return e->desc.next;
}

static bool inside(gpa_t at, gpa_t base, uint64_t len)
{
	return at >= base && at - base < len;
}

uint64_t guest_load(const void *p, size_t len)
{
	gpa_t at;

	if (!where(p, len, &at))
		return 0;
	if (guest.table_nr &&
	    inside(at, guest.table, UINT64_C(16) * guest.table_nr))
		return load_field(guest.table, guest.table_nr, true, at, len);
	if (inside(at, GUEST_DESC, UINT64_C(16) * guest.size))
		return load_field(GUEST_DESC, guest.size, false, at, len);
	if (!inside(at, GUEST_AVAIL, 6U + UINT64_C(2) * guest.size) ||
	    len != 2) {
		case_fail("load of %zu bytes at %#" PRIx64 ", in no ring", len,
			  at);
		return 0;
	}
	if ((uintptr_t)p % len)
		case_fail("misaligned load of %zu bytes", len);
	uint16_t value = guest.number(at);
	note(GUEST_NUMBER, at, len)->value = value;
	return value;
}

void guest_store(const void *p, uint64_t value, size_t len)
{
	gpa_t at;

	if (!where(p, len, &at))
		return;
	if ((uintptr_t)p % len)
		case_fail("misaligned store of %zu bytes", len);
	if (!inside(at, GUEST_USED, 6U + UINT64_C(8) * guest.size))
		case_fail("store at %#" PRIx64 ", not in the used ring", at);
	note(GUEST_STORE, at, len)->value = value;
}

const struct guest_event *guest_take(enum guest_what what, gpa_t at)
{
	static const struct guest_event none;
	const struct guest_event *e = &guest.event[guest.taken];

	if (guest.taken == guest.nr) {
		case_fail("nothing was done at %#" PRIx64, at);
		return &none;
	}
	if (e->what != what || e->at != at) {
		case_fail("access to %#" PRIx64 " where %#" PRIx64 " was due",
			  e->at, at);
		return &none;
	}
	guest.taken++;
	return e;
}

void guest_no_more(void)
{
	if (guest.taken != guest.nr)
		case_fail("needless access to %#" PRIx64,
			  guest.event[guest.taken].at);
	if (guest.fields && guest.fields != 0xf)
		case_fail("half a descriptor was read");
	guest.nr = guest.taken = guest.fields = 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* model.c - the plain second implementation that vq.c is compared with. */
#include "tests/prove/model.h"

#include <errno.h>
#include <inttypes.h>
#include <linux/virtio_ring.h>
#include <string.h>

#include "tests/prove/choice.h"

typedef unsigned __int128 wide_t;

/* Rules that a chain can break.  More than one at a time: any may be named. */
static const char *const rules[] = {
	"avail index ran ahead",
	"descriptor chain loops",
	"descriptor outside the table",
	"nested indirect table",
	"indirect table without the feature",
	"indirect descriptor with a successor",
	"indirect table of a bad size",
	"indirect table outside RAM",
	"readable buffer after a writable one",
	"chain of 4 GiB or more",
	"buffer outside RAM",
	"chain of too many pieces",
};
enum {
	AHEAD,
	LOOPS,
	OUTSIDE_TABLE,
	NESTED,
	NO_FEATURE,
	SUCCESSOR,
	BAD_SIZE,
	TABLE_OUTSIDE,
	ORDER,
	TOO_LONG,
	OUTSIDE_RAM,
	TOO_MANY,
};
#define BREAKS(rule, when) ((when) ? 1U << (rule) : 0U)

struct request {
	uint16_t head;
	unsigned nr_read, nr_write;
	uint64_t read_len, write_len;
	struct {
		gpa_t at;
		uint64_t len;
	} piece[VQ_SEGMENTS + 2];
};

bool model_in_ram(gpa_t at, uint64_t len)
{
	for (unsigned i = 0; i < guest.gm.nr; i++) {
		wide_t begin = guest.gm.region[i].gpa;
		wide_t end = begin + guest.gm.region[i].size;

		if (at >= begin && at < end && (wide_t)at + len <= end)
			return true;
	}
	return false;
}

/* The parts of a buffer that are in RAM, by address; bytes found. */
static uint64_t pieces(struct request *q, unsigned *nr, gpa_t at, uint32_t len)
{
	wide_t from = at, to = from + len;
	uint64_t found = 0;

	for (unsigned i = 0; i < guest.gm.nr; i++) {
		wide_t begin = guest.gm.region[i].gpa;
		wide_t end = begin + guest.gm.region[i].size;
		wide_t lo = from > begin ? from : begin;
		wide_t hi = to < end ? to : end;

		if (lo >= hi)
			continue;
		if (*nr < VQ_SEGMENTS) {
			q->piece[*nr].at = (gpa_t)lo;
			q->piece[*nr].len = (uint64_t)(hi - lo);
		}
		(*nr)++;
		found += (uint64_t)(hi - lo);
	}
	return found;
}

static unsigned buffer(struct request *q, const struct guest_desc *d)
{
	bool write = d->flags & VRING_DESC_F_WRITE;
	unsigned before = q->nr_read + q->nr_write, nr = before;
	uint64_t found = pieces(q, &nr, d->addr, d->len);
	unsigned broken = BREAKS(ORDER, !write && q->nr_write) |
			  BREAKS(TOO_LONG, q->read_len + q->write_len + d->len >
						   UINT32_MAX) |
			  BREAKS(OUTSIDE_RAM, found != d->len) |
			  BREAKS(TOO_MANY, nr > VQ_SEGMENTS);

	if (broken)
		return broken;
	*(write ? &q->nr_write : &q->nr_read) += nr - before;
	*(write ? &q->write_len : &q->read_len) += d->len;
	return 0;
}

static unsigned table_rules(const struct model *m, const struct guest_desc *d,
			    bool nested)
{
	return BREAKS(NESTED, nested) | BREAKS(NO_FEATURE, !m->indirect) |
	       BREAKS(SUCCESSOR, d->flags & VRING_DESC_F_NEXT) |
	       BREAKS(BAD_SIZE,
		      d->len % 16 || d->len / 16 < 1 || d->len / 16 > m->size) |
	       BREAKS(TABLE_OUTSIDE, !model_in_ram(d->addr, d->len));
}

/* Follow the chain; the rules that the first wrong descriptor breaks. */
static unsigned follow(const struct model *m, struct request *q)
{
	gpa_t table = GUEST_DESC;
	unsigned nr = m->size, i = q->head, steps = 0;
	bool nested = false;

	for (;;) {
		unsigned broken = BREAKS(LOOPS, steps == nr) |
				  BREAKS(OUTSIDE_TABLE, i >= nr);
		if (broken || case_failed())
			return broken;

		struct guest_desc d =
			guest_take(GUEST_DESCRIPTOR, table + UINT64_C(16) * i)
				->desc;
		steps++;
		if (d.flags & VRING_DESC_F_INDIRECT) {
			broken = table_rules(m, &d, nested);
			if (broken)
				return broken;
			table = d.addr;
			nr = d.len / 16;
			i = steps = 0;
			nested = true;
			continue;
		}
		broken = buffer(q, &d);
		if (broken || !(d.flags & VRING_DESC_F_NEXT))
			return broken;
		i = d.next;
	}
}

static void must_break(struct model *m, const struct vq *vq, int ret,
		       unsigned broken)
{
	m->broken = true;
	if (ret != -EPROTO || !vq->broken) {
		case_fail("returned %d, should have broken", ret);
		return;
	}
	for (unsigned i = 0; i < sizeof(rules) / sizeof(*rules); i++)
		if ((broken & 1U << i) && strcmp(rules[i], vq->broken) == 0)
			return;
	case_fail("broke for '%s', which is not so", vq->broken);
}

static void compare(const struct request *q, const struct vq_chain *c)
{
	unsigned nr = q->nr_read + q->nr_write;

	if (c->head != q->head || c->nr_read != q->nr_read ||
	    c->nr_write != q->nr_write || c->read_len != q->read_len ||
	    c->write_len != q->write_len) {
		case_fail("%u+%u pieces of %u+%u bytes, not %u+%u of %" PRIu64
			  "+%" PRIu64,
			  c->nr_read, c->nr_write, c->read_len, c->write_len,
			  q->nr_read, q->nr_write, q->read_len, q->write_len);
		return;
	}
	for (unsigned i = 0; i < nr; i++)
		if (c->iov[i].iov_base != guest_host(q->piece[i].at) ||
		    c->iov[i].iov_len != q->piece[i].len)
			case_fail("piece %u is not %#" PRIx64 "+%#" PRIx64, i,
				  q->piece[i].at, q->piece[i].len);
}

void model_pop(struct model *m, const struct vq *vq, int ret,
	       const struct vq_chain *c)
{
	static struct request q;

	q.nr_read = q.nr_write = 0;
	q.read_len = q.write_len = 0;
	if (m->broken) {
		if (ret != -EPROTO)
			case_fail("a broken queue gave %d", ret);
		guest_no_more();
		return;
	}
	if (m->known == 0) {
		uint16_t idx =
			(uint16_t)guest_take(GUEST_NUMBER, GUEST_AVAIL + 2)
				->value;

		m->known = (uint16_t)(idx - m->next_avail);
		if (m->known > m->size)
			must_break(m, vq, ret, 1U << AHEAD);
		else if (m->known == 0 && ret != 0)
			case_fail("%d from an empty ring", ret);
		if (m->broken || m->known == 0) {
			guest_no_more();
			return;
		}
	}
	q.head = (uint16_t)guest_take(GUEST_NUMBER,
				      GUEST_AVAIL + 4 +
					      UINT64_C(2) *
						      (m->next_avail % m->size))
			 ->value;
	unsigned broken = follow(m, &q);
	if (broken) {
		must_break(m, vq, ret, broken);
	} else if (ret != 1 || vq->broken) {
		case_fail("returned %d for a good chain (%s)", ret,
			  vq->broken ? vq->broken : "not broken");
	} else {
		compare(&q, c);
		m->next_avail++;
		m->known--;
	}
	guest_no_more();
}

static void stored(gpa_t at, unsigned len, uint64_t value)
{
	const struct guest_event *e = guest_take(GUEST_STORE, at);

	if (e->len != len || e->value != value)
		case_fail("stored %#" PRIx64 ", not %#" PRIx64, e->value,
			  value);
}

void model_push(struct model *m, uint16_t head, uint32_t written)
{
	gpa_t entry = GUEST_USED + 4 + UINT64_C(8) * (m->next_used % m->size);

	if (!m->broken) {
		stored(entry, 4, head);
		stored(entry + 4, 4, written);
		m->next_used++;
		/* Last, or the driver would see an entry that is not there. */
		stored(GUEST_USED + 2, 2, m->next_used);
	}
	guest_no_more();
}

/* Section 2.7.7.2: did the used index pass the event since we last said so? */
void model_notify(struct model *m, bool ret)
{
	bool want = false;

	if (!m->broken && m->next_used != m->signalled) {
		if (m->event_idx) {
			uint64_t event =
				guest_take(GUEST_NUMBER,
					   GUEST_AVAIL + 4 +
						   UINT64_C(2) * m->size)
					->value;
			for (uint16_t i = m->signalled; i != m->next_used; i++)
				want = want || i == event;
		} else {
			want = !(guest_take(GUEST_NUMBER, GUEST_AVAIL)->value &
				 1);
		}
		m->signalled = m->next_used;
	}
	if (ret != want)
		case_fail("notification %d, should be %d", ret, want);
	guest_no_more();
}

void model_kicks_off(struct model *m)
{
	if (!m->event_idx)
		stored(GUEST_USED, 2, 1);
	guest_no_more();
}

void model_kicks_on(struct model *m, bool ret)
{
	bool want = false;

	if (!m->broken) {
		if (m->event_idx)
			stored(GUEST_USED + 4 + UINT64_C(8) * m->size, 2,
			       m->next_avail);
		else
			stored(GUEST_USED, 2, 0);
		want = guest_take(GUEST_NUMBER, GUEST_AVAIL + 2)->value !=
		       m->next_avail;
	}
	if (ret != want)
		case_fail("kicks_on said %d, should be %d", ret, want);
	guest_no_more();
}

/* SPDX-License-Identifier: Apache-2.0 */
/* reassembly.c - fragments of IPv4 datagrams, in order, become whole. */
#include "vmm/net/reassembly.h"

#include <net/ethernet.h>
#include <netinet/ip.h>
#include <stdbool.h>
#include <string.h>

/* Of a frame; RFC 791, section 3.1. */
#define IP_AT	    ETH_HLEN
#define LENGTH_AT   (IP_AT + 2)
#define ID_AT	    (IP_AT + 4)
#define FRAGMENT_AT (IP_AT + 6)
#define PROTOCOL_AT (IP_AT + 9)
#define SUM_AT	    (IP_AT + 10)
#define SOURCE_AT   (IP_AT + 12)
#define IP_END	    (IP_AT + sizeof(struct ip))

_Static_assert(NET_FRAME_MAX >= ETH_HLEN + IP_MAXPACKET, "room for any");

static unsigned get16(const uint8_t *p)
{
	return (unsigned)p[0] << 8 | p[1];
}

static void put16(uint8_t *p, size_t value)
{
	p[0] = (uint8_t)(value >> 8);
	p[1] = (uint8_t)value;
}

/* RFC 1071, over a header whose length is even. */
static unsigned sum(const uint8_t *p, size_t len)
{
	unsigned acc = 0;

	for (size_t i = 0; i < len; i += 2)
		acc += get16(p + i);
	while (acc >> 16)
		acc = (acc & 0xffff) + (acc >> 16);
	return acc ^ 0xffff;
}

static void key_of(const uint8_t *frame, uint8_t key[11])
{
	memcpy(key, frame + SOURCE_AT, 8);
	key[8] = frame[PROTOCOL_AT];
	memcpy(key + 9, frame + ID_AT, 2);
}

/* Bytes of its header; 0: it is not what its header says. */
static size_t check_header(const uint8_t *frame, size_t len)
{
	size_t head = (size_t)(frame[IP_AT] & 15) * 4;
	size_t total = get16(frame + LENGTH_AT);

	if (frame[IP_AT] >> 4 != 4 || head < sizeof(struct ip) ||
	    total <= head || total > len - IP_AT ||
	    sum(frame + IP_AT, head) != 0)
		return 0;
	return head;
}

/* The one that @frame belongs to, or NULL. */
static struct reassembly_datagram *find(struct reassembly *r,
					const uint8_t *frame, int64_t now_ms)
{
	uint8_t key[11];

	key_of(frame, key);
	for (size_t i = 0; i < REASSEMBLY_MAX; i++) {
		struct reassembly_datagram *d = &r->datagram[i];

		if (d->head && now_ms - d->last_ms > REASSEMBLY_IDLE_MS)
			d->head = 0;
		if (d->head && memcmp(d->key, key, sizeof(key)) == 0)
			return d;
	}
	return NULL;
}

/* Begin one with the headers of @frame; the oldest may have to give way. */
static struct reassembly_datagram *
begin(struct reassembly *r, const uint8_t *frame, size_t head, int64_t now_ms)
{
	struct reassembly_datagram *d = find(r, frame, now_ms);

	for (size_t i = 0; !d && i < REASSEMBLY_MAX; i++)
		if (!r->datagram[i].head)
			d = &r->datagram[i];
	if (!d) {
		d = &r->datagram[0];
		for (size_t i = 1; i < REASSEMBLY_MAX; i++)
			if (r->datagram[i].last_ms < d->last_ms)
				d = &r->datagram[i];
	}
	key_of(frame, d->key);
	d->head = head;
	d->got = 0;
	memcpy(d->frame, frame, IP_AT + head);
	return d;
}

/* The headers say now that it is whole; it is free from here on. */
static const uint8_t *finish(struct reassembly_datagram *d, size_t *len)
{
	size_t total = d->head + d->got;

	put16(d->frame + LENGTH_AT, total);
	put16(d->frame + FRAGMENT_AT, 0);
	put16(d->frame + SUM_AT, 0);
	put16(d->frame + SUM_AT, sum(d->frame + IP_AT, d->head));
	d->head = 0;
	*len = IP_AT + total;
	return d->frame;
}

const uint8_t *reassembly_take(struct reassembly *r, const uint8_t *frame,
			       size_t *len, int64_t now_ms)
{
	if (get16(frame + 12) != ETHERTYPE_IP || *len < IP_END)
		return frame;
	unsigned field = get16(frame + FRAGMENT_AT);
	if (!(field & ~(unsigned)IP_DF))
		return frame;
	size_t head = check_header(frame, *len);
	if (field & IP_RF || head == 0)
		return NULL;

	size_t at = (size_t)(field & IP_OFFMASK) * 8;
	size_t bytes = get16(frame + LENGTH_AT) - head;
	bool more = field & IP_MF;
	struct reassembly_datagram *d = at == 0 ? begin(r, frame, head, now_ms)
						: find(r, frame, now_ms);
	if (!d)
		return NULL;
	if (at != d->got || (more && bytes % 8) ||
	    bytes > IP_MAXPACKET - d->head - d->got) {
		d->head = 0;
		return NULL;
	}
	memcpy(d->frame + IP_AT + d->head + at, frame + IP_AT + head, bytes);
	d->got += bytes;
	d->last_ms = now_ms;
	return more ? NULL : finish(d, len);
}

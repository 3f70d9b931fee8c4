/* SPDX-License-Identifier: Apache-2.0 */
/* relay.c - published UDP ports, past libslirp. */
#include "vmm/net/relay.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "vmm/lib/log.h"
#include "vmm/net/packet.h"

#define BATCH 32 /* datagrams of one port before others get a turn */

static const uint8_t gateway_mac[ETH_ALEN] = PACKET_GATEWAY_MAC;

void relay_init(struct relay *r, struct in_addr guest, struct in_addr gateway)
{
	r->guest = guest;
	r->gateway = gateway;
	memset(r->guest_mac, 0xff, sizeof(r->guest_mac));
}

void relay_done(struct relay *r)
{
	for (size_t i = 0; i < r->nr_ports; i++)
		(void)close(r->ports[i].fd);
	r->nr_ports = 0;
}

int relay_publish(struct relay *r, struct publish *p, struct err *err)
{
	socklen_t len = sizeof(p->host);

	if (r->nr_ports == PUBLISH_MAX)
		return err_say(err, E2BIG,
			       "more than %d published ports; publish fewer",
			       PUBLISH_MAX);

	int fd = publish_open(p, err);
	if (fd < 0)
		return fd;
	(void)getsockname(fd, &p->host.any, &len);
	r->ports[r->nr_ports++] = (struct relay_port){ fd, p->guest_port };
	return 0;
}

static bool same_addr(const union publish_addr *a, const union publish_addr *b)
{
	if (a->any.sa_family != b->any.sa_family ||
	    a->v4.sin_port != b->v4.sin_port)
		return false;
	if (a->any.sa_family == AF_INET6)
		return memcmp(&a->v6.sin6_addr, &b->v6.sin6_addr, 16) == 0;
	return a->v4.sin_addr.s_addr == b->v4.sin_addr.s_addr;
}

/* FNV-1a */
static uint32_t hash(const void *data, size_t len, uint32_t h)
{
	const uint8_t *p = data;

	for (size_t i = 0; i < len; i++)
		h = (h ^ p[i]) * 16777619U;
	return h;
}

/* Which set a flow lives in. */
static size_t set_of(uint16_t guest_port, const union publish_addr *a)
{
	uint32_t h = 2166136261U;

	if (a->any.sa_family == AF_INET6)
		h = hash(&a->v6.sin6_addr, sizeof(a->v6.sin6_addr), h);
	else
		h = hash(&a->v4.sin_addr, sizeof(a->v4.sin_addr), h);
	h = hash(&guest_port, sizeof(guest_port), h);
	h = hash(&a->v4.sin_port, sizeof(a->v4.sin_port), h);
	return (h ^ h >> 16) % RELAY_SETS;
}

struct relay_flow *relay_flow(struct relay *r, uint16_t guest_port,
			      const union publish_addr *shown, int64_t now_ms,
			      bool add)
{
	struct relay_flow *set = r->flows[set_of(guest_port, shown)];
	struct relay_flow *oldest = &set[0];

	for (size_t i = 0; i < RELAY_WAYS; i++) {
		struct relay_flow *f = &set[i];

		if (f->guest_port &&
		    now_ms - f->last_ms > (int64_t)RELAY_IDLE_MS)
			*f = (struct relay_flow){ .guest_port = 0 };
		if (f->guest_port == guest_port && same_addr(&f->shown, shown))
			return f;
		if (f->last_ms < oldest->last_ms)
			oldest = f;
	}
	if (!add)
		return NULL;
	*oldest = (struct relay_flow){
		.shown = *shown,
		.guest_port = guest_port,
	};
	return oldest;
}

static bool is_loopback(const union publish_addr *a)
{
	if (a->any.sa_family == AF_INET6)
		return IN6_IS_ADDR_LOOPBACK(&a->v6.sin6_addr);
	return ntohl(a->v4.sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
}

/* Addresses of this machine's loopback mean the guest itself over there. */
static union publish_addr shown_to_guest(const struct relay *r,
					 const union publish_addr *client)
{
	union publish_addr a = *client;

	if (!is_loopback(client))
		return a;
	if (a.any.sa_family == AF_INET6)
		(void)inet_pton(AF_INET6, NET_GATEWAY6, &a.v6.sin6_addr);
	else
		a.v4.sin_addr = r->gateway;
	return a;
}

static union publish_addr guest_address(const struct relay *r, int family,
					uint16_t port)
{
	union publish_addr a = { .v4.sin_family = AF_INET };

	if (family == AF_INET6) {
		a.v6.sin6_family = AF_INET6;
		(void)inet_pton(AF_INET6, NET_GUEST6, &a.v6.sin6_addr);
	} else {
		a.v4.sin_addr = r->guest;
	}
	/* The port has the same place in both kinds of address. */
	a.v4.sin_port = htons(port);
	return a;
}

/* One datagram of port @i.  False when there is none. */
static bool forward_one(struct relay *r, size_t i, int64_t now_ms,
			struct frames *f)
{
	const struct relay_port *port = &r->ports[i];
	union publish_addr client = { .v4.sin_family = AF_UNSPEC };
	socklen_t addr_len = sizeof(client);
	uint8_t data[PACKET_MTU];
	uint8_t frame[PACKET_FRAME_MAX];

	ssize_t n = recvfrom(port->fd, data, sizeof(data),
			     MSG_DONTWAIT | MSG_TRUNC, &client.any, &addr_len);
	if (n < 0)
		return false;

	union publish_addr shown = shown_to_guest(r, &client);
	struct packet p = {
		.src = shown,
		.dst = guest_address(r, client.any.sa_family, port->guest_port),
		.data = data,
		.len = (size_t)n,
	};
	size_t len = packet_build(&p, gateway_mac, r->guest_mac, frame);
	if (len == 0) {
		if (r->too_large++ == 0)
			log_warn("a datagram of %zd bytes for published udp "
				 "port %u is larger than a frame, ignoring it "
				 "and all such",
				 n, port->guest_port);
		return true;
	}

	struct relay_flow *flow =
		relay_flow(r, port->guest_port, &shown, now_ms, true);
	flow->client = client;
	flow->fd = port->fd;
	flow->last_ms = now_ms;
	frames_send(f, frame, len);
	return true;
}

void relay_to_guest(struct relay *r, size_t i, int64_t now_ms, struct frames *f)
{
	for (int n = 0; n < BATCH && !f->full; n++)
		if (!forward_one(r, i, now_ms, f))
			return;
}

bool relay_to_client(struct relay *r, const uint8_t *frame, size_t len,
		     int64_t now_ms)
{
	struct packet p;

	if (r->nr_ports == 0)
		return false;
	memcpy(r->guest_mac, frame + ETH_ALEN, ETH_ALEN);
	if (!packet_parse(frame, len, &p))
		return false;

	uint16_t port = ntohs(p.src.v4.sin_port);
	union publish_addr guest = guest_address(r, p.src.any.sa_family, port);
	if (port == 0 || !same_addr(&p.src, &guest))
		return false;

	struct relay_flow *flow = relay_flow(r, port, &p.dst, now_ms, false);
	if (!flow)
		return false;
	/* A datagram that the host cannot take is lost, as UDP may be. */
	(void)sendto(flow->fd, p.data, p.len, MSG_DONTWAIT | MSG_NOSIGNAL,
		     &flow->client.any, publish_addr_len(&flow->client));
	return true;
}

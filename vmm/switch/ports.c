/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ports.c - who comes, goes, and has which address.  A newcomer is a keeper of
 * our own user; whoever holds the wire later is as hostile as its guest.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "vmm/lib/io.h"
#include "vmm/switch/switch_priv.h"

/* Locally administered, one station (IEEE 802); the rest is the address. */
#define MAC_FIRST  0x02
#define MAC_SECOND 0xbe

static void name_station(const struct sw *sw, unsigned host,
			 struct station *ret)
{
	ret->addr.s_addr = htonl(ntohl(sw->net.base.s_addr) + host);
	ret->mac[0] = MAC_FIRST;
	ret->mac[1] = MAC_SECOND;
	memcpy(ret->mac + 2, &ret->addr, 4);
}

void ports_init(struct sw *sw)
{
	/* Without the network's own address and the last, for broadcasts. */
	uint64_t hosts = (UINT64_C(1) << (32 - sw->net.prefix)) - 1;

	sw->nr_places = hosts - SWITCH_FIRST < SWITCH_PORTS
				? (unsigned)(hosts - SWITCH_FIRST)
				: SWITCH_PORTS;
	name_station(sw, SWITCH_DNS, &sw->dns);
	for (unsigned i = 0; i < SWITCH_PORTS; i++) {
		struct port *p = &sw->port[i];

		p->guest = (struct wire){ .fd = -1, .port = p };
		p->uplink =
			(struct wire){ .fd = -1, .port = p, .uplink = true };
		name_station(sw, SWITCH_FIRST + i, &p->self);
	}
	for (unsigned i = 0; i < SWITCH_NEWCOMERS; i++)
		sw->newcomer[i].fd = -1;
}

struct port *ports_named(struct sw *sw, const char *name)
{
	for (unsigned i = 0; i < sw->nr_places; i++) {
		struct port *p = &sw->port[i];

		if (p->guest.fd >= 0 && (strcasecmp(p->id, name) == 0 ||
					 strcasecmp(p->name, name) == 0))
			return p;
	}
	return NULL;
}

struct port *ports_station(struct sw *sw, const uint8_t mac[ETH_ALEN])
{
	uint32_t addr;

	if (mac[0] != MAC_FIRST || mac[1] != MAC_SECOND)
		return NULL;
	memcpy(&addr, mac + 2, sizeof(addr));
	uint32_t place =
		ntohl(addr) - ntohl(sw->net.base.s_addr) - SWITCH_FIRST;
	if (place >= sw->nr_places || sw->port[place].guest.fd < 0)
		return NULL;
	return &sw->port[place];
}

void ports_accept(struct sw *sw)
{
	struct wire *w = NULL;

	for (unsigned i = 0; !w && i < SWITCH_NEWCOMERS; i++)
		if (sw->newcomer[i].fd < 0)
			w = &sw->newcomer[i];
	int fd =
		accept4(sw->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (fd < 0)
		return;
	/* All are waiting to say who they are: the keeper tries again. */
	if (!w) {
		(void)close(fd);
		return;
	}
	*w = (struct wire){ .fd = fd };
	forward_watch(sw, w);
}

static void shut(struct wire *w)
{
	/* Closed, epoll knows it no more: nobody has a copy. */
	if (w->fd >= 0)
		(void)close(w->fd);
	w->fd = -1;
	w->events = 0;
	queue_done(&w->out);
}

void ports_close(struct sw *sw, struct wire *w)
{
	shut(w);
	if (w->port && !w->uplink) {
		shut(&w->port->uplink);
		sw->nr_ports--;
	} else if (w->port) {
		/* It may have waited for its uplink. */
		forward_watch(sw, &w->port->guest);
	}
}

/* The newcomer's connection becomes @to.  -ENOMEM leaves it. */
static int adopt(struct wire *to, struct wire *w, unsigned senders)
{
	int r = queue_init(&to->out, senders);

	if (r < 0)
		return r;
	to->fd = w->fd;
	to->events = 0;
	w->fd = -1;
	return 0;
}

static int join_guest(struct sw *sw, struct wire *w,
		      const struct switch_hello *h, struct port **ret)
{
	struct port *p = NULL;

	if (ports_named(sw, h->id) || (h->name[0] && ports_named(sw, h->name)))
		return -EEXIST;
	for (unsigned i = 0; !p && i < sw->nr_places; i++)
		if (sw->port[i].guest.fd < 0)
			p = &sw->port[i];
	if (!p)
		return -EADDRNOTAVAIL;
	int r = adopt(&p->guest, w, SENDERS);
	if (r < 0)
		return r;
	memcpy(p->id, h->id, sizeof(p->id));
	memcpy(p->name, h->name[0] ? h->name : h->id,
	       h->name[0] ? sizeof(p->name) : sizeof(h->id));
	p->refused = 0;
	sw->nr_ports++;
	sw->begun = true;
	*ret = p;
	return 0;
}

static int join_uplink(struct sw *sw, struct wire *w,
		       const struct switch_hello *h, struct port **ret)
{
	struct port *p = ports_named(sw, h->id);

	if (!p || sw->net.internal)
		return -ENOENT;
	if (p->uplink.fd >= 0)
		return -EEXIST;
	*ret = p;
	return adopt(&p->uplink, w, 1);
}

static bool readable(const struct switch_hello *h)
{
	return h->version == SWITCH_VERSION && h->id[0] &&
	       memchr(h->id, '\0', sizeof(h->id)) &&
	       memchr(h->name, '\0', sizeof(h->name));
}

static int join(struct sw *sw, struct wire *w, const struct switch_hello *h,
		struct port **ret)
{
	if (!readable(h))
		return -EPROTO;
	switch (h->wire) {
	case SWITCH_GUEST:
		return join_guest(sw, w, h, ret);
	case SWITCH_UPLINK:
		return join_uplink(sw, w, h, ret);
	default:
		return -EPROTO;
	}
}

void ports_hello(struct sw *sw, struct wire *w)
{
	struct switch_welcome answer = { .version = SWITCH_VERSION };
	struct switch_hello h;
	struct port *p = NULL;
	int fd = w->fd;
	ssize_t n = io_recv(fd, sw->buf, sizeof(sw->buf), MSG_DONTWAIT);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	int r = -EPROTO;
	if (n == sizeof(h)) {
		memcpy(&h, sw->buf, sizeof(h));
		r = join(sw, w, &h, &p);
	}
	if (r == 0) {
		memcpy(answer.addr, &p->self.addr, sizeof(answer.addr));
		memcpy(answer.mac, p->self.mac, sizeof(answer.mac));
	}
	answer.error = (uint32_t)-r;
	(void)!io_send(fd, &answer, sizeof(answer),
		       MSG_DONTWAIT | MSG_NOSIGNAL);
	if (r < 0)
		ports_close(sw, w);
	else
		forward_watch(sw,
			      h.wire == SWITCH_GUEST ? &p->guest : &p->uplink);
}

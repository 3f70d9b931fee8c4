/* SPDX-License-Identifier: Apache-2.0 */
/* publish.c - a published port: from text to a bound socket. */
#include "vmm/lib/publish.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "vmm/lib/auto.h"
#include "vmm/lib/parse.h"

#define SPEC_MAX 128

#define LISTEN_BACKLOG 128

static int bad(const char *text, struct err *err, const char *why)
{
	return err_say(err, EINVAL, "publish '%s': %s", text, why);
}

/* Cut "/proto" off @spec. */
static int take_proto(const char *text, char *spec, bool *ret, struct err *err)
{
	char *slash = strchr(spec, '/');

	*ret = false;
	if (!slash)
		return 0;
	*slash = '\0';
	if (strcmp(slash + 1, "udp") == 0)
		*ret = true;
	else if (strcmp(slash + 1, "tcp") != 0)
		return bad(text, err,
			   "the protocol after '/' must be tcp or udp");
	return 0;
}

static int take_port(const char *text, const char *port, uint64_t min,
		     uint16_t *ret, struct err *err)
{
	uint64_t v = 0;
	char what[SPEC_MAX + 16];

	if (strchr(port, '-'))
		return bad(text, err,
			   "port ranges are not supported; "
			   "repeat the option for each port");
	(void)snprintf(what, sizeof(what), "publish '%s': port", text);
	int r = parse_u64(port, what, min, UINT16_MAX, &v, err);
	if (r == 0)
		*ret = (uint16_t)v;
	return r;
}

/* @ip without brackets. */
static int take_address(const char *text, const char *ip, bool v6,
			union publish_addr *ret, struct err *err)
{
	union publish_addr a = { .v4.sin_family = AF_INET };
	int ok;

	if (v6) {
		a.v6.sin6_family = AF_INET6;
		ok = inet_pton(AF_INET6, ip, &a.v6.sin6_addr);
	} else {
		ok = inet_pton(AF_INET, ip, &a.v4.sin_addr);
	}
	if (ok != 1)
		return bad(text, err,
			   "the address must be numeric, such as 0.0.0.0 "
			   "or [::1]");
	*ret = a;
	return 0;
}

/*
 * The host side of @spec is [IP:]PORT, where either may be empty, and an IPv6
 * address stands in brackets.
 */
static int take_host(const char *text, char *spec, union publish_addr *addr,
		     uint16_t *port, struct err *err)
{
	const char *ip = "127.0.0.1";
	char *rest = spec;
	bool v6 = spec[0] == '[';

	if (v6) {
		char *close = strchr(spec, ']');

		if (!close || close[1] != ':')
			return bad(text, err,
				   "an IPv6 address is written [ADDRESS]:"
				   "HOSTPORT:GUESTPORT");
		*close = '\0';
		ip = spec + 1;
		rest = close + 2;
	} else {
		char *colon = strchr(spec, ':');

		if (colon) {
			*colon = '\0';
			ip = spec[0] ? spec : ip;
			rest = colon + 1;
		}
	}
	if (strchr(rest, ':'))
		return bad(text, err,
			   "too many ':'; write [IP:]HOSTPORT:GUESTPORT, "
			   "and brackets around an IPv6 address");

	int r = take_address(text, ip, v6, addr, err);
	if (r == 0 && rest[0])
		r = take_port(text, rest, 0, port, err);
	return r;
}

static void set_port(union publish_addr *a, uint16_t port)
{
	if (a->any.sa_family == AF_INET6)
		a->v6.sin6_port = htons(port);
	else
		a->v4.sin_port = htons(port);
}

int publish_parse(const char *text, struct publish *ret, struct err *err)
{
	struct publish p = { .udp = false };
	char spec[SPEC_MAX];
	char none[] = "";
	uint16_t host_port = 0;

	if (strlen(text) >= sizeof(spec))
		return err_say(err, EINVAL,
			       "publish: '%.40s...' is longer than any port "
			       "specification",
			       text);
	memcpy(spec, text, strlen(text) + 1);

	int r = take_proto(text, spec, &p.udp, err);
	if (r < 0)
		return r;

	/* The guest's port is what follows the last colon. */
	char *colon = strrchr(spec, ':');
	char *host = none;
	const char *guest = spec;
	if (colon) {
		*colon = '\0';
		host = spec;
		guest = colon + 1;
	}
	r = take_port(text, guest, 1, &p.guest_port, err);
	if (r == 0)
		r = take_host(text, host, &p.host, &host_port, err);
	if (r < 0)
		return r;
	set_port(&p.host, host_port);
	*ret = p;
	return 0;
}

socklen_t publish_addr_len(const union publish_addr *a)
{
	return a->any.sa_family == AF_INET6 ? sizeof(a->v6) : sizeof(a->v4);
}

uint16_t publish_host_port(const struct publish *p)
{
	return ntohs(p->host.any.sa_family == AF_INET6 ? p->host.v6.sin6_port
						       : p->host.v4.sin_port);
}

static void host_text(const struct publish *p, char *buf, size_t len)
{
	char ip[INET6_ADDRSTRLEN] = "";
	bool v6 = p->host.any.sa_family == AF_INET6;

	if (v6)
		(void)inet_ntop(AF_INET6, &p->host.v6.sin6_addr, ip,
				sizeof(ip));
	else
		(void)inet_ntop(AF_INET, &p->host.v4.sin_addr, ip, sizeof(ip));
	(void)snprintf(buf, len, v6 ? "[%s]:%u" : "%s:%u", ip,
		       publish_host_port(p));
}

void publish_format(const struct publish *p, char *buf, size_t len)
{
	char host[PUBLISH_TEXT_MAX];

	host_text(p, host, sizeof(host));
	(void)snprintf(buf, len, "%s %s -> %u", p->udp ? "udp" : "tcp", host,
		       p->guest_port);
}

int publish_fail(const struct publish *p, int errnum, struct err *err)
{
	const char *proto = p->udp ? "udp" : "tcp";
	char host[PUBLISH_TEXT_MAX];

	host_text(p, host, sizeof(host));
	switch (errnum) {
	case EADDRINUSE:
		return err_say(err, errnum,
			       "cannot publish %s port %s: it is already in "
			       "use; choose another host port, or leave it "
			       "empty for a free one",
			       proto, host);
	case EACCES:
		return err_say(err, errnum,
			       "cannot publish %s port %s: this user may not "
			       "bind it; choose a host port of 1024 or above",
			       proto, host);
	case EADDRNOTAVAIL:
		return err_say(err, errnum,
			       "cannot publish %s port %s: this machine has "
			       "no such address; choose one of its own, or "
			       "leave it empty for 127.0.0.1",
			       proto, host);
	default:
		return err_set(err, errnum, "cannot publish %s port %s", proto,
			       host);
	}
}

int publish_open(const struct publish *p, struct err *err)
{
	int type = (p->udp ? SOCK_DGRAM : SOCK_STREAM) | SOCK_CLOEXEC |
		   SOCK_NONBLOCK;
	int family = p->host.any.sa_family;
	int on = 1;

	AUTO_CLOSE int fd = socket(family, type, 0);
	if (fd < 0)
		return publish_fail(p, errno, err);

	/*
	 * [::] leaves 0.0.0.0 to another option.  Address reuse is for TCP
	 * only, where it skips TIME_WAIT; on UDP it would let two VMs bind
	 * the same port.
	 */
	if ((family == AF_INET6 &&
	     setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on)) < 0) ||
	    (!p->udp &&
	     setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0) ||
	    bind(fd, &p->host.any, publish_addr_len(&p->host)) < 0 ||
	    (!p->udp && listen(fd, LISTEN_BACKLOG) < 0))
		return publish_fail(p, errno, err);
	return TAKE_FD(fd);
}

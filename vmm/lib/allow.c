/* SPDX-License-Identifier: Apache-2.0 */
/* allow.c - entries of --allow: their text, and looking them up. */
#include "vmm/lib/allow.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "vmm/abi/net.h"
#include "vmm/lib/parse.h"

#define LABEL_MAX 63
#define SPEC_MAX  (ALLOW_NAME_MAX + 16)

static int bad(const char *text, struct err *err, const char *why)
{
	return err_say(err, EINVAL, "--allow '%.300s': %s", text, why);
}

/* RFC 1123 section 2.1, and the '_' that exists in practice. */
static bool is_name(const char *name)
{
	size_t label = 0;

	if (strlen(name) > ALLOW_NAME_MAX)
		return false;
	for (const char *p = name; *p; p++) {
		if (*p == '.') {
			if (label == 0)
				return false;
			label = 0;
			continue;
		}
		if (!(isalnum((unsigned char)*p) || *p == '-' || *p == '_') ||
		    ++label > LABEL_MAX)
			return false;
	}
	return label > 0;
}

/* "127.1" and "10.0.0.300" are no names either, but resolvers take them. */
static bool ends_in_number(const char *name)
{
	const char *dot = strrchr(name, '.');
	const char *last = dot ? dot + 1 : name;

	return last[strspn(last, "0123456789")] == '\0';
}

static int add4(struct allow *a, const char *ip)
{
	if (a->nr4 == ALLOW_ADDRS ||
	    inet_pton(AF_INET, ip, &a->v4[a->nr4]) != 1)
		return -EINVAL;
	a->nr4++;
	return 0;
}

static int add6(struct allow *a, const char *ip)
{
	if (a->nr6 == ALLOW_ADDRS ||
	    inet_pton(AF_INET6, ip, &a->v6[a->nr6]) != 1)
		return -EINVAL;
	a->nr6++;
	return 0;
}

static int take_proto(const char *text, const char *proto, bool *ret,
		      struct err *err)
{
	if (strcmp(proto, "tcp") != 0 && strcmp(proto, "udp") != 0)
		return bad(text, err, "the protocol must be tcp or udp");
	*ret = proto[0] == 'u';
	return 0;
}

static int take_port(const char *text, const char *port, uint16_t *ret,
		     struct err *err)
{
	char what[SPEC_MAX + 32];
	uint64_t v = 0;

	(void)snprintf(what, sizeof(what), "--allow '%.260s': port", text);
	int r = parse_u64(port, what, 1, UINT16_MAX, &v, err);
	if (r == 0)
		*ret = (uint16_t)v;
	return r;
}

static int take_host(const char *text, char *host, struct allow *a,
		     struct err *err)
{
	size_t len = strlen(host);
	const char *why = NULL;

	if (host[0] == '[' && host[len - 1] == ']') {
		host[len - 1] = '\0';
		if (add6(a, host + 1) < 0)
			return bad(text, err,
				   "what stands in brackets is not an IPv6 "
				   "address such as [2001:db8::1]");
		why = allow_unusable6(&a->v6[0]);
	} else if (strchr(host, ':')) {
		return bad(text, err,
			   "too many ':'; write HOST:PORT, and brackets around "
			   "an IPv6 address");
	} else if (add4(a, host) == 0) {
		why = allow_unusable4(a->v4[0]);
	} else {
		/* A dot at the end says only that the name is complete. */
		if (len > 1 && host[len - 1] == '.')
			host[len - 1] = '\0';
		if (!is_name(host) || ends_in_number(host))
			return bad(text, err,
				   "before ':' must stand a host name, an IPv4 "
				   "address or an [IPv6] address");
		memcpy(a->name, host, strlen(host) + 1);
	}
	if (why)
		return err_say(err, EINVAL,
			       "--allow '%.300s': this address %s, which no "
			       "guest can reach",
			       text, why);
	return 0;
}

int allow_parse(const char *text, struct allow *ret, struct err *err)
{
	struct allow a = { .port = 0 };
	char spec[SPEC_MAX];

	if (strlen(text) >= sizeof(spec))
		return err_say(err, EINVAL,
			       "--allow: '%.40s...' is longer than any "
			       "HOST:PORT",
			       text);
	memcpy(spec, text, strlen(text) + 1);

	char *slash = strchr(spec, '/');
	if (slash) {
		*slash = '\0';
		int r = take_proto(text, slash + 1, &a.udp, err);

		if (r < 0)
			return r;
	}
	char *colon = strrchr(spec, ':');
	if (!colon || colon == spec || colon[1] == '\0' || strchr(colon, ']'))
		return bad(text, err,
			   "a port is missing; write HOST:PORT, such as "
			   "example.com:443");
	*colon = '\0';
	int r = take_port(text, colon + 1, &a.port, err);
	if (r == 0)
		r = take_host(text, spec, &a, err);
	if (r < 0)
		return r;
	*ret = a;
	return 0;
}

void allow_format(const struct allow *a, char *buf, size_t len)
{
	char ip[INET6_ADDRSTRLEN];
	int at = snprintf(buf, len, "%s:%u:%s", a->udp ? "udp" : "tcp", a->port,
			  a->name);

	for (unsigned i = 0; i < a->nr4 + a->nr6; i++) {
		if (at < 0 || (size_t)at >= len)
			return;
		if (i < a->nr4)
			(void)inet_ntop(AF_INET, &a->v4[i], ip, sizeof(ip));
		else
			(void)inet_ntop(AF_INET6, &a->v6[i - a->nr4], ip,
					sizeof(ip));
		at += snprintf(buf + at, len - (size_t)at, "%c%s",
			       i == 0 ? '=' : ',', ip);
	}
}

int allow_parse_pinned(const char *text, struct allow *ret, struct err *err)
{
	struct allow a = { .port = 0 };
	char spec[ALLOW_TEXT_MAX];
	int r = -EINVAL;

	if (strlen(text) >= sizeof(spec))
		return bad(text, err, "longer than any entry");
	memcpy(spec, text, strlen(text) + 1);

	char *port = strchr(spec, ':');
	char *name = port ? strchr(port + 1, ':') : NULL;
	char *addr = name ? strchr(name + 1, '=') : NULL;
	if (!addr)
		return bad(text, err,
			   "not PROTO:PORT:[NAME]=ADDRESS[,ADDRESS...]");
	*port++ = *name++ = *addr++ = '\0';

	if (name[0] && !is_name(name))
		return bad(text, err, "not a host name before '='");
	memcpy(a.name, name, strlen(name) + 1);
	r = take_proto(text, spec, &a.udp, err);
	if (r == 0)
		r = take_port(text, port, &a.port, err);
	if (r < 0)
		return r;
	for (char *next = addr; next; addr = next) {
		next = strchr(addr, ',');
		if (next)
			*next++ = '\0';
		if ((strchr(addr, ':') ? add6(&a, addr) : add4(&a, addr)) < 0)
			return bad(text, err,
				   "not a list of addresses behind '='");
	}
	*ret = a;
	return 0;
}

static bool in_net4(struct in_addr addr, const char *net, unsigned prefix)
{
	struct in_addr n = { 0 };

	(void)inet_pton(AF_INET, net, &n);
	return (ntohl(addr.s_addr ^ n.s_addr)) >> (32 - prefix) == 0;
}

const char *allow_unusable4(struct in_addr addr)
{
	if (in_net4(addr, "127.0.0.0", 8))
		return "is this machine's own loopback";
	if (in_net4(addr, "0.0.0.0", 8))
		return "means no machine";
	if (ntohl(addr.s_addr) >> 29 == 7)
		return "is multicast, broadcast or reserved";
	if (in_net4(addr, NET_GATEWAY4, NET_PREFIX4))
		return "lies in the guest's own network";
	return NULL;
}

const char *allow_unusable6(const struct in6_addr *addr)
{
	static const uint8_t zero[8];
	struct in6_addr own;

	if (IN6_IS_ADDR_LOOPBACK(addr))
		return "is this machine's own loopback";
	/* ::, ::a.b.c.d, ::ffff:a.b.c.d: not addresses of a wire. */
	if (memcmp(addr, zero, sizeof(zero)) == 0)
		return "means no machine, or stands for an IPv4 address";
	if (IN6_IS_ADDR_MULTICAST(addr))
		return "is multicast";
	if (IN6_IS_ADDR_LINKLOCAL(addr))
		return "is link-local";
	(void)inet_pton(AF_INET6, NET_GATEWAY6, &own);
	if (memcmp(addr, &own, NET_PREFIX6 / 8) == 0)
		return "lies in the guest's own network";
	return NULL;
}

const struct allow *allow_find4(const struct allow_list *list, bool udp,
				struct in_addr addr, uint16_t port)
{
	for (size_t i = 0; i < list->n; i++) {
		const struct allow *a = &list->v[i];

		if (a->udp != udp || a->port != port)
			continue;
		for (unsigned k = 0; k < a->nr4; k++)
			if (a->v4[k].s_addr == addr.s_addr)
				return a;
	}
	return NULL;
}

const struct allow *allow_find6(const struct allow_list *list, bool udp,
				const struct in6_addr *addr, uint16_t port)
{
	for (size_t i = 0; i < list->n; i++) {
		const struct allow *a = &list->v[i];

		if (a->udp != udp || a->port != port)
			continue;
		for (unsigned k = 0; k < a->nr6; k++)
			if (IN6_ARE_ADDR_EQUAL(&a->v6[k], addr))
				return a;
	}
	return NULL;
}

const struct allow *allow_find_name(const struct allow_list *list,
				    const char *name)
{
	for (size_t i = 0; i < list->n; i++)
		if (list->v[i].name[0] &&
		    strcasecmp(list->v[i].name, name) == 0)
			return &list->v[i];
	return NULL;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* pin.c - look up the names of --allow. */
#include "vmm/manager/pin.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <string.h>

#include "vmm/lib/json.h"

static bool has4(const struct allow *a, struct in_addr addr)
{
	for (unsigned i = 0; i < a->nr4; i++)
		if (a->v4[i].s_addr == addr.s_addr)
			return true;
	return false;
}

static bool has6(const struct allow *a, const struct in6_addr *addr)
{
	for (unsigned i = 0; i < a->nr6; i++)
		if (IN6_ARE_ADDR_EQUAL(&a->v6[i], addr))
			return true;
	return false;
}

/* Why the address was left out, or NULL. */
static const char *add(struct allow *a, const struct addrinfo *ai)
{
	if (ai->ai_family == AF_INET) {
		struct sockaddr_in sa;

		memcpy(&sa, ai->ai_addr, sizeof(sa));
		const char *why = allow_unusable4(sa.sin_addr);
		if (!why && a->nr4 < ALLOW_ADDRS && !has4(a, sa.sin_addr))
			a->v4[a->nr4++] = sa.sin_addr;
		return why;
	}
	if (ai->ai_family == AF_INET6) {
		struct sockaddr_in6 sa;

		memcpy(&sa, ai->ai_addr, sizeof(sa));
		const char *why = allow_unusable6(&sa.sin6_addr);
		if (!why && a->nr6 < ALLOW_ADDRS && !has6(a, &sa.sin6_addr))
			a->v6[a->nr6++] = sa.sin6_addr;
		return why;
	}
	return "is of an unknown kind";
}

static int look_up(struct allow *a, struct err *err)
{
	const struct addrinfo hints = {
		.ai_family = AF_UNSPEC,
		.ai_socktype = SOCK_STREAM,
		/* Addresses this machine has no way to would only delay. */
		.ai_flags = AI_ADDRCONFIG,
	};
	struct addrinfo *found = NULL;
	const char *why = NULL;
	int r = getaddrinfo(a->name, NULL, &hints, &found);

	if (r != 0)
		return err_say(err, r == EAI_AGAIN ? EAGAIN : ENOENT,
			       "--allow %s:%u: cannot look up '%s': %s; check "
			       "its spelling and the host's name server, or "
			       "give an address",
			       a->name, a->port, a->name,
			       r == EAI_SYSTEM ? strerror(errno)
					       : gai_strerror(r));
	for (const struct addrinfo *ai = found; ai; ai = ai->ai_next) {
		const char *reason = add(a, ai);

		why = reason ? reason : why;
	}
	freeaddrinfo(found);
	if (a->nr4 + a->nr6 == 0)
		return err_say(err, EINVAL,
			       "--allow %s:%u: the address of '%s' %s, which "
			       "no guest can reach",
			       a->name, a->port, a->name, why);
	return 0;
}

static int pin(const struct allow_list *before, struct allow *a,
	       struct err *err)
{
	if (!a->name[0])
		return 0;

	const struct allow *same = allow_find_name(before, a->name);
	if (!same)
		return look_up(a, err);
	a->nr4 = same->nr4;
	a->nr6 = same->nr6;
	memcpy(a->v4, same->v4, sizeof(a->v4));
	memcpy(a->v6, same->v6, sizeof(a->v6));
	return 0;
}

int pin_all(const struct strv *texts, struct allow_list *ret, struct err *err)
{
	ret->n = 0;
	for (size_t i = 0; i < texts->n; i++) {
		if (i == ALLOW_MAX)
			return err_say(err, E2BIG,
				       "--allow: more than %d entries; allow "
				       "fewer",
				       ALLOW_MAX);
		int r = allow_parse(texts->v[i], &ret->v[i], err);
		if (r == 0)
			r = pin(ret, &ret->v[i], err);
		if (r < 0)
			return r;
		ret->n++;
	}
	return 0;
}

static struct json_object *addresses(const struct allow *a)
{
	struct json_object *list = json_object_new_array();
	char ip[INET6_ADDRSTRLEN] = "";

	for (unsigned i = 0; i < a->nr4; i++) {
		(void)inet_ntop(AF_INET, &a->v4[i], ip, sizeof(ip));
		(void)json_object_array_add(list, json_object_new_string(ip));
	}
	for (unsigned i = 0; i < a->nr6; i++) {
		(void)inet_ntop(AF_INET6, &a->v6[i], ip, sizeof(ip));
		(void)json_object_array_add(list, json_object_new_string(ip));
	}
	return list;
}

struct json_object *pin_to_json(const struct allow_list *list)
{
	struct json_object *all = json_object_new_array();

	for (size_t i = 0; i < list->n; i++) {
		const struct allow *a = &list->v[i];
		struct json_object *o = json_object_new_object();

		if (a->name[0])
			json_put_str(o, "name", a->name);
		(void)json_object_object_add(o, "addresses", addresses(a));
		(void)json_object_object_add(o, "port",
					     json_object_new_int(a->port));
		json_put_str(o, "protocol", a->udp ? "udp" : "tcp");
		(void)json_object_array_add(all, o);
	}
	return all;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* network_options.c - the grammar of --network. */
#include "vmm/manager/network_options.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>

#include "vmm/abi/net.h"
#include "vmm/lib/parse.h"
#include "vmm/manager/cli.h"
#include "vmm/manager/networks.h"
#include "vmm/manager/tap.h"

enum { KEY_IP, KEY_GATEWAY, KEY_DNS, KEY_MAC, KEY_VHOST, KEY_QUEUES, KEY_MTU };

/* getsubopt() takes its keys without a const. */
static char key_ip[] = "ip";
static char key_gateway[] = "gateway";
static char key_dns[] = "dns";
static char key_mac[] = "mac";
static char key_vhost[] = "vhost";
static char key_queues[] = "queues";
static char key_mtu[] = "mtu";

static char *const keys[] = {
	[KEY_IP] = key_ip,	 [KEY_GATEWAY] = key_gateway,
	[KEY_DNS] = key_dns,	 [KEY_MAC] = key_mac,
	[KEY_VHOST] = key_vhost, [KEY_QUEUES] = key_queues,
	[KEY_MTU] = key_mtu,	 NULL,
};

static const char *const kinds[] = {
	[NETWORK_USER] = "user",       [NETWORK_NONE] = "none",
	[NETWORK_TAP] = "tap",	       [NETWORK_BRIDGE] = "bridge",
	[NETWORK_NAMED] = "a network",
};

const char *network_options_mode(const struct network_options *o)
{
	return o->kind == NETWORK_NAMED ? o->name : kinds[o->kind];
}

const char *network_options_interface(const struct network_options *o)
{
	return o->kind == NETWORK_NAMED ? NULL : o->name;
}

/* Bits of the address @text, 0 when it is none. */
static unsigned address_bits(const char *text)
{
	unsigned char addr[16];

	if (inet_pton(AF_INET, text, addr) == 1)
		return 32;
	return inet_pton(AF_INET6, text, addr) == 1 ? 128 : 0;
}

static int add(struct strv *to, const char *text, struct err *err)
{
	int r = strv_add(to, "%s", text);

	return r < 0 ? err_set(err, -r, "read the options") : 0;
}

/* "192.0.2.5/24" */
static int add_network_address(struct strv *to, const char *text,
			       struct err *err)
{
	char addr[INET6_ADDRSTRLEN];
	size_t len = strcspn(text, "/");
	uint64_t prefix;
	unsigned bits = 0;

	if (len < sizeof(addr)) {
		memcpy(addr, text, len);
		addr[len] = '\0';
		bits = address_bits(addr);
	}
	if (!bits || !text[len])
		return err_say(err, EINVAL,
			       "--network: '%s' is not an address with the "
			       "length of its prefix, such as 192.0.2.5/24",
			       text);
	int r = parse_u64(text + len + 1, "--network: the prefix of ip", 0,
			  bits, &prefix, err);
	return r < 0 ? r : add(to, text, err);
}

static int add_address(struct strv *to, const char *text, struct err *err)
{
	if (!address_bits(text))
		return err_say(err, EINVAL,
			       "--network: '%s' is not an IP address", text);
	return add(to, text, err);
}

static int set_vhost(struct network_options *o, const char *text,
		     struct err *err)
{
	bool on;
	int r = cli_choose("--network: vhost", text, "off", "on", &on, err);

	if (r == 0)
		o->vhost = on ? VHOST_ON : VHOST_OFF;
	return r;
}

static int set_mtu(struct network_options *o, const char *text, struct err *err)
{
	uint64_t mtu = 0;
	int r = parse_u64(text, "--network: mtu", NET_MTU_MIN, NET_MTU, &mtu,
			  err);

	o->mtu = (unsigned)mtu;
	return r;
}

static int set_queues(struct network_options *o, const char *text,
		      struct err *err)
{
	uint64_t n = 0;
	int r = parse_u64(text, "--network: queues", 1, TAP_QUEUES_MAX, &n,
			  err);

	o->queues = (unsigned)n;
	return r;
}

/* What a guest behind belljar-net is told, and what one behind a tap. */
static bool goes_with(enum network_kind kind, int key)
{
	return (kind == NETWORK_USER || kind == NETWORK_NAMED) ==
	       (key == KEY_MTU);
}

static int set(struct network_options *o, int key, const char *value,
	       const char *option, struct err *err)
{
	if (!value || !goes_with(o->kind, key))
		key = -1;
	switch (key) {
	case KEY_IP:
		return add_network_address(&o->addrs, value, err);
	case KEY_GATEWAY:
		return add_address(&o->gateways, value, err);
	case KEY_DNS:
		return add_address(&o->dns, value, err);
	case KEY_MAC:
		o->has_mac = true;
		return parse_mac(value, "--network: mac", o->mac, err);
	case KEY_VHOST:
		return set_vhost(o, value, err);
	case KEY_QUEUES:
		return set_queues(o, value, err);
	case KEY_MTU:
		return set_mtu(o, value, err);
	default:
		return err_say(err, EINVAL,
			       "--network: '%s' is not an option of %s; %s",
			       option, kinds[o->kind],
			       goes_with(o->kind, KEY_MTU)
				       ? "there is mtu="
				       : "there are ip=, gateway=, dns=, "
					 "mac=, queues= and vhost=");
	}
}

static int set_options(struct network_options *o, char *opts, struct err *err)
{
	char *value;
	int r = 0;

	while (r == 0 && opts && *opts) {
		const char *option = opts;
		int key = getsubopt(&opts, keys, &value);

		r = set(o, key, value, option, err);
	}
	return r;
}

/* A name that the kernel gives an interface. */
static int check_name(const char *name, struct err *err)
{
	size_t len = strlen(name);

	if (len == 0 || len >= IF_NAMESIZE || strpbrk(name, "/:% \t\n") ||
	    strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		return err_say(err, EINVAL,
			       "--network: '%s' is not the name of an "
			       "interface; it has 1 to %d characters",
			       name, IF_NAMESIZE - 1);
	return 0;
}

/* Whether there is such a network is found out later. */
static int parse_named(char *text, char *opts, struct network_options *ret,
		       struct err *err)
{
	if (opts)
		*opts = '\0';
	int r = networks_check_name(text, NULL);
	if (opts && r < 0)
		*opts = ',';
	else if (opts)
		opts++;
	if (r < 0)
		return err_say(err, EINVAL,
			       "--network: '%s' is none of user, none, "
			       "tap=NAME, bridge=NAME and the name of a "
			       "network",
			       text);
	ret->kind = NETWORK_NAMED;
	ret->name = text;
	return set_options(ret, opts, err);
}

int network_options_parse(char *text, struct network_options *ret,
			  struct err *err)
{
	char *opts = strchr(text, ',');

	network_options_done(ret);
	*ret = (struct network_options){ .given = true };
	for (int k = NETWORK_USER; k <= NETWORK_BRIDGE; k++) {
		size_t len = strlen(kinds[k]);
		bool named = k >= NETWORK_TAP;
		int r = 0;

		if (strncmp(text, kinds[k], len) != 0 ||
		    (named ? text[len] != '='
			   : text[len] &&
				     (text[len] != ',' || k == NETWORK_NONE)))
			continue;
		ret->kind = (enum network_kind)k;
		if (opts)
			*opts++ = '\0';
		if (named) {
			ret->name = text + len + 1;
			r = check_name(ret->name, err);
		}
		return r < 0 ? r : set_options(ret, opts, err);
	}
	return parse_named(text, opts, ret, err);
}

void network_options_done(struct network_options *o)
{
	strv_done(&o->addrs);
	strv_done(&o->gateways);
	strv_done(&o->dns);
}

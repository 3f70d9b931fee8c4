/* SPDX-License-Identifier: Apache-2.0 */
/* networks.c - make, find, list and remove networks that VMs share. */
#include "vmm/manager/networks.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vmm/abi/switch.h"
#include "vmm/lib/auto.h"
#include "vmm/lib/io.h"
#include "vmm/lib/json.h"
#include "vmm/lib/parse.h"
#include "vmm/manager/strv.h"
#include "vmm/manager/vmdir.h"

#define FILE_MAX   4096 /* bytes of NAME.json */
#define PREFIX_MIN 8
#define PREFIX_MAX 29 /* four VMs */

/* Where subnets are taken from, as podman does: 10.89.0.0/24 and on. */
#define POOL_BASE   0x0a590000U
#define POOL_NR	    167U /* to 10.255.0.0, in steps of a /16 */
#define POOL_SUB    256U
#define POOL_PREFIX 24

static const char letters[] = "abcdefghijklmnopqrstuvwxyz"
			      "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-";

int networks_check_name(const char *name, struct err *err)
{
	/* Modes of --network, here and under docker. */
	static const char *const taken[] = { "user",	 "none", "tap",
					     "bridge",	 "host", "default",
					     "container" };
	size_t len = strlen(name);

	for (size_t i = 0; i < sizeof(taken) / sizeof(taken[0]); i++)
		if (strcmp(name, taken[i]) == 0)
			return err_say(err, EINVAL,
				       "'%s' cannot be the name of a network: "
				       "--network %s means another thing; "
				       "choose another",
				       name, name);
	if (len == 0 || len > NETWORK_NAME_MAX || strchr("_.-", name[0]) ||
	    strspn(name, letters) != len)
		return err_say(err, EINVAL,
			       "'%s' cannot be the name of a network; use up "
			       "to %d letters, digits, '_', '.' and '-', a "
			       "letter or digit first",
			       name, NETWORK_NAME_MAX);
	return 0;
}

static void folder(const char *of, char ret[PATH_MAX])
{
	vmdir_file(of, "networks", ret);
}

static void file_of(const char *of, const char *name, const char *end,
		    char ret[PATH_MAX])
{
	char file[NETWORK_NAME_MAX + 32];

	(void)snprintf(file, sizeof(file), "networks/%.*s.%s", NETWORK_NAME_MAX,
		       name, end);
	vmdir_file(of, file, ret);
}

int networks_socket(const struct manager *mgr, const char *name, bool make,
		    char ret[PATH_MAX], struct err *err)
{
	char dir[PATH_MAX];

	folder(mgr->run, dir);
	file_of(mgr->run, name, "sock", ret);
	return make ? io_mkdirs(dir, 0700, err) : 0;
}

static uint32_t mask(unsigned prefix)
{
	return UINT32_MAX << (32 - prefix);
}

struct in_addr networks_host(const struct network *net, unsigned host)
{
	return (struct in_addr){ htonl(ntohl(net->base.s_addr) + host) };
}

void networks_subnet(const struct network *net, char ret[NETWORK_SUBNET])
{
	char text[INET_ADDRSTRLEN];

	(void)inet_ntop(AF_INET, &net->base, text, sizeof(text));
	(void)snprintf(ret, NETWORK_SUBNET, "%s/%u", text, net->prefix);
}

/* Addresses that stations of a network of their own can have. */
static bool is_usable(uint32_t base)
{
	uint32_t first = base >> 24;

	return first != 0 && first != 127 && first < 224 &&
	       base >> 16 != 0xa9fe;
}

static int parse_subnet(const char *text, struct network *net, struct err *err)
{
	char addr[INET_ADDRSTRLEN] = "";
	size_t len = strcspn(text, "/");
	uint64_t prefix = 0;

	if (len < sizeof(addr))
		memcpy(addr, text, len);
	if (!text[len] || inet_pton(AF_INET, addr, &net->base) != 1)
		return err_say(err, EINVAL,
			       "--subnet: '%s' is not an IPv4 subnet such as "
			       "10.89.0.0/24",
			       text);
	int r = parse_u64(text + len + 1, "--subnet: the prefix", PREFIX_MIN,
			  PREFIX_MAX, &prefix, err);
	if (r < 0)
		return r;
	net->prefix = (unsigned)prefix;
	uint32_t base = ntohl(net->base.s_addr);
	if (base & ~mask(net->prefix)) {
		net->base.s_addr = htonl(base & mask(net->prefix));
		(void)inet_ntop(AF_INET, &net->base, addr, sizeof(addr));
		return err_say(err, EINVAL,
			       "--subnet: '%s' is an address in a subnet; the "
			       "subnet is %s/%u",
			       text, addr, net->prefix);
	}
	if (!is_usable(base))
		return err_say(err, EINVAL,
			       "--subnet: VMs cannot have addresses of '%s'; "
			       "take one of 10.0.0.0/8, 172.16.0.0/12 or "
			       "192.168.0.0/16",
			       text);
	return 0;
}

static bool overlap(const struct network *a, const struct network *b)
{
	uint32_t m = mask(a->prefix < b->prefix ? a->prefix : b->prefix);

	return ((ntohl(a->base.s_addr) ^ ntohl(b->base.s_addr)) & m) == 0;
}

/* What @arg, the first two, is: is the second in the way of the first? */
struct clash {
	const struct network *wanted;
	struct network with;
};

static int find_clash(const struct network *net, void *arg)
{
	struct clash *c = arg;

	if (!overlap(net, c->wanted))
		return 0;
	c->with = *net;
	return 1;
}

static bool host_has(const struct network *net)
{
	struct ifaddrs *all = NULL;
	bool has = false;

	if (getifaddrs(&all) < 0)
		return false;
	for (const struct ifaddrs *i = all; i; i = i->ifa_next) {
		struct sockaddr_in a;

		if (!i->ifa_addr || i->ifa_addr->sa_family != AF_INET)
			continue;
		memcpy(&a, i->ifa_addr, sizeof(a));
		has |= ((ntohl(a.sin_addr.s_addr) ^ ntohl(net->base.s_addr)) &
			mask(net->prefix)) == 0;
	}
	freeifaddrs(all);
	return has;
}

/* The first of the pool that nobody has. */
static int choose_subnet(const struct manager *mgr, struct network *net,
			 struct err *err)
{
	struct clash c = { .wanted = net };

	net->prefix = POOL_PREFIX;
	for (uint32_t i = 0; i < POOL_NR * POOL_SUB; i++) {
		net->base.s_addr = htonl(POOL_BASE + (i << 8));
		int r = host_has(net) ? 1
				      : networks_walk(mgr, find_clash, &c, err);
		if (r <= 0)
			return r;
	}
	return err_say(
		err, ENOSPC,
		"no subnet is left for a network; give one with "
		"--subnet, or remove networks with 'belljar network rm'");
}

static int check_subnet(const struct manager *mgr, struct network *net,
			struct err *err)
{
	struct clash c = { .wanted = net };
	char other[NETWORK_SUBNET];
	int r = networks_walk(mgr, find_clash, &c, err);

	if (r <= 0)
		return r;
	networks_subnet(&c.with, other);
	return err_say(err, EEXIST,
		       "--subnet: network '%s' has addresses of it (%s); "
		       "choose another, or none",
		       c.with.name, other);
}

static int lock_folder(const struct manager *mgr, struct err *err)
{
	char path[PATH_MAX];

	folder(mgr->data, path);
	int r = io_mkdirs(path, 0700, err);
	if (r < 0)
		return r;
	vmdir_file(mgr->data, "networks/.lock", path);
	AUTO_CLOSE int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0 || flock(fd, LOCK_EX) < 0)
		return err_set(err, errno, "lock '%s'", path);
	return TAKE_FD(fd);
}

static int write_network(const struct network *net, const char *path,
			 struct err *err)
{
	AUTO_JSON struct json_object *o = json_object_new_object();
	char subnet[NETWORK_SUBNET];

	if (!o)
		return err_set(err, ENOMEM, "make network '%s'", net->name);
	networks_subnet(net, subnet);
	json_put_str(o, "subnet", subnet);
	json_put_bool(o, "internal", net->internal);
	const char *text = json_object_to_json_string_ext(
		o, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_NOSLASHESCAPE);
	return io_write_file(path, text, strlen(text), err);
}

int networks_create(const struct manager *mgr, const char *name,
		    const char *subnet, bool internal, struct err *err)
{
	struct network net = { .internal = internal, .lock = -1 };
	char path[PATH_MAX];
	int r = networks_check_name(name, err);

	if (r == 0 && subnet)
		r = parse_subnet(subnet, &net, err);
	if (r < 0)
		return r;
	(void)snprintf(net.name, sizeof(net.name), "%s", name);
	AUTO_CLOSE int lock = lock_folder(mgr, err);
	if (lock < 0)
		return lock;
	file_of(mgr->data, name, "json", path);
	if (access(path, F_OK) == 0)
		return err_say(err, EEXIST,
			       "there is a network '%s' already; 'belljar "
			       "network inspect %s' shows it",
			       name, name);
	r = subnet ? check_subnet(mgr, &net, err)
		   : choose_subnet(mgr, &net, err);
	return r < 0 ? r : write_network(&net, path, err);
}

static int missing(const char *name, struct err *err)
{
	return err_say(err, ENOENT,
		       "there is no network '%s'; make it with 'belljar "
		       "network create %s', or see 'belljar network ls'",
		       name, name);
}

static int read_network(const char *path, struct network *net, struct err *err)
{
	AUTO_JSON struct json_object *o = NULL;
	struct json_object *internal = NULL;
	const char *subnet = NULL;
	int r = json_read(path, FILE_MAX, &o, err);

	if (r == 0)
		r = json_get_str(o, "subnet", &subnet, err);
	if (r == 0)
		r = parse_subnet(subnet, net, err);
	if (r < 0)
		return err_say(err, EIO,
			       "the file of network '%s' is damaged ('%s'); "
			       "remove it, then make the network again",
			       net->name, path);
	net->internal = json_object_object_get_ex(o, "internal", &internal) &&
			json_object_get_boolean(internal);
	return 0;
}

int networks_open(const struct manager *mgr, const char *name, bool locked,
		  struct network *ret, struct err *err)
{
	struct network net = { .lock = -1 };
	char path[PATH_MAX];
	struct stat st;
	int r = networks_check_name(name, err);

	if (r < 0)
		return r;
	(void)snprintf(net.name, sizeof(net.name), "%s", name);
	file_of(mgr->data, name, "json", path);
	AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? missing(name, err)
				       : err_set(err, errno, "open '%s'", path);
	if (locked && flock(fd, LOCK_EX) < 0)
		return err_set(err, errno, "lock '%s'", path);
	/* Whoever had the lock may have removed it. */
	if (fstat(fd, &st) < 0 || st.st_nlink == 0)
		return missing(name, err);
	r = read_network(path, &net, err);
	if (r < 0)
		return r;
	if (locked)
		net.lock = TAKE_FD(fd);
	*ret = net;
	return 0;
}

void networks_close(struct network *net)
{
	if (net->lock >= 0)
		(void)close(net->lock);
	net->lock = -1;
}

/* A switch that listens has VMs, or had until a moment ago. */
static bool in_use(const struct manager *mgr, const char *name)
{
	char path[PATH_MAX];

	(void)networks_socket(mgr, name, false, path, NULL);
	AUTO_CLOSE int fd = io_packet_connect(path, NULL);

	return fd >= 0;
}

/* Names of VMs that run on it, as far as they fit. */
struct users {
	const char *network;
	char names[200];
};

static int add_user(const struct vmdir *vm, void *arg)
{
	AUTO_JSON struct json_object *spec = NULL;
	struct users *u = arg;
	size_t len = strlen(u->names);

	if (vmdir_running(vm) &&
	    vmdir_read(vm, "spec.json", &spec, NULL) == 0 &&
	    strcmp(json_str_or(spec, "network", ""), u->network) == 0)
		(void)snprintf(u->names + len, sizeof(u->names) - len, "%s%s",
			       len ? ", " : "", vm->name);
	return 0;
}

int networks_remove(const struct manager *mgr, const char *name,
		    struct err *err)
{
	AUTO_NETWORK struct network net = { .lock = -1 };
	struct users u = { .network = name };
	char path[PATH_MAX];
	int r = networks_open(mgr, name, true, &net, err);

	if (r < 0)
		return r;
	(void)vmdir_walk(mgr, add_user, &u, NULL);
	if (u.names[0])
		return err_say(err, EBUSY,
			       "network '%s' is in use by %s; end that first",
			       name, u.names);
	if (in_use(mgr, name))
		return err_say(err, EBUSY,
			       "network '%s' is in use by a VM that is ending, "
			       "or of another --root; try again",
			       name);
	(void)networks_socket(mgr, name, false, path, NULL);
	(void)unlink(path);
	file_of(mgr->data, name, "json", path);
	return unlink(path) < 0 ? err_set(err, errno, "remove '%s'", path) : 0;
}

static int compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static int visit(const struct manager *mgr, const struct strv *names,
		 int (*each)(const struct network *net, void *arg), void *arg,
		 struct err *err)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < names->n; i++) {
		struct network net;

		r = networks_open(mgr, names->v[i], false, &net, err);
		/* Removed just now. */
		if (r == -ENOENT)
			r = 0;
		else if (r == 0)
			r = each(&net, arg);
	}
	return r;
}

int networks_walk(const struct manager *mgr,
		  int (*each)(const struct network *net, void *arg), void *arg,
		  struct err *err)
{
	struct strv names = { 0 };
	char path[PATH_MAX];

	folder(mgr->data, path);
	DIR *dir = opendir(path);
	if (!dir)
		return errno == ENOENT ? 0
				       : err_set(err, errno, "read '%s'", path);
	int r = 0;
	for (struct dirent *e; r == 0 && (e = readdir(dir)) != NULL;) {
		size_t len = strlen(e->d_name);

		if (len > 5 && e->d_name[0] != '.' &&
		    strcmp(e->d_name + len - 5, ".json") == 0)
			r = strv_add(&names, "%.*s", (int)len - 5, e->d_name);
	}
	(void)closedir(dir);
	if (r == 0 && names.n)
		qsort(names.v, names.n, sizeof(*names.v), compare);
	r = r < 0 ? err_set(err, -r, "list networks")
		  : visit(mgr, &names, each, arg, err);
	strv_done(&names);
	return r;
}

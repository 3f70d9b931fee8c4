/* SPDX-License-Identifier: Apache-2.0 */
/* config_devices.c - options of the command line that add a device. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "devices/backend/engine.h"
#include "vmm/lib/parse.h"
#include "vmm/monitor/config_priv.h"

/* getsubopt() takes its keys without a const. */
static char key_ro[] = "ro";
static char key_id[] = "id";
static char key_mac[] = "mac";
static char key_tag[] = "tag";
static char key_cid[] = "cid";
static char key_listen[] = "listen";
static char key_dial[] = "dial";
static char key_bps[] = "bps";
static char key_iops[] = "iops";
static char key_pps[] = "pps";
static char key_queues[] = "queues";
static char key_cache[] = "cache";
static char key_aio[] = "aio";
static char key_mtu[] = "mtu";
static char key_queue[] = "queue";
static char key_vhost[] = "vhost";

/* Bytes a second; @what: "--disk: bps". */
static int parse_bps(const char *value, const char *what, uint64_t *ret,
		     struct err *err)
{
	uint64_t bytes;

	if (!value)
		return err_say(err, EINVAL,
			       "%s lacks its value, bytes a second, such as "
			       "10m",
			       what);
	int r = parse_size(value, what, &bytes, err);
	if (r < 0)
		return r;
	if (bytes == 0)
		return err_say(err, ERANGE,
			       "%s: at least 1 byte a second; leave it out for "
			       "no limit",
			       what);
	*ret = bytes;
	return 0;
}

/* Operations a second. */
static int parse_ops(const char *value, const char *what, uint64_t *ret,
		     struct err *err)
{
	if (!value)
		return err_say(err, EINVAL,
			       "%s lacks its value, a number a second", what);
	return parse_u64(value, what, 1, UINT64_MAX, ret, err);
}

int config_set_serial(struct config *c, char *arg, struct err *err)
{
	static char *const keys[] = { key_bps, NULL };
	char *opts = strchr(arg, ',');
	char *value;

	if (opts)
		*opts++ = '\0';
	while (opts && *opts) {
		const char *option = opts;

		if (getsubopt(&opts, keys, &value) != 0)
			return err_say(err, EINVAL,
				       "--serial: '%s' is not an option of it; "
				       "there is bps=",
				       option);
		int r = parse_bps(value, "--serial: bps", &c->serial_bps, err);
		if (r < 0)
			return r;
	}
	c->serial = true;
	if (strcmp(arg, "stdio") == 0) {
		c->serial_out = STDOUT_FILENO;
		c->serial_in = STDIN_FILENO;
		return 0;
	}
	return config_set_fd(
		&c->serial_out,
		config_open_res(arg, O_WRONLY | O_CREAT | O_APPEND, err));
}

enum {
	DISK_RO,
	DISK_ID,
	DISK_BPS,
	DISK_IOPS,
	DISK_QUEUES,
	DISK_CACHE,
	DISK_AIO,
};

static int parse_cache(const char *value, enum blk_cache *ret, struct err *err)
{
	static const char *const names[] = {
		[BLK_WRITEBACK] = "writeback",
		[BLK_NONE] = "none",
		[BLK_UNSAFE] = "unsafe",
	};

	for (unsigned i = 0; value && i < sizeof(names) / sizeof(*names); i++)
		if (strcmp(value, names[i]) == 0) {
			*ret = (enum blk_cache)i;
			return 0;
		}
	return err_say(err, EINVAL,
		       "--disk: cache= takes writeback, none or unsafe");
}

static int parse_queues(const char *value, unsigned *ret, struct err *err)
{
	uint64_t n;
	int r = parse_u64(value ? value : "", "--disk: queues", 1,
			  BLK_QUEUES_MAX, &n, err);

	if (r == 0)
		*ret = (unsigned)n;
	return r;
}

static int disk_option(struct config_disk *disk, int key, const char *value,
		       const char *option, struct err *err)
{
	switch (key) {
	case DISK_RO:
		disk->readonly = true;
		return 0;
	case DISK_ID:
		if (!value || strlen(value) >= sizeof(disk->serial))
			return err_say(err, EINVAL,
				       "--disk: id takes 1 to 20 characters");
		memcpy(disk->serial, value, strlen(value) + 1);
		return 0;
	case DISK_BPS:
		return parse_bps(value, "--disk: bps", &disk->bps, err);
	case DISK_IOPS:
		return parse_ops(value, "--disk: iops", &disk->iops, err);
	case DISK_QUEUES:
		return parse_queues(value, &disk->queues, err);
	case DISK_CACHE:
		return parse_cache(value, &disk->cache, err);
	case DISK_AIO:
		disk->engine = value ? engine_named(value) : NULL;
		if (!disk->engine)
			return err_say(err, EINVAL,
				       "--disk: aio= takes io_uring or "
				       "threads");
		return 0;
	default:
		return err_say(err, EINVAL,
			       "--disk: '%s' is not an option of it; there are "
			       "ro, id=, bps=, iops=, queues=, cache= and aio=",
			       option);
	}
}

int config_add_disk(struct config *c, char *arg, struct err *err)
{
	static char *const keys[] = {
		[DISK_RO] = key_ro,	    [DISK_ID] = key_id,
		[DISK_BPS] = key_bps,	    [DISK_IOPS] = key_iops,
		[DISK_QUEUES] = key_queues, [DISK_CACHE] = key_cache,
		[DISK_AIO] = key_aio,	    NULL,
	};
	struct config_disk disk = { .fd = -1 };
	char *opts = strchr(arg, ',');
	char *value;

	if (c->nr_disks == CONFIG_MAX_DISKS)
		return err_say(err, E2BIG, "--disk: more than %d of them",
			       CONFIG_MAX_DISKS);
	if (opts)
		*opts++ = '\0';
	while (opts && *opts) {
		const char *option = opts;
		int key = getsubopt(&opts, keys, &value);
		int r = disk_option(&disk, key, value, option, err);

		if (r < 0)
			return r;
	}
	disk.fd = config_open_res(arg, disk.readonly ? O_RDONLY : O_RDWR, err);
	if (disk.fd < 0)
		return disk.fd;
	c->disk[c->nr_disks++] = disk;
	return 0;
}

enum { NET_MAC, NET_BPS, NET_PPS, NET_MTU, NET_VHOST, NET_QUEUE };

static int add_net_fd(int to[CONFIG_MAX_PAIRS], unsigned *nr, const char *res,
		      struct err *err)
{
	if (*nr == CONFIG_MAX_PAIRS)
		return err_say(err, E2BIG, "--net: more than %d queues",
			       CONFIG_MAX_PAIRS);
	int fd = config_open_res(res, O_RDWR, err);
	if (fd < 0)
		return fd;
	to[(*nr)++] = fd;
	return 0;
}

/* The option @key of --net. */
static int set_net(struct config_net *net, int key, char *value,
		   const char *option, struct err *err)
{
	uint64_t mtu = 0;
	int r;

	if (!value && key != NET_BPS && key != NET_PPS)
		key = -1;
	switch (key) {
	case NET_MAC:
		return parse_mac(value, "--net: mac", net->mac, err);
	case NET_BPS:
		return parse_bps(value, "--net: bps", &net->bps, err);
	case NET_PPS:
		return parse_ops(value, "--net: pps", &net->pps, err);
	case NET_MTU:
		r = parse_u64(value, "--net: mtu", CONFIG_MTU_MIN,
			      CONFIG_MTU_MAX, &mtu, err);
		net->mtu = (uint16_t)mtu;
		return r;
	case NET_VHOST:
		return add_net_fd(net->vhost, &net->nr_vhosts, value, err);
	case NET_QUEUE:
		return add_net_fd(net->fd, &net->nr_fds, value, err);
	default:
		return err_say(err, EINVAL,
			       "--net: '%s' is not an option of it; there are "
			       "mac=, mtu=, queue=, vhost=, bps= and pps=",
			       option);
	}
}

void config_done_net(struct config_net *net)
{
	for (unsigned i = 0; i < net->nr_fds; i++)
		(void)close(net->fd[i]);
	for (unsigned i = 0; i < net->nr_vhosts; i++)
		(void)close(net->vhost[i]);
	net->nr_fds = net->nr_vhosts = 0;
}

static int parse_net(struct config_net *net, char *arg, struct err *err)
{
	static char *const keys[] = {
		[NET_MAC] = key_mac,
		[NET_BPS] = key_bps,
		[NET_PPS] = key_pps,
		[NET_MTU] = key_mtu,
		[NET_VHOST] = key_vhost,
		[NET_QUEUE] = key_queue,
		NULL,
	};
	char *opts = strchr(arg, ',');
	char *value;

	if (opts)
		*opts++ = '\0';
	int r = add_net_fd(net->fd, &net->nr_fds, arg, err);
	while (r == 0 && opts && *opts) {
		const char *option = opts;
		int key = getsubopt(&opts, keys, &value);

		r = set_net(net, key, value, option, err);
	}
	if (r == 0 && net->nr_vhosts && net->nr_vhosts != net->nr_fds)
		return err_say(err, EINVAL,
			       "--net: %u vhost= for %u queues; give each one "
			       "of its own, or none",
			       net->nr_vhosts, net->nr_fds);
	return r;
}

int config_add_net(struct config *c, char *arg, struct err *err)
{
	struct config_net net = {
		.mac = { 0x52, 0x54, 0, 0x12, 0x34,
			 (uint8_t)(0x56 + c->nr_nets) },
	};

	if (c->nr_nets == CONFIG_MAX_NETS)
		return err_say(err, E2BIG, "--net: more than %d of them",
			       CONFIG_MAX_NETS);
	int r = parse_net(&net, arg, err);
	if (r < 0) {
		config_done_net(&net);
		return r;
	}
	c->net[c->nr_nets++] = net;
	return 0;
}

int config_add_fs(struct config *c, char *arg, struct err *err)
{
	static char *const keys[] = { key_tag, NULL };
	struct config_fs fs = { .fd = -1 };
	char *opts = strchr(arg, ',');
	char *value;

	if (c->nr_fs == CONFIG_MAX_FS)
		return err_say(err, E2BIG, "--fs: more than %d of them",
			       CONFIG_MAX_FS);
	if (opts)
		*opts++ = '\0';
	while (opts && *opts) {
		const char *option = opts;

		if (getsubopt(&opts, keys, &value) != 0)
			return err_say(err, EINVAL,
				       "--fs: '%s' is not an option of it; "
				       "there is tag=",
				       option);
		if (!value || strlen(value) >= sizeof(fs.tag))
			return err_say(err, EINVAL,
				       "--fs: tag takes 1 to 36 characters");
		memcpy(fs.tag, value, strlen(value) + 1);
	}
	if (!fs.tag[0])
		return err_say(err, EINVAL, "--fs: tag= is missing");
	for (unsigned i = 0; i < c->nr_fs; i++)
		if (strcmp(c->fs[i].tag, fs.tag) == 0)
			return err_say(err, EINVAL,
				       "--fs: the tag '%s' is given twice",
				       fs.tag);
	/* A path would be a listening socket; connecting is others' work. */
	if (strncmp(arg, "fd:", 3) != 0)
		return err_say(err, EINVAL,
			       "--fs: '%s' is not fd:N, a socket that is "
			       "connected to virtiofsd",
			       arg);
	fs.fd = config_open_res(arg, O_RDWR, err);
	if (fs.fd < 0)
		return fs.fd;
	c->fs[c->nr_fs++] = fs;
	return 0;
}

enum { VSOCK_CID, VSOCK_LISTEN, VSOCK_DIAL };

int config_set_vsock(struct config *c, char *arg, struct err *err)
{
	static char *const keys[] = { [VSOCK_CID] = key_cid,
				      [VSOCK_LISTEN] = key_listen,
				      [VSOCK_DIAL] = key_dial,
				      NULL };
	char *value;

	c->vsock = true;
	while (*arg) {
		const char *option = arg;
		int key = getsubopt(&arg, keys, &value);
		int r = 0;

		if (key < 0 || !value)
			return err_say(err, EINVAL,
				       "--vsock: '%s' is not an option of it; "
				       "there are cid=, listen= and dial=",
				       option);
		if (key == VSOCK_CID)
			r = parse_u64(value, "--vsock: cid", 3, UINT32_MAX - 1,
				      &c->vsock_cid, err);
		else if (key == VSOCK_LISTEN)
			r = config_set_listener(&c->vsock_listen,
						&c->made_vsock, value, err);
		else
			r = config_set_fd(&c->vsock_dial,
					  config_open_res(value, 0, err));
		if (r < 0)
			return r;
	}
	if (c->vsock_cid == 0)
		return err_say(err, EINVAL, "--vsock: cid= is missing");
	return 0;
}

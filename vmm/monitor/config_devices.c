/* SPDX-License-Identifier: Apache-2.0 */
/* config_devices.c - options of the command line that add a virtio device. */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "vmm/lib/parse.h"
#include "vmm/monitor/config_priv.h"

/* getsubopt() takes its keys without a const. */
static char key_ro[] = "ro";
static char key_id[] = "id";
static char key_mac[] = "mac";
static char key_cid[] = "cid";
static char key_listen[] = "listen";
static char key_dial[] = "dial";

enum { DISK_RO, DISK_ID };

int config_add_disk(struct config *c, char *arg, struct err *err)
{
	static char *const keys[] = {
		[DISK_RO] = key_ro, [DISK_ID] = key_id, NULL
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

		switch (getsubopt(&opts, keys, &value)) {
		case DISK_RO:
			disk.readonly = true;
			break;
		case DISK_ID:
			if (!value || strlen(value) >= sizeof(disk.serial))
				return err_say(err, EINVAL,
					       "--disk: id takes 1 to 20 "
					       "characters");
			memcpy(disk.serial, value, strlen(value) + 1);
			break;
		default:
			return err_say(err, EINVAL,
				       "--disk: '%s' is not an option of it; "
				       "there are ro and id=",
				       option);
		}
	}
	disk.fd = config_open_res(arg, disk.readonly ? O_RDONLY : O_RDWR, err);
	if (disk.fd < 0)
		return disk.fd;
	c->disk[c->nr_disks++] = disk;
	return 0;
}

/* Six times two digits, colons between them. */
static bool read_mac(const char *text, uint8_t mac[6])
{
	for (unsigned i = 0; i < 6; i++, text += 3) {
		char *end;

		if (!isxdigit((unsigned char)text[0]))
			return false;
		mac[i] = (uint8_t)strtoul(text, &end, 16);
		if (end != text + 2 || *end != (i < 5 ? ':' : '\0'))
			return false;
	}
	return true;
}

static int parse_mac(const char *text, uint8_t mac[6], struct err *err)
{
	uint8_t b[6];

	if (!read_mac(text, b) || (b[0] & 1))
		return err_say(err, EINVAL,
			       "--net: '%s' is not a unicast MAC address",
			       text);
	memcpy(mac, b, sizeof(b));
	return 0;
}

int config_add_net(struct config *c, char *arg, struct err *err)
{
	static char *const keys[] = { key_mac, NULL };
	struct config_net net = {
		.mac = { 0x52, 0x54, 0, 0x12, 0x34,
			 (uint8_t)(0x56 + c->nr_nets) },
	};
	char *opts = strchr(arg, ',');
	char *value;

	if (c->nr_nets == CONFIG_MAX_NETS)
		return err_say(err, E2BIG, "--net: more than %d of them",
			       CONFIG_MAX_NETS);
	if (opts)
		*opts++ = '\0';
	while (opts && *opts) {
		const char *option = opts;

		if (getsubopt(&opts, keys, &value) != 0 || !value)
			return err_say(err, EINVAL,
				       "--net: '%s' is not an option of it; "
				       "there is mac=",
				       option);
		int r = parse_mac(value, net.mac, err);
		if (r < 0)
			return r;
	}
	net.fd = config_open_res(arg, O_RDWR, err);
	if (net.fd < 0)
		return net.fd;
	c->net[c->nr_nets++] = net;
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

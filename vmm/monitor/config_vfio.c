/* SPDX-License-Identifier: Apache-2.0 */
/* config_vfio.c - options of the command line about functions of the host. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "vmm/lib/bdf.h"
#include "vmm/lib/parse.h"
#include "vmm/monitor/config_priv.h"

#define CONTAINER "/dev/vfio/vfio"

/* getsubopt() takes its keys without a const. */
static char key_group[] = "group";
static char key_cdev[] = "cdev";
static char key_node[] = "node";
static char key_port[] = "port";
static char key_rom[] = "rom";
static char key_reset[] = "reset";

enum { VFIO_GROUP, VFIO_CDEV, VFIO_NODE, VFIO_PORT, VFIO_ROM, VFIO_RESET };

static char *const keys[] = { [VFIO_GROUP] = key_group,
			      [VFIO_CDEV] = key_cdev,
			      [VFIO_NODE] = key_node,
			      [VFIO_PORT] = key_port,
			      [VFIO_ROM] = key_rom,
			      [VFIO_RESET] = key_reset,
			      NULL };

static int check_bdf(const struct config *c, const char *bdf, struct err *err)
{
	char full[BDF_MAX];

	/* As sysfs has it: that is what VFIO takes. */
	if (bdf_parse(bdf, full, NULL) < 0 || strcmp(full, bdf) != 0)
		return err_say(err, EINVAL,
			       "--vfio: '%s' is not the full name of a PCI "
			       "function, such as 0000:01:00.0",
			       bdf);
	for (unsigned i = 0; i < c->nr_vfio; i++)
		if (strcmp(c->vfio[i].bdf, bdf) == 0)
			return err_say(err, EEXIST, "--vfio: %s is given twice",
				       bdf);
	return 0;
}

/* A group has one descriptor, however many of its functions are given. */
static int open_group(const struct config *c, const char *res, struct err *err)
{
	for (unsigned i = 0; i < c->nr_vfio; i++)
		if (!c->vfio[i].cdev && strcmp(c->vfio[i].res, res) == 0)
			return c->vfio[i].fd;
	int fd = config_open_res(res, O_RDWR, err);
	if (fd == -EBUSY)
		return err_say(err, EBUSY,
			       "'%s' is in use by another VM or process; stop "
			       "that one first",
			       res);
	return fd;
}

/* Unlike a group, a device node is one function's, which closes it. */
static int check_node(const struct config *c, const struct config_vfio *v,
		      struct err *err)
{
	for (unsigned i = 0; v->cdev && i < c->nr_vfio; i++)
		if (c->vfio[i].fd == v->fd)
			return err_say(err, EINVAL,
				       "--vfio: %s and %s have the same "
				       "cdev=%s; give each its own device node",
				       c->vfio[i].bdf, v->bdf, v->res);
	return 0;
}

static int set_number(int *slot, const char *value, const char *what,
		      struct err *err)
{
	uint64_t n;
	int r = parse_u64(value, what, 0, 255, &n, err);

	if (r == 0)
		*slot = (int)n;
	return r;
}

static int set_one(struct config_vfio *v, int key, char *value, struct err *err)
{
	switch (key) {
	case VFIO_GROUP:
	case VFIO_CDEV:
		v->cdev = key == VFIO_CDEV;
		v->res = value;
		return 0;
	case VFIO_NODE:
		return set_number(&v->node, value, "--vfio: node", err);
	case VFIO_PORT:
		return set_number(&v->port, value, "--vfio: port", err);
	case VFIO_ROM:
		v->rom = strcmp(value, "on") == 0;
		if (v->rom || strcmp(value, "off") == 0)
			return 0;
		break;
	default:
		v->no_reset = strcmp(value, "off") == 0;
		if (v->no_reset || strcmp(value, "on") == 0)
			return 0;
	}
	return err_say(err, EINVAL, "--vfio: %s= is on or off", keys[key]);
}

int config_add_vfio(struct config *c, char *arg, struct err *err)
{
	struct config_vfio v = { .bdf = arg, .fd = -1, .node = -1, .port = -1 };
	char *opts = strchr(arg, ',');
	char *value;
	int r;

	if (c->nr_vfio == CONFIG_MAX_VFIO)
		return err_say(err, E2BIG, "--vfio: more than %d of them",
			       CONFIG_MAX_VFIO);
	if (opts)
		*opts++ = '\0';
	r = check_bdf(c, v.bdf, err);
	while (r == 0 && opts && *opts) {
		const char *option = opts;
		int key = getsubopt(&opts, keys, &value);

		if (key < 0 || !value)
			return err_say(err, EINVAL,
				       "--vfio: '%s' is not an option of it; "
				       "there are group=, cdev=, node=, port=, "
				       "rom= and reset=",
				       option);
		r = set_one(&v, key, value, err);
	}
	if (r < 0)
		return r;
	if (!v.res)
		return err_say(err, EINVAL,
			       "--vfio: %s lacks group= or cdev=, its IOMMU "
			       "group or its device node",
			       v.bdf);
	v.fd = v.cdev ? config_open_res(v.res, O_RDWR, err)
		      : open_group(c, v.res, err);
	if (v.fd < 0)
		return v.fd;
	r = check_node(c, &v, err);
	if (r == 0)
		c->vfio[c->nr_vfio++] = v;
	return r;
}

int config_finish_vfio(struct config *c, struct err *err)
{
	if (c->nr_vfio == 0)
		return 0;
	for (unsigned i = 1; i < c->nr_vfio; i++)
		if (c->vfio[i].cdev != c->vfio[0].cdev)
			return err_say(err, EINVAL,
				       "--vfio: group= and cdev= cannot be "
				       "mixed in one VM; give all functions "
				       "the same way");
	if (c->vfio[0].cdev)
		return c->iommufd >= 0
			       ? 0
			       : err_say(err, EINVAL,
					 "--vfio: cdev= needs --iommufd, such "
					 "as --iommufd=/dev/iommu");
	if (c->vfio_container >= 0)
		return 0;
	int fd = open(CONTAINER, O_RDWR | O_CLOEXEC);
	if (fd < 0 && (errno == ENOENT || errno == ENODEV))
		return err_say(err, errno,
			       "there is no '" CONTAINER "': load the module "
			       "vfio-pci");
	if (fd < 0)
		return err_set(err, errno, "open '" CONTAINER "'");
	c->vfio_container = fd;
	return 0;
}

void config_done_vfio(struct config *c)
{
	for (unsigned i = 0; i < c->nr_vfio; i++) {
		int fd = c->vfio[i].fd;

		if (fd < 0)
			continue;
		(void)close(fd);
		/* Those of one group share it. */
		for (unsigned k = i; k < c->nr_vfio; k++)
			if (c->vfio[k].fd == fd)
				c->vfio[k].fd = -1;
	}
}

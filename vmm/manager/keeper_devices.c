/* SPDX-License-Identifier: Apache-2.0 */
/*
 * keeper_devices.c - the functions of the host that the VM has: take them,
 * hand them to the monitor, give them back.
 *
 * The descriptors of VFIO are the monitor's alone once it runs, and the locks
 * are ours alone: when the monitor has been reaped the functions are closed,
 * and when we are killed the locks are free, so that the next belljar command
 * gives the functions back.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "vmm/lib/json.h"
#include "vmm/manager/keeper_priv.h"

static const struct devices *devices(const struct keeper *k)
{
	return k->plan->spec->devices;
}

int keeper_devices_take(struct keeper *k, struct err *err)
{
	const struct manager *mgr = k->plan->mgr;
	const struct devices *d = devices(k);

	if (d->set.nr == 0)
		return 0;
	int r = hostdev_take(&mgr->sys, mgr->data, k->plan->vm->id, &d->set,
			     &k->hold, err);
	k->timing.taken = timing_now();
	/* Drivers may take their time to let go: was it all in vain? */
	if (r == 0 && keeper_interrupted(k))
		r = err_say(err, EINTR, "interrupted");
	return r;
}

void keeper_devices_give_back(struct keeper *k)
{
	const struct manager *mgr = k->plan->mgr;
	struct err err = { 0 };

	if (k->hold.nr == 0)
		return;
	if (hostdev_give_back(&mgr->sys, mgr->data, &k->hold, &err) < 0)
		(void)frame_send_str(&k->cli, KEEPER_NOTE, err.msg);
}

/* Open @path for the monitor; its number there, or -errno. */
static int give_file(struct keeper *k, struct spawn *s, struct files *f,
		     const char *path, struct err *err)
{
	char full[PATH_MAX];
	const char *root = k->plan->mgr->sys.root;

	(void)snprintf(full, sizeof(full), "%s%s", root ? root : "", path);
	int fd = open(full, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return err_set(err, errno, "open '%s'", full);
	return keeper_give(k, s, f, fd, path);
}

/*
 * iommufd maps no BARs for other functions (Linux 6.12), so that a VM with
 * several has them by their groups where it can.
 */
static bool prefer_cdev(const struct keeper *k)
{
	const struct hostdev_set *set = &devices(k)->set;
	const char *root = k->plan->mgr->sys.root;
	char path[PATH_MAX];
	size_t nr = 0;

	for (size_t i = 0; i < set->nr; i++)
		nr += !set->companion[i];
	(void)snprintf(path, sizeof(path), "%s/dev/iommu", root ? root : "");
	return nr == 1 && access(path, F_OK) == 0;
}

/* Either descriptor of function @dev, its name for messages in @name. */
static int open_function(const struct keeper *k, const struct hostdev *dev,
			 bool cdev, char name[64], struct err *err)
{
	const struct hostdev_sys *sys = &k->plan->mgr->sys;

	if (cdev) {
		(void)snprintf(name, 64, "the VFIO device of %s", dev->bdf);
		return hostdev_open_cdev(sys, dev, err);
	}
	(void)snprintf(name, 64, "/dev/vfio/%d", dev->group);
	return hostdev_open_group(sys, dev, err);
}

/*
 * The group of function @i, or its character device; where the kernel has
 * only one of them, that.  A group is opened once for all of its functions.
 */
static int give_function(struct keeper *k, struct spawn *s, struct files *f,
			 size_t i, int nr[HOSTDEV_TAKE_MAX],
			 bool cdev[HOSTDEV_TAKE_MAX], struct err *err)
{
	const struct hostdev_set *set = &devices(k)->set;
	const struct hostdev *dev = set->dev[i];
	char name[64];

	for (size_t j = 0; j < i; j++)
		if (!set->companion[j] && !cdev[j] &&
		    set->dev[j]->group == dev->group) {
			nr[i] = nr[j];
			return 0;
		}
	cdev[i] = prefer_cdev(k);
	int fd = open_function(k, dev, cdev[i], name, err);
	if (fd == -ENOENT) {
		cdev[i] = !cdev[i];
		fd = open_function(k, dev, cdev[i], name, err);
	}
	if (fd < 0)
		return fd;
	nr[i] = keeper_give(k, s, f, fd, name);
	return 0;
}

static int add_function(struct keeper *k, struct spawn *s, size_t i, int nr,
			bool cdev)
{
	const struct devices *d = devices(k);
	char node[24] = "", port[24] = "";

	if (d->node[i] >= 0)
		(void)snprintf(node, sizeof(node), ",node=%d", d->node[i]);
	if (d->port[i] >= 0)
		(void)snprintf(port, sizeof(port), ",port=%d", d->port[i]);
	return strv_add(&s->args, "--vfio=%s,%s=fd:%d%s%s%s%s",
			d->set.dev[i]->bdf, cdev ? "cdev" : "group", nr, node,
			port, d->rom[i] ? ",rom=on" : "",
			d->set.no_reset[i] ? ",reset=off" : "");
}

/* What the functions are attached to, one for all of them. */
static int add_context(struct keeper *k, struct spawn *s, struct files *f,
		       const char *option, const char *path, struct err *err)
{
	int n = give_file(k, s, f, path, err);

	if (n < 0)
		return n;
	return strv_add(&s->args, "%s=fd:%d", option, n) < 0
		       ? err_set(err, ENOMEM, "start the monitor")
		       : 0;
}

static int add_functions(struct keeper *k, struct spawn *s, struct files *f,
			 struct err *err)
{
	const struct hostdev_set *set = &devices(k)->set;
	bool cdev[HOSTDEV_TAKE_MAX] = { false };
	bool groups = false, cdevs = false;
	int nr[HOSTDEV_TAKE_MAX] = { 0 };
	int r = 0;

	for (size_t i = 0; r == 0 && i < set->nr; i++) {
		if (set->companion[i])
			continue;
		r = give_function(k, s, f, i, nr, cdev, err);
		if (r == 0 && add_function(k, s, i, nr[i], cdev[i]) < 0)
			r = err_set(err, ENOMEM, "start the monitor");
		groups |= !cdev[i];
		cdevs |= cdev[i];
	}
	if (r == 0 && groups)
		r = add_context(k, s, f, "--vfio-container", "/dev/vfio/vfio",
				err);
	if (r == 0 && cdevs)
		r = add_context(k, s, f, "--iommufd", "/dev/iommu", err);
	return r;
}

int keeper_devices_add(struct keeper *k, struct spawn *s, struct files *f,
		       struct err *err)
{
	const struct devices *d = devices(k);
	uint64_t page = k->plan->spec->options->hugepages;
	int r = 0;

	for (unsigned i = 0; r == 0 && i < d->nr_numa; i++)
		r = strv_add(&s->args, "--numa=%u", d->numa[i]);
	if (r == 0 && page)
		r = strv_add(&s->args, "--hugepages=%s",
			     page >> 30 ? "1g" : "2m");
	if (r < 0)
		return err_set(err, -r, "start the monitor");
	return d->set.nr ? add_functions(k, s, f, err) : 0;
}

struct json_object *keeper_devices_json(const struct keeper *k)
{
	const struct hostdev_set *set = &devices(k)->set;
	struct json_object *a = json_object_new_array();

	for (size_t i = 0; i < set->nr; i++)
		if (!set->companion[i] && !k->lost[i])
			(void)json_object_array_add(
				a, json_object_new_string(set->dev[i]->bdf));
	return a;
}

bool keeper_devices_lost(struct keeper *k, struct json_object *event)
{
	const struct hostdev_set *set = &devices(k)->set;
	const char *bdf = json_str_or(event, "device", "");
	bool error = strcmp(json_str_or(event, "why", ""), "error") == 0;
	char text[160];
	size_t i = 0;

	while (i < set->nr && strcmp(set->dev[i]->bdf, bdf) != 0)
		i++;
	if (i == set->nr || k->lost[i])
		return false;
	k->lost[i] = true;
	(void)snprintf(text, sizeof(text),
		       error ? "%s had an error that it does not recover "
			       "from; the VM goes on without it"
			     : "the host took back %s; the VM goes on without "
			       "it",
		       bdf);
	(void)frame_send_str(&k->cli, KEEPER_NOTE, text);
	capped_write(&k->log, "belljar: ", strlen("belljar: "));
	capped_write(&k->log, text, strlen(text));
	capped_write(&k->log, "\n", 1);
	return true;
}

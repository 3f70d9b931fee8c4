/* SPDX-License-Identifier: Apache-2.0 */
/* devices.c - what was asked for becomes functions of this host. */
#include "vmm/manager/devices.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "vmm/hostdev/hostdev_bind.h"
#include "vmm/lib/hostmem.h"
#include "vmm/manager/cdi.h"

struct choice {
	const struct manager *mgr;
	const struct run_options *o;
	struct devices *d;
	struct err *err;
};

static int chosen(const struct devices *d, const struct hostdev *dev)
{
	for (size_t i = 0; i < d->set.nr; i++)
		if (d->set.dev[i] == dev && !d->set.companion[i])
			return (int)i;
	return -1;
}

static int add(struct choice *c, const struct hostdev *dev,
	       const struct device_ask *ask)
{
	struct devices *d = c->d;
	int r = hostdev_set_add(&d->set, &d->list, dev, ask->no_reset, c->err);

	if (r == 0 && ask->rom)
		d->rom[chosen(d, dev)] = true;
	return r;
}

/* "VM 0123" or "disk nvme0n1 is mounted"; false when it can be had. */
static bool taken(const struct choice *c, const struct hostdev *dev,
		  struct err *ret)
{
	char owner[64] = "";
	struct hostdev_set alone = { .nr = 0 };

	hostdev_owner(c->mgr->data, dev->bdf, owner, sizeof(owner));
	if (owner[0]) {
		(void)err_say(ret, EBUSY, "%s is used by VM %s", dev->bdf,
			      owner);
		return true;
	}
	return hostdev_set_add(&alone, &c->d->list, dev, false, ret) < 0 ||
	       hostdev_check(&c->mgr->sys, &c->d->list, &alone, ret) < 0;
}

static int no_gpu(struct err *err)
{
	return err_say(err, ENODEV,
		       "--gpus: this host has no GPU; 'belljar doctor' says "
		       "what it sees, --device vfio=ADDRESS gives any other "
		       "PCI function");
}

/* GPU number @index of `belljar gpu ls`, or NULL. */
static const struct hostdev *gpu_at(const struct hostdev_list *list,
				    unsigned index)
{
	for (size_t i = 0; i < list->nr; i++)
		if (hostdev_is_gpu(&list->dev[i]) && index-- == 0)
			return &list->dev[i];
	return NULL;
}

static unsigned count_gpus(const struct hostdev_list *list)
{
	unsigned n = 0;

	while (gpu_at(list, n))
		n++;
	return n;
}

/*
 * All of them.  The one that shows the host's console is left out when there
 * are others: on a server it is the service processor's.
 */
static int add_all(struct choice *c, const struct device_ask *ask)
{
	unsigned n = count_gpus(&c->d->list);
	struct err why;
	int r = n ? 0 : no_gpu(c->err);

	for (unsigned i = 0; r == 0 && i < n; i++) {
		const struct hostdev *dev = gpu_at(&c->d->list, i);

		if (n > 1 && dev->boot_vga && taken(c, dev, &why))
			continue;
		r = add(c, dev, ask);
	}
	return r;
}

/* The free ones, and why the last of the others is not. */
static size_t free_gpus(struct choice *c, const struct hostdev **ret,
			struct err *why)
{
	const struct hostdev *dev;
	size_t n = 0;

	for (unsigned i = 0; (dev = gpu_at(&c->d->list, i)) != NULL; i++)
		if (n < DEVICES_PICK_MAX && chosen(c->d, dev) < 0 &&
		    !taken(c, dev, why))
			ret[n++] = dev;
	return n;
}

static int add_some(struct choice *c, const struct device_ask *ask)
{
	const struct hostdev *all[DEVICES_PICK_MAX];
	const struct hostdev *some[HOSTDEV_TAKE_MAX];
	unsigned there = count_gpus(&c->d->list);
	struct err why = { 0 };
	int r = there ? 0 : no_gpu(c->err);

	if (r < 0)
		return r;
	if (ask->count > there)
		return err_say(c->err, ENODEV,
			       "--gpus: %u are asked for, this host has %u; "
			       "'belljar gpu ls' lists them",
			       ask->count, there);
	size_t n = free_gpus(c, all, &why);
	if (n < ask->count)
		return err_say(c->err, EBUSY,
			       "--gpus: %u are asked for, %zu of %u are free%s"
			       "%.380s",
			       ask->count, n, there, why.code ? ": " : "",
			       why.code ? why.msg : "");
	devices_pick(&c->mgr->sys, all, n, ask->count, some);
	for (unsigned i = 0; r == 0 && i < ask->count; i++)
		r = add(c, some[i], ask);
	return r;
}

static int add_index(struct choice *c, const struct device_ask *ask)
{
	const struct hostdev *dev = gpu_at(&c->d->list, ask->count);
	unsigned n = count_gpus(&c->d->list);

	if (n == 0)
		return no_gpu(c->err);
	if (!dev)
		return err_say(c->err, ENODEV,
			       "--gpus: there is no GPU %u; 'belljar gpu ls' "
			       "lists 0 to %u",
			       ask->count, n - 1);
	return add(c, dev, ask);
}

static int add_bdf(struct choice *c, const struct device_ask *ask)
{
	const struct hostdev *dev =
		hostdev_find(&c->d->list, ask->name, c->err);

	if (!dev)
		return -c->err->code;
	if (ask->kind == ASK_GPU_BDF && !hostdev_is_gpu(dev))
		return err_say(c->err, ENODEV,
			       "--gpus: %s (%s) is not a GPU; --device vfio=%s "
			       "gives it all the same",
			       dev->bdf, dev->name, dev->bdf);
	return add(c, dev, ask);
}

static int add_uuid(struct choice *c, const struct device_ask *ask)
{
	const struct hostdev *dev =
		hostdev_by_uuid(&c->mgr->sys, &c->d->list, ask->name, c->err);

	return dev ? add(c, dev, ask) : -c->err->code;
}

static int add_cdi(struct choice *c, const struct device_ask *ask)
{
	AUTO_CDI_DEVICE struct cdi_device cdi = { .nr = 0 };
	int r = cdi_find(&c->mgr->sys, &c->o->cdi_dirs, &c->d->list, ask->name,
			 &cdi, c->err);

	for (size_t i = 0; r == 0 && i < cdi.nr; i++)
		r = add(c, cdi.dev[i], ask);
	for (size_t i = 0; r == 0 && i < cdi.env.n; i++)
		if (strv_set_env(&c->d->env, cdi.env.v[i]) < 0)
			r = err_set(c->err, ENOMEM, "read CDI files");
	if (r == 0 && cdi.left_out)
		c->d->cdi_name = ask->name;
	return r;
}

static int add_ask(struct choice *c, const struct device_ask *ask)
{
	switch (ask->kind) {
	case ASK_GPUS:
		return ask->count == DEVICE_ALL ? add_all(c, ask)
						: add_some(c, ask);
	case ASK_GPU_INDEX:
		return add_index(c, ask);
	case ASK_GPU_UUID:
		return add_uuid(c, ask);
	case ASK_CDI:
		return add_cdi(c, ask);
	default:
		return add_bdf(c, ask);
	}
}

/* Named ones first: --gpus 1 must not choose what is named after it. */
static int add_asks(struct choice *c)
{
	const struct device_asks *asks = &c->o->devices;
	int r = 0;

	for (size_t i = 0; r == 0 && i < asks->n; i++)
		if (asks->v[i].kind != ASK_GPUS)
			r = add_ask(c, &asks->v[i]);
	for (size_t i = 0; r == 0 && i < asks->n; i++)
		if (asks->v[i].kind == ASK_GPUS)
			r = add_ask(c, &asks->v[i]);
	return r;
}

/* What another VM has is better said before anything is made. */
static int check_owners(const struct choice *c)
{
	char owner[64];

	for (size_t i = 0; i < c->d->set.nr; i++) {
		owner[0] = '\0';
		hostdev_owner(c->mgr->data, c->d->set.dev[i]->bdf, owner,
			      sizeof(owner));
		if (owner[0])
			return err_say(c->err, EBUSY,
				       "device %s is used by VM %s; "
				       "'belljar gpu ls' lists the free ones",
				       c->d->set.dev[i]->bdf, owner);
	}
	return 0;
}

static int add_node(struct choice *c, unsigned node)
{
	struct devices *d = c->d;

	for (unsigned i = 0; i < d->nr_numa; i++)
		if (d->numa[i] == node)
			return 0;
	if (d->nr_numa == DEVICE_NODES_MAX)
		return err_say(c->err, E2BIG,
			       "--numa auto: the devices are of more than %d "
			       "nodes; name some",
			       DEVICE_NODES_MAX);
	d->numa[d->nr_numa++] = node;
	return 0;
}

static int place_numa(struct choice *c)
{
	const struct device_numa *numa = &c->o->numa;
	struct devices *d = c->d;
	int r = numa->nr == 0 ? 0
			      : host_check_nodes(c->mgr->sys.root, numa->node,
						 numa->nr, c->err);

	if (r < 0)
		return err_wrap(c->err, "--numa");
	for (unsigned i = 0; r == 0 && i < numa->nr; i++)
		r = add_node(c, numa->node[i]);
	for (size_t i = 0;
	     r == 0 && numa->given && numa->nr == 0 && i < d->set.nr; i++)
		if (!d->set.companion[i] && d->set.dev[i]->node >= 0)
			r = add_node(c, (unsigned)d->set.dev[i]->node);
	for (size_t i = 0; i < d->set.nr; i++) {
		d->node[i] = -1;
		for (unsigned j = 0; j < d->nr_numa; j++)
			if (d->set.dev[i]->node == (int)d->numa[j])
				d->node[i] = (int)j;
	}
	return r;
}

static int place_ports(struct choice *c)
{
	struct devices *d = c->d;

	for (size_t i = 0; i < d->set.nr; i++)
		d->port[i] = -1;
	if (!c->o->host_topology)
		return 0;
	return hostdev_ports(&c->mgr->sys, d->set.dev, d->set.nr, d->port,
			     c->err);
}

int devices_find(const struct manager *mgr, const struct run_options *o,
		 struct devices *ret, struct err *err)
{
	struct choice c = { mgr, o, ret, err };

	*ret = (struct devices){ .nr_numa = 0 };
	int r = hostdev_list(&mgr->sys, &ret->list, err);
	return r < 0 ? r : add_asks(&c);
}

int devices_choose(const struct manager *mgr, const struct run_options *o,
		   struct devices *ret, struct err *err)
{
	struct choice c = { mgr, o, ret, err };
	int r = 0;

	*ret = (struct devices){ .nr_numa = 0 };
	if (o->devices.n) {
		r = devices_find(mgr, o, ret, err);
		if (r == 0)
			r = check_owners(&c);
		if (r == 0)
			r = hostdev_check(&mgr->sys, &ret->list, &ret->set,
					  err);
	}
	if (r == 0)
		r = place_numa(&c);
	if (r == 0)
		r = place_ports(&c);
	return r;
}

void devices_done(struct devices *d)
{
	strv_done(&d->env);
	hostdev_list_done(&d->list);
	d->set.nr = 0;
}

size_t devices_given(const struct devices *d)
{
	size_t n = 0;

	for (size_t i = 0; i < d->set.nr; i++)
		n += !d->set.companion[i];
	return n;
}

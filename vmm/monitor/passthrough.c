/* SPDX-License-Identifier: Apache-2.0 */
/* passthrough.c - functions of the host in this VM. */
#include "vmm/monitor/passthrough.h"

#include <sys/resource.h>

#include "devices/vfio/vfio.h"
#include "vmm/monitor/control.h"

/* Called on the main loop. */
static void on_lost(void *arg, const char *bdf, const char *why)
{
	const struct vm *vm = arg;

	control_event_lost(vm->config->events_fd, bdf, why);
}

/* A function may want an eventfd for each of 2048 vectors. */
static void raise_fd_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return;
	limit.rlim_cur = limit.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &limit);
}

static int open_space(struct vm *vm, struct config *c, struct err *err)
{
	const struct vfio_env env = {
		.gm = &vm->gm,
		.chip = &vm->chip,
		.slots = &vm->slots,
		.pci = &vm->pci,
		.loop = vm->main,
		.vm_fd = vm->fd,
		.sys = &vfio_sys_kernel,
		.lost = on_lost,
		.arg = vm,
	};
	bool cdev = c->vfio[0].cdev;
	int *fd = cdev ? &c->iommufd : &c->vfio_container;
	int r = vfio_open(&env, cdev ? VFIO_API_CDEV : VFIO_API_GROUP, *fd,
			  &vm->vfio, err);

	if (r == 0)
		*fd = -1;
	return r;
}

/* A root port, and how many functions share it. */
struct port {
	int node, port;
	unsigned nr;
	bool made;
	unsigned bus; /* below the root port, or the switch's own */
};

static struct port *find_port(struct port *ports, const struct config_vfio *v)
{
	struct port *p = ports;

	/* As many as there are functions: a free one comes. */
	while (p->nr && (p->node != v->node || p->port != v->port))
		p++;
	p->node = v->node;
	p->port = v->port;
	return p;
}

static int make_port(struct vm *vm, struct port *p, unsigned root,
		     struct err *err)
{
	int r = pci_port(&vm->pci, root, PCI_ROOT_PORT, &p->bus, err);

	if (r == 0 && p->nr > 1)
		r = pci_port(&vm->pci, p->bus, PCI_UPSTREAM_PORT, &p->bus, err);
	p->made = r == 0;
	return r;
}

/*
 * Where @v goes: a root bus; below a root port; or, sharing that, below a
 * switch with a port for each, so that what they send to each other need not
 * pass the root complex.
 */
static int place(struct vm *vm, struct port *ports, const struct config_vfio *v,
		 unsigned *ret_bus, struct err *err)
{
	unsigned root;
	int r = pci_root_bus(&vm->pci, v->node, &root, err);

	*ret_bus = root;
	if (r < 0 || v->port < 0)
		return r;
	struct port *p = find_port(ports, v);
	if (!p->made)
		r = make_port(vm, p, root, err);
	*ret_bus = p->bus;
	if (r == 0 && p->nr > 1)
		r = pci_port(&vm->pci, p->bus, PCI_DOWNSTREAM_PORT, ret_bus,
			     err);
	return r;
}

static int open_one(struct vm *vm, struct config *c, struct port *ports,
		    const struct config_vfio *v, struct err *err)
{
	struct vfio_pci_config cfg = {
		.bdf = v->bdf,
		.fd = v->fd,
		.below_port = v->port >= 0,
		.rom = v->rom,
		.no_reset = v->no_reset,
	};
	int r = place(vm, ports, v, &cfg.bus, err);

	if (r < 0)
		return err_wrap(err, "%s", v->bdf);
	/* It passes, and with it that of the others of its group. */
	for (unsigned k = 0; k < c->nr_vfio; k++)
		if (c->vfio[k].fd == cfg.fd)
			c->vfio[k].fd = -1;
	return vfio_pci_open(vm->vfio, &cfg, err);
}

int passthrough_open(struct vm *vm, struct config *c, struct err *err)
{
	struct config_vfio given[CONFIG_MAX_VFIO];
	struct port ports[CONFIG_MAX_VFIO] = { 0 };
	int r = open_space(vm, c, err);

	for (unsigned i = 0; i < c->nr_vfio; i++) {
		given[i] = c->vfio[i];
		find_port(ports, &given[i])->nr++;
	}
	raise_fd_limit();
	for (unsigned i = 0; r == 0 && i < c->nr_vfio; i++)
		r = open_one(vm, c, ports, &given[i], err);
	return r;
}

int passthrough_start(struct vm *vm, struct err *err)
{
	struct vfio_times times;
	int r = vfio_start(vm->vfio, &times, err);

	if (r == 0)
		vm->map_ns = times.map_ns;
	return r;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* vfio.c - an address space and its functions: open, start, lose, close. */
#include "devices/vfio/vfio.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "devices/vfio/priv.h"
#include "vmm/lib/auto.h"
#include "vmm/lib/log.h"

void vfio_warn_once(struct vfio_pci *dev, enum vfio_warning which,
		    const char *fmt, ...)
{
	char text[256];
	va_list ap;

	/* vCPUs may come here at once. */
	if (__atomic_fetch_or(&dev->warned, which, __ATOMIC_RELAXED) & which)
		return;
	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	log_warn("%s: %s, ignoring", dev->bdf, text);
}

int vfio_open(const struct vfio_env *env, enum vfio_api api, int fd,
	      struct vfio **ret, struct err *err)
{
	AUTO_FREE struct vfio *vfio = calloc(1, sizeof(*vfio));

	if (!vfio)
		return err_set(err, ENOMEM, "allocate a VFIO address space");
	*vfio = (struct vfio){ .env = *env, .fd = fd, .kvm_fd = -1 };
	if (!vfio->env.sys)
		vfio->env.sys = &vfio_sys_kernel;
	vfio->ops = api == VFIO_API_CDEV ? &vfio_cdev_ops : &vfio_group_ops;
	int r = vfio->ops->check(vfio, err);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(vfio);
	return 0;
}

static void stop_listening(struct vfio_pci *dev, struct loop_fd *src)
{
	if (src->fd < 0)
		return;
	loop_remove(dev->vfio->env.loop, src);
	(void)close(src->fd);
	src->fd = -1;
}

/* Everything but the registers: what a lost function has to give up. */
static void give_up(struct vfio_pci *dev)
{
	struct vfio *vfio = dev->vfio;

	stop_listening(dev, &dev->on_error);
	stop_listening(dev, &dev->on_request);
	if (dev->fd < 0)
		return;
	vfio_irq_done(dev);
	vfio_bars_done(dev);
	vfio->ops->detach(vfio, dev->given_fd, dev->fd);
	dev->fd = -1;
}

static void lose(struct vfio_pci *dev, const char *why)
{
	const struct vfio_env *env = &dev->vfio->env;

	/* Returns when no vCPU is in one of our ops, and none will be. */
	pci_dev_lost(&dev->pci);
	give_up(dev);
	if (env->lost)
		env->lost(env->arg, dev->bdf, why);
}

static void on_error(struct loop_fd *src, uint32_t events)
{
	struct vfio_pci *dev = container_of(src, struct vfio_pci, on_error);

	(void)events;
	log_warn("%s: the device reported an error it cannot recover from; "
		 "the VM goes on without it",
		 dev->bdf);
	lose(dev, "error");
}

static void on_request(struct loop_fd *src, uint32_t events)
{
	struct vfio_pci *dev = container_of(src, struct vfio_pci, on_request);

	(void)events;
	log_warn("%s: the host wants the device back; the VM goes on without "
		 "it",
		 dev->bdf);
	lose(dev, "unplug");
}

static int listen_to(struct vfio_pci *dev, unsigned index, struct loop_fd *src,
		     struct err *err)
{
	if (dev->irqs[index].count == 0)
		return 0;
	src->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (src->fd < 0)
		return err_set(err, errno, "create an eventfd");
	int r = loop_set(dev->vfio->env.loop, src, EPOLLIN);
	if (r == 0)
		r = vfio_irq_listen(dev, index, src->fd);
	return r < 0 ? err_set(err, -r, "%s: listen to the device", dev->bdf)
		     : 0;
}

static int start(struct pci_dev *pci, struct err *err)
{
	struct vfio_pci *dev = vfio_pci_of(pci);

	vfio_config_start(dev);
	vfio_irq_update(dev);
	int r = listen_to(dev, VFIO_PCI_ERR_IRQ_INDEX, &dev->on_error, err);
	if (r == 0)
		r = listen_to(dev, VFIO_PCI_REQ_IRQ_INDEX, &dev->on_request,
			      err);
	return r;
}

static const struct pci_ops ops = {
	.bar_read = vfio_bar_read,
	.bar_write = vfio_bar_write,
	.bar_moved = vfio_bar_moved,
	.config_read = vfio_config_read,
	.config_write = vfio_config_write,
	.start = start,
};

static void free_dev(struct vfio_pci *dev)
{
	pci_remove(&dev->pci);
	give_up(dev);
	(void)pthread_mutex_destroy(&dev->irq_lock);
	free(dev->rom);
	free(dev);
}

static int init(struct vfio_pci *dev, const struct vfio_pci_config *cfg,
		struct err *err)
{
	int r = vfio_device_probe(dev, err);

	if (r == 0)
		r = vfio_caps_init(dev, &ops, err);
	if (r == 0 && cfg->rom)
		r = vfio_rom_init(dev, err);
	if (r == 0)
		r = vfio_bars_init(dev, err);
	if (r == 0)
		r = pci_add_to(dev->vfio->env.pci, cfg->bus, &dev->pci, err);
	return r;
}

int vfio_pci_open(struct vfio *vfio, const struct vfio_pci_config *cfg,
		  struct err *err)
{
	if (vfio->nr_devs == VFIO_DEVICES_MAX)
		return err_say(err, E2BIG, "more than %d VFIO devices",
			       VFIO_DEVICES_MAX);
	struct vfio_pci *dev = calloc(1, sizeof(*dev));
	if (!dev)
		return err_set(err, ENOMEM, "%s", cfg->bdf);
	dev->vfio = vfio;
	dev->given_fd = cfg->fd;
	dev->no_reset = cfg->no_reset;
	dev->on_root_bus = !cfg->below_port;
	dev->fd = -1;
	dev->on_error = (struct loop_fd){ .fd = -1, .ready = on_error };
	dev->on_request = (struct loop_fd){ .fd = -1, .ready = on_request };
	(void)pthread_mutex_init(&dev->irq_lock, NULL);
	(void)snprintf(dev->bdf, sizeof(dev->bdf), "%s", cfg->bdf);

	int r = vfio->ops->attach(vfio, dev->bdf, cfg->fd, &dev->fd, err);
	if (r == 0)
		r = init(dev, cfg, err);
	if (r < 0) {
		free_dev(dev);
		return r;
	}
	vfio->dev[vfio->nr_devs++] = dev;
	return 0;
}

int vfio_start(struct vfio *vfio, struct vfio_times *ret, struct err *err)
{
	int r = vfio_reset_all(vfio, err);

	return r < 0 ? r : vfio_dma_map_ram(vfio, ret, err);
}

void vfio_close(struct vfio *vfio)
{
	if (!vfio)
		return;
	while (vfio->nr_devs > 0)
		free_dev(vfio->dev[--vfio->nr_devs]);
	if (vfio->kvm_fd >= 0)
		(void)close(vfio->kvm_fd);
	if (vfio->fd >= 0)
		(void)close(vfio->fd);
	free(vfio);
}

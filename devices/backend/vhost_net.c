/* SPDX-License-Identifier: Apache-2.0 */
/* vhost_net.c - what the kernel's network device is told. */
#include "devices/backend/vhost_net.h"

#include <errno.h>
#include <linux/vhost.h>
#include <linux/virtio_config.h>
#include <linux/virtio_net.h>
#include <linux/virtio_ring.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define BIT(n) (UINT64_C(1) << (n))

/* Ours to negotiate, and the kernel's to do; all other bits are the tap's. */
#define RINGS                                                                  \
	(BIT(VIRTIO_F_VERSION_1) | BIT(VIRTIO_RING_F_INDIRECT_DESC) |          \
	 BIT(VIRTIO_RING_F_EVENT_IDX) | BIT(VIRTIO_NET_F_MRG_RXBUF))

static int kernel_ioctl(void *arg, int fd, unsigned long request, void *data)
{
	int r = ioctl(fd, request, data);

	(void)arg;
	return r < 0 ? -errno : r;
}

static const struct vhost_sys kernel = { .ioctl = kernel_ioctl };

static int ask(const struct vhost_net *v, unsigned long request, void *data)
{
	return v->sys->ioctl(v->sys->arg, v->fd, request, data);
}

static int set_memory(const struct vhost_net *v, const struct gmem *gm)
{
	struct {
		struct vhost_memory head;
		struct vhost_memory_region region[GMEM_REGIONS + GMEM_ROMS];
	} table = { .head.nregions = gm->nr + gm->nr_roms };

	for (unsigned i = 0; i < gm->nr; i++)
		table.region[i] = (struct vhost_memory_region){
			.guest_phys_addr = gm->region[i].gpa,
			.memory_size = gm->region[i].size,
			.userspace_addr = (uintptr_t)gm->region[i].host,
		};
	/* They are mapped to be read, and the kernel keeps to that. */
	for (unsigned i = 0; i < gm->nr_roms; i++)
		table.region[gm->nr + i] = (struct vhost_memory_region){
			.guest_phys_addr = gm->rom[i].gpa,
			.memory_size = gm->rom[i].size,
			.userspace_addr = (uintptr_t)gm->rom[i].host,
		};
	return ask(v, VHOST_SET_MEM_TABLE, &table);
}

static int set_file(const struct vhost_net *v, unsigned long request,
		    unsigned ring, int fd)
{
	struct vhost_vring_file file = { .index = ring, .fd = fd };

	return ask(v, request, &file);
}

int vhost_net_open(struct vhost_net *v, int fd, const struct gmem *gm,
		   const int kick[VHOST_NET_QUEUES],
		   const int complaint[VHOST_NET_QUEUES],
		   const struct vhost_sys *sys, struct err *err)
{
	struct vhost_net new = { .sys = sys ? sys : &kernel, .fd = fd };
	int r = ask(&new, VHOST_SET_OWNER, NULL);

	if (r == 0)
		r = ask(&new, VHOST_GET_FEATURES, &new.features);
	if (r == 0 && (new.features &RINGS) != RINGS)
		return err_say(err, ENOTSUP,
			       "vhost-net of this kernel lacks features of "
			       "virtio 1; leave it out (vhost=off)");
	if (r == 0)
		r = set_memory(&new, gm);
	for (unsigned i = 0; r == 0 && i < VHOST_NET_QUEUES; i++) {
		r = set_file(&new, VHOST_SET_VRING_KICK, i, kick[i]);
		if (r == 0)
			r = set_file(&new, VHOST_SET_VRING_ERR, i,
				     complaint[i]);
	}
	if (r < 0)
		return err_set(err, -r, "set up vhost-net");
	*v = new;
	return 0;
}

void vhost_net_close(struct vhost_net *v)
{
	if (v->fd >= 0)
		(void)close(v->fd);
	v->fd = -1;
}

static int set_ring(const struct vhost_net *v, unsigned i,
		    const struct vhost_ring *ring)
{
	struct vhost_vring_state state = { .index = i, .num = ring->size };
	struct vhost_vring_addr addr = {
		.index = i,
		.desc_user_addr = (uintptr_t)ring->desc,
		.avail_user_addr = (uintptr_t)ring->avail,
		.used_user_addr = (uintptr_t)ring->used,
	};
	int r = ask(v, VHOST_SET_VRING_NUM, &state);

	state.num = ring->base;
	if (r == 0)
		r = ask(v, VHOST_SET_VRING_BASE, &state);
	if (r == 0)
		r = ask(v, VHOST_SET_VRING_ADDR, &addr);
	return r < 0 ? r : set_file(v, VHOST_SET_VRING_CALL, i, ring->call);
}

int vhost_net_start(struct vhost_net *v, int tap, uint64_t features,
		    const struct vhost_ring ring[VHOST_NET_QUEUES])
{
	uint64_t rings = features & RINGS;
	int r = ask(v, VHOST_SET_FEATURES, &rings);

	for (unsigned i = 0; r == 0 && i < VHOST_NET_QUEUES; i++)
		r = set_ring(v, i, &ring[i]);
	v->running = true;
	for (unsigned i = 0; r == 0 && i < VHOST_NET_QUEUES; i++)
		r = set_file(v, VHOST_NET_SET_BACKEND, i, tap);
	if (r < 0)
		vhost_net_stop(v, NULL);
	return r < 0 ? r : 0;
}

void vhost_net_stop(struct vhost_net *v, uint16_t ret_base[VHOST_NET_QUEUES])
{
	if (!v->running)
		return;
	v->running = false;
	/* Without a backend it waits until its worker is done with the ring. */
	for (unsigned i = 0; i < VHOST_NET_QUEUES; i++) {
		struct vhost_vring_state state = { .index = i };

		(void)set_file(v, VHOST_NET_SET_BACKEND, i, -1);
		if (ret_base && ask(v, VHOST_GET_VRING_BASE, &state) == 0)
			ret_base[i] = (uint16_t)state.num;
	}
}

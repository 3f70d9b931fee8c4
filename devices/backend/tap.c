/* SPDX-License-Identifier: Apache-2.0 */
/* tap.c - what a tap can, and what it is asked for. */
#include "devices/backend/tap.h"

#include <errno.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <linux/virtio_net.h>
#include <sys/ioctl.h>

#define BIT(n) (UINT64_C(1) << (n))

/* The kernel takes anything of these from us: tun cuts and sums itself. */
#define SENDS                                                                  \
	(BIT(VIRTIO_NET_F_CSUM) | BIT(VIRTIO_NET_F_HOST_TSO4) |                \
	 BIT(VIRTIO_NET_F_HOST_TSO6) | BIT(VIRTIO_NET_F_HOST_ECN))

/*
 * What the driver takes, and how a tap is told.  In this order: the kernel
 * refuses segments without checksums, and ECN without segments.
 */
static const struct {
	unsigned feature;
	unsigned flag;
} receives[] = {
	{ VIRTIO_NET_F_GUEST_CSUM, TUN_F_CSUM },
	{ VIRTIO_NET_F_GUEST_TSO4, TUN_F_TSO4 },
	{ VIRTIO_NET_F_GUEST_TSO6, TUN_F_TSO6 },
	{ VIRTIO_NET_F_GUEST_ECN, TUN_F_TSO_ECN },
};

#define NR_RECEIVES (sizeof(receives) / sizeof(receives[0]))

static int set_flags(int fd, unsigned flags)
{
	return ioctl(fd, TUNSETOFFLOAD, (unsigned long)flags) < 0 ? -errno : 0;
}

int tap_set_offloads(int fd, uint64_t features)
{
	unsigned flags = 0;

	for (unsigned i = 0; i < NR_RECEIVES; i++)
		if (features & BIT(receives[i].feature))
			flags |= receives[i].flag;
	/* What 5.1.3.1 makes depend on checksums comes without them: nothing.
	 */
	if (!(flags & TUN_F_CSUM))
		flags = 0;
	if (!(flags & (TUN_F_TSO4 | TUN_F_TSO6)))
		flags &= ~(unsigned)TUN_F_TSO_ECN;
	return set_flags(fd, flags);
}

int tap_set_queue(int fd, bool on)
{
	struct ifreq ifr = { .ifr_flags = 0 };

	ifr.ifr_flags = on ? IFF_ATTACH_QUEUE : IFF_DETACH_QUEUE;
	return ioctl(fd, TUNSETQUEUE, &ifr) < 0 ? -errno : 0;
}

/* By trying: no request lists them. */
static uint64_t find_offloads(int fd)
{
	uint64_t found = 0;
	unsigned flags = 0;

	for (unsigned i = 0; i < NR_RECEIVES; i++) {
		if (set_flags(fd, flags | receives[i].flag) < 0)
			continue;
		flags |= receives[i].flag;
		found |= BIT(receives[i].feature);
	}
	(void)set_flags(fd, 0);
	return found;
}

int tap_examine(int fd, struct tap *ret, struct err *err)
{
	struct ifreq ifr = { .ifr_flags = 0 };
	int size = sizeof(struct virtio_net_hdr_v1);

	if (ioctl(fd, TUNGETIFF, &ifr) < 0)
		return err_say(err, EINVAL,
			       "the network descriptor is neither a socket "
			       "nor an attached tap");
	if (!(ifr.ifr_flags & IFF_TAP) || !(ifr.ifr_flags & IFF_NO_PI))
		return err_say(err, EINVAL,
			       "the network interface '%.*s' does not pass "
			       "plain frames; attach it with IFF_TAP and "
			       "IFF_NO_PI",
			       IFNAMSIZ, ifr.ifr_name);

	struct tap tap = {
		.header = ifr.ifr_flags & IFF_VNET_HDR,
		.multi_queue = ifr.ifr_flags & IFF_MULTI_QUEUE,
	};
	if (tap.header) {
		if (ioctl(fd, TUNSETVNETHDRSZ, &size) < 0)
			return err_set(err, errno,
				       "set the header size of '%.*s'",
				       IFNAMSIZ, ifr.ifr_name);
		tap.features = SENDS | find_offloads(fd);
	}
	*ret = tap;
	return 0;
}

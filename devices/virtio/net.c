/* SPDX-License-Identifier: Apache-2.0 */
/*
 * net.c - network device (virtio 1.2, section 5.1).
 *
 * Behind it is a socket, a frame a message, or a tap.  A tap that has been
 * attached with a header (IFF_VNET_HDR) does what the guest leaves to it:
 * checksums and cutting into segments; a socket gets whole frames.  A tap of
 * several queues may have as many pairs of them in the guest; the kernel
 * shares its frames out among those that the driver says it uses.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "devices/virtio/net_priv.h"

#define QUEUE_SIZE VQ_SIZE_MAX

void net_link_down(struct net *net)
{
	struct virtio_net_config *cfg = (void *)net->dev->config;

	if (!net->up)
		return;
	net->up = false;
	for (unsigned i = 0; i < net->nr_pairs; i++) {
		net->pair[i].tx_waiting = false;
		/* Came too late: nobody serves it any more. */
		net->pair[i].window.waiting = 0;
		loop_remove(net->dev->loop, &net->pair[i].backend);
	}
	cfg->status = htole16(0);
	virtio_config_changed(net->dev);
}

/* Pairs that this driver may use: without MQ it does not know of more. */
static unsigned known_pairs(const struct net *net)
{
	return virtio_has(net->dev, VIRTIO_NET_F_MQ) ? net->nr_pairs : 1;
}

static void net_kick(struct virtio_dev *dev, unsigned nr)
{
	struct net *net = dev->state;

	if (nr == net_ctrl_queue(net))
		net_serve_ctrl(net);
	else if (nr / NET_QUEUES < known_pairs(net))
		net_pair_kick(&net->pair[nr / NET_QUEUES], nr % NET_QUEUES);
}

static void net_start(struct virtio_dev *dev)
{
	struct net *net = dev->state;

	if (net->tap.header)
		(void)tap_set_offloads(net->pair[0].backend.fd, dev->accepted);
	net_rx_learn(net);
	(void)net_set_active(net, 1);
	for (unsigned i = 0; i < known_pairs(net); i++)
		net_pair_start(&net->pair[i]);
}

static void net_stop(struct virtio_dev *dev)
{
	struct net *net = dev->state;

	/* The lock is held: the loop is not in a queue.  It finds out. */
	for (unsigned i = 0; i < net->nr_pairs; i++)
		net_vhost_stop(&net->pair[i]);
}

static void net_master(struct virtio_dev *dev, bool on)
{
	struct net *net = dev->state;

	for (unsigned i = 0; i < net->nr_pairs; i++)
		net_vhost_master(&net->pair[i], on);
}

static int check_backend(struct net *net, int fd, struct err *err)
{
	struct stat st;
	int type = 0;
	socklen_t len = sizeof(type);

	if (fstat(fd, &st) < 0)
		return err_set(err, errno, "examine the network descriptor");
	net->socket = S_ISSOCK(st.st_mode);
	if (!net->socket)
		return tap_examine(fd, &net->tap, err);
	if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) < 0 ||
	    type != SOCK_SEQPACKET)
		return err_say(err, EINVAL,
			       "the network socket does not keep frames "
			       "apart; give a SOCK_SEQPACKET one or a tap");
	return 0;
}

static unsigned pairs_of(const struct net_config *cfg)
{
	return cfg->pairs ? cfg->pairs : 1;
}

static unsigned net_queues(const void *config)
{
	unsigned pairs = pairs_of(config);

	return pairs > 1 ? NET_QUEUES * pairs + 1 : NET_QUEUES;
}

static int check_backends(struct net *net, const struct net_config *cfg,
			  struct err *err)
{
	int r = 0;

	for (unsigned i = 0; r == 0 && i < net->nr_pairs; i++)
		r = check_backend(net, cfg->fd[i], err);
	if (r < 0 || net->nr_pairs == 1)
		return r;
	if (net->socket || !net->tap.multi_queue)
		return err_say(err, EINVAL,
			       "several queues need a tap that was attached "
			       "with IFF_MULTI_QUEUE; give one descriptor");
	if (cfg->bytes_limit || cfg->frames_limit)
		return err_say(err, EINVAL,
			       "limits are those of one queue; give one "
			       "descriptor, or leave bps and pps out");
	return 0;
}

static void forget_descriptors(struct net *net)
{
	for (unsigned i = 0; i < net->nr_pairs; i++) {
		loop_remove(net->dev->loop, &net->pair[i].backend);
		net->pair[i].backend.fd = -1;
		net->pair[i].vhost.fd = -1;
	}
}

static int open_pairs(struct net *net, const struct net_config *cfg,
		      struct err *err)
{
	int r = 0;

	for (unsigned i = 0; r == 0 && i < net->nr_pairs; i++)
		r = net_pair_open(&net->pair[i], cfg->fd[i], cfg, err);
	for (unsigned i = 0; r == 0 && cfg->vhost && i < net->nr_pairs; i++)
		r = net_vhost_open(&net->pair[i], cfg->vhost_fd[i], cfg, err);
	if (r < 0) {
		forget_descriptors(net);
		return r;
	}
	r = net_set_active(net, 1);
	for (unsigned i = 1; r == 0 && i < net->nr_pairs; i++)
		r = net->pair[i].attached ? -EIO : 0;
	if (r < 0) {
		forget_descriptors(net);
		return err_set(err, -r, "take a queue of the tap off");
	}
	return 0;
}

static void describe(struct net *net, const struct net_config *cfg)
{
	struct virtio_dev *dev = net->dev;
	struct virtio_net_config *regs = (void *)dev->config;

	memcpy(regs->mac, cfg->mac, sizeof(regs->mac));
	regs->status = htole16(VIRTIO_NET_S_LINK_UP);
	regs->mtu = htole16(cfg->mtu);
	dev->offered = VIRTIO_BIT(VIRTIO_NET_F_MAC) |
		       VIRTIO_BIT(VIRTIO_NET_F_STATUS) |
		       VIRTIO_BIT(VIRTIO_NET_F_MRG_RXBUF) | net->tap.features;
	if (cfg->mtu)
		dev->offered |= VIRTIO_BIT(VIRTIO_NET_F_MTU);
	if (net->nr_pairs > 1) {
		regs->max_virtqueue_pairs = htole16((uint16_t)net->nr_pairs);
		dev->offered |= VIRTIO_BIT(VIRTIO_NET_F_CTRL_VQ) |
				VIRTIO_BIT(VIRTIO_NET_F_MQ);
	}
}

static int net_open(struct virtio_dev *dev, const void *config, struct err *err)
{
	const struct net_config *cfg = config;
	struct net *net = dev->state;

	net->dev = dev;
	net->pair = calloc(pairs_of(cfg), sizeof(*net->pair));
	if (!net->pair)
		return err_set(err, ENOMEM, "allocate");
	net->nr_pairs = pairs_of(cfg);
	for (unsigned i = 0; i < net->nr_pairs; i++)
		net_pair_init(&net->pair[i], net, i * NET_QUEUES);
	int r = check_backends(net, cfg, err);
	if (r == 0)
		r = open_pairs(net, cfg, err);
	if (r < 0)
		return r;
	net->up = true;
	describe(net, cfg);
	return 0;
}

static void net_close(struct virtio_dev *dev)
{
	struct net *net = dev->state;

	for (unsigned i = 0; i < net->nr_pairs; i++)
		net_pair_close(&net->pair[i]);
	free(net->pair);
}

/* Of all pairs together. */
static void tell_way(const struct net *net, unsigned ring,
		     const char *const name[4], const struct virtio_teller *to)
{
	uint64_t frames = 0, bytes = 0, dropped = 0, stalls = 0;

	for (unsigned i = 0; i < net->nr_pairs; i++) {
		const struct net_way *way = &net->pair[i].way[ring];

		frames += stats_get(&way->frames);
		bytes += stats_get(&way->bytes);
		dropped += stats_get(&way->dropped);
		stalls += stats_get(&way->stalls);
	}
	stats_tell(to, name[0], &frames);
	stats_tell(to, name[1], &bytes);
	stats_tell(to, name[2], &dropped);
	stats_tell(to, name[3], &stalls);
}

static void net_stats(const struct virtio_dev *dev,
		      const struct virtio_teller *to)
{
	static const char *const rx[] = { "rx_frames", "rx_bytes", "rx_dropped",
					  "rx_stalls" };
	static const char *const tx[] = { "tx_frames", "tx_bytes", "tx_dropped",
					  "tx_stalls" };
	const struct net *net = dev->state;

	to->word(to->arg, "backend", net->socket ? "socket" : "tap");
	to->figure(to->arg, "vhost", net->pair[0].vhost.fd >= 0);
	tell_way(net, NET_RX, rx, to);
	tell_way(net, NET_TX, tx, to);
}

const struct virtio_ops net_ops = {
	.name = "net",
	.id = VIRTIO_ID_NET,
	.class_code = 0x020000,
	.nr_queues = NET_QUEUES,
	.queues = net_queues,
	.queue_size = QUEUE_SIZE,
	.state_size = sizeof(struct net),
	/* Up to the MTU; what follows belongs to features not offered. */
	.config_size = offsetof(struct virtio_net_config, speed),
	.open = net_open,
	.close = net_close,
	.start = net_start,
	.stop = net_stop,
	.master = net_master,
	.kick = net_kick,
	.stats = net_stats,
};

/* SPDX-License-Identifier: Apache-2.0 */
/* target.c - a good request for each virtio device. */
#include "tests/hostile/lib/target.h"

#include <linux/virtio_balloon.h>
#include <linux/virtio_net.h>
#include <linux/virtio_pmem.h>

#include "tests/guest/lib/blk.h"
#include "tests/guest/lib/vsock.h"

#define WRITE	   VRING_DESC_F_WRITE
#define NET_HEADER sizeof(struct virtio_net_hdr_v1)
#define FRAME	   60

enum { NET_RX, NET_TX, NET_QUEUES };
enum { CONSOLE_RX, CONSOLE_TX, CONSOLE_QUEUES };

const struct target *target;
struct vdev dev;
struct queue queues[TARGET_QUEUES];
struct queue *victim;

static unsigned char sector[512] __attribute__((aligned(512)));
static struct {
	struct virtio_net_hdr_v1 header;
	uint32_t tag;
	unsigned char rest[FRAME - 4];
} frame_out, frame_in;
static struct virtio_vsock_hdr packet_out, packet_in[2];
static uint32_t tag;

static void rng_request(void)
{
	static uint64_t bytes[8];

	bytes[0] = 0;
	queue_desc(&queues[0], 0, bytes, sizeof(bytes), WRITE, 0);
	queue_offer(&queues[0], 0);
	queue_kick(&queues[0]);
	check(queue_wait(&queues[0]) == sizeof(bytes) && bytes[0] != 0);
}

static void kick_victim(void)
{
	queue_kick(victim);
}

static void blk_good(void)
{
	check(blk_request(&queues[0], VIRTIO_BLK_T_IN, 0, sector,
			  sizeof(sector)) == VIRTIO_BLK_S_OK);
}

/* The other end sends each frame back. */
static void net_send(void)
{
	frame_out.tag = ++tag;
	queue_desc(&queues[NET_TX], 0, &frame_out, sizeof(frame_out), 0, 0);
	queue_offer(&queues[NET_TX], 0);
	queue_kick(&queues[NET_TX]);
}

static void net_request(void)
{
	struct queue *rx = &queues[NET_RX];

	net_send();
	do { /* until ours is behind what is left of an attack */
		queue_desc(rx, 0, &frame_in, sizeof(frame_in), WRITE, 0);
		queue_offer(rx, 0);
		queue_kick(rx);
		(void)queue_wait(rx);
	} while (__atomic_load_n(&frame_in.tag, __ATOMIC_ACQUIRE) != tag);
	(void)queue_wait(&queues[NET_TX]);
}

/* About a connection that is not there: the answer is a reset. */
static void vsock_ask(void)
{
	packet_out = (struct virtio_vsock_hdr){
		.src_cid = read64(dev.config),
		.dst_cid = VSOCK_HOST,
		.src_port = ++tag,
		.dst_port = 9,
		.type = VIRTIO_VSOCK_TYPE_STREAM,
		.op = VIRTIO_VSOCK_OP_CREDIT_REQUEST,
	};
	queue_desc(&queues[VSOCK_TX], 0, &packet_out, sizeof(packet_out), 0, 0);
	queue_offer(&queues[VSOCK_TX], 0);
	queue_kick(&queues[VSOCK_TX]);
}

static void vsock_request(void)
{
	struct queue *rx = &queues[VSOCK_RX];

	vsock_ask();
	do {
		queue_desc(rx, 0, packet_in, sizeof(packet_in), WRITE, 0);
		queue_offer(rx, 0);
		queue_kick(rx);
		(void)queue_wait(rx);
	} while (packet_in[0].dst_port != tag);
	check(packet_in[0].op == VIRTIO_VSOCK_OP_RST);
	(void)queue_wait(&queues[VSOCK_TX]);
}

static void console_request(void)
{
	static const char text[] = "well\n";

	queue_desc(&queues[CONSOLE_TX], 0, text, sizeof(text) - 1, 0, 0);
	queue_offer(&queues[CONSOLE_TX], 0);
	queue_kick(&queues[CONSOLE_TX]);
	check(queue_wait(&queues[CONSOLE_TX]) == 0);
}

/* A page of its own comes back as zeros. */
static void balloon_request(void)
{
	static unsigned char page[4096] __attribute__((aligned(4096)));
	struct queue *report = &queues[BALLOON_REPORT];

	page[0] = 1;
	queue_desc(report, 0, page, sizeof(page), WRITE, 0);
	queue_offer(report, 0);
	queue_kick(report);
	(void)queue_wait(report);
	check(((volatile unsigned char *)page)[0] == 0);
}

static void pmem_request(void)
{
	static uint32_t request = VIRTIO_PMEM_REQ_TYPE_FLUSH, answer;

	answer = UINT32_MAX;
	queue_desc(&queues[0], 0, &request, sizeof(request), VRING_DESC_F_NEXT,
		   1);
	queue_desc(&queues[0], 1, &answer, sizeof(answer), WRITE, 0);
	queue_offer(&queues[0], 0);
	queue_kick(&queues[0]);
	check(queue_wait(&queues[0]) == sizeof(answer) && answer == 0);
}

const struct target targets[] = {
	{
		.name = "rng",
		.id = VIRTIO_ID_RNG,
		.queues = 1,
		.writes = true,
		.request = rng_request,
		.provoke = kick_victim,
	},
	{
		.name = "blk",
		.id = VIRTIO_ID_BLOCK,
		.queues = 1,
		.request = blk_good,
		.provoke = kick_victim,
	},
	{
		.name = "net",
		.id = VIRTIO_ID_NET,
		.queues = NET_QUEUES,
		.nr = NET_TX,
		.request = net_request,
		.provoke = kick_victim,
	},
	{
		.name = "vsock",
		.id = VIRTIO_ID_VSOCK,
		.queues = VSOCK_QUEUES,
		.nr = VSOCK_TX,
		.request = vsock_request,
		.provoke = kick_victim,
	},
	{
		/* The queue whose content means nothing. */
		.name = "balloon",
		.id = VIRTIO_ID_BALLOON,
		.queues = BALLOON_QUEUES,
		.nr = BALLOON_DEFLATE,
		.features = BIT(VIRTIO_BALLOON_F_STATS_VQ) |
			    BIT(VIRTIO_BALLOON_F_REPORTING),
		.request = balloon_request,
		.provoke = kick_victim,
	},
	{
		.name = "pmem",
		.id = VIRTIO_ID_PMEM,
		.queues = 1,
		.request = pmem_request,
		.provoke = kick_victim,
	},
	{
		.name = "console",
		.id = VIRTIO_ID_CONSOLE,
		.queues = CONSOLE_QUEUES,
		.nr = CONSOLE_TX,
		.request = console_request,
		.provoke = kick_victim,
	},
	{
		.name = "net receive",
		.id = VIRTIO_ID_NET,
		.queues = NET_QUEUES,
		.nr = NET_RX,
		.writes = true,
		.request = net_request,
		.provoke = net_send,
	},
	{
		.name = "vsock receive",
		.id = VIRTIO_ID_VSOCK,
		.queues = VSOCK_QUEUES,
		.nr = VSOCK_RX,
		.writes = true,
		.request = vsock_request,
		.provoke = vsock_ask,
	},
};

const unsigned nr_targets = ELEMENTS(targets);
const unsigned nr_devices = 6;

void target_use(const struct target *t)
{
	/* The rings' memory is the same for all. */
	if (target)
		virtio_reset(&dev);
	memset(queues, 0, sizeof(queues));
	target = t;
	victim = &queues[t->nr];
	check(virtio_find(t->id, t->nth, &dev));
}

void target_begin(uint64_t features)
{
	virtio_begin(&dev, target->features | features, target->queues, queues);
}

void target_works(void)
{
	target_begin(0);
	target->request();
}

bool target_offer(uint16_t head)
{
	queue_offer(victim, head);
	queue_kick(victim);
	target->provoke();
	while (!(virtio_status(&dev) & VIRTIO_CONFIG_S_NEEDS_RESET))
		if (queue_used(victim))
			return true;
	return false;
}

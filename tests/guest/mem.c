/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mem.c - memory plugged in as far as the host asks for it can be used; plugged
 * out it is empty; and what is not asked for, or no block, is refused.  The
 * host asks for MORE after "ready", and for nothing after "plugged".
 */
#include <linux/virtio_mem.h>

#include "tests/guest/lib/irq.h"
#include "tests/guest/lib/virtio.h"

#define MORE   (UINT64_C(32) << 20)
#define FIRST  5U /* block of ours: not the first one */
#define VECTOR 40

static struct virtio_mem_req req;
static struct virtio_mem_resp resp;
static struct queue q;
static struct vdev dev;

static uint64_t config(unsigned off)
{
	return read64(dev.config + off);
}
#define CONFIG(field) config(offsetof(struct virtio_mem_config, field))

static uint16_t ask(uint16_t type, uint64_t addr, uint16_t nr)
{
	req = (struct virtio_mem_req){ .type = type };
	req.u.plug.addr = addr;
	req.u.plug.nb_blocks = nr;
	resp.type = UINT16_MAX;
	queue_desc(&q, 0, &req, sizeof(req), VRING_DESC_F_NEXT, 1);
	queue_desc(&q, 1, &resp, sizeof(resp), VRING_DESC_F_WRITE, 0);
	queue_offer(&q, 0);
	queue_kick(&q);
	check(queue_wait(&q) == sizeof(resp));
	barrier();
	return resp.type;
}

static uint16_t state(uint64_t addr, uint16_t nr)
{
	check(ask(VIRTIO_MEM_REQ_STATE, addr, nr) == VIRTIO_MEM_RESP_ACK);
	return resp.u.state.state;
}

static void use(uint64_t from, uint64_t len, uint64_t step)
{
	for (uint64_t at = from; at < from + len; at += step) {
		check(read64(at) == 0);
		write64(at, ~at);
	}
	for (uint64_t at = from; at < from + len; at += step)
		check(read64(at) == ~at);
}

/* From now on a change of the configuration is an interrupt. */
static void listen(void)
{
	lapic_enable();
	msix_control(&dev.msix, true, false);
	msix_set(&dev.msix, 0, msi_address(), VECTOR, false);
	write16(dev.common + COMMON_CONFIG_VECTOR, 0);
	check(read16(dev.common + COMMON_CONFIG_VECTOR) == 0);
}

static void nonsense(uint64_t base, uint64_t block, uint64_t size)
{
	for (uint16_t type = VIRTIO_MEM_REQ_PLUG; type < 6; type++) {
		if (type == VIRTIO_MEM_REQ_UNPLUG_ALL)
			continue;
		check(ask(type, 0, 1) == VIRTIO_MEM_RESP_ERROR);
		check(ask(type, base + 1, 1) == VIRTIO_MEM_RESP_ERROR);
		check(ask(type, base, 0) == VIRTIO_MEM_RESP_ERROR);
		check(ask(type, base - block, 2) == VIRTIO_MEM_RESP_ERROR);
		check(ask(type, base + size, 1) == VIRTIO_MEM_RESP_ERROR);
		check(ask(type, base, UINT16_MAX) == VIRTIO_MEM_RESP_ERROR);
	}
}

void guest_main(const struct start_info *si)
{
	const struct start_range *map = (const void *)si->memmap;

	check(virtio_find(VIRTIO_ID_MEM, 0, &dev));
	virtio_begin(&dev, BIT(VIRTIO_MEM_F_UNPLUGGED_INACCESSIBLE), 1, &q);
	uint64_t block = CONFIG(block_size);
	uint64_t base = CONFIG(addr);
	uint64_t size = CONFIG(region_size);
	uint64_t at = base + FIRST * block;

	/* The map, which a kernel trusts, knows nothing of it. */
	for (unsigned i = 0; i < si->nr_memmap; i++)
		check(map[i].addr + map[i].size <= base);
	say("base", base);
	say("block", block);
	say("size", size);
	check(CONFIG(requested_size) == 0 && CONFIG(plugged_size) == 0);
	check(ask(VIRTIO_MEM_REQ_PLUG, at, 1) == VIRTIO_MEM_RESP_NACK);
	nonsense(base, block, size);
	listen();
	put("ready\n");
	irq_wait(VECTOR, 1);
	check(CONFIG(requested_size) == MORE);
	uint16_t nr = (uint16_t)(MORE / block);
	check(ask(VIRTIO_MEM_REQ_PLUG, at, nr + 1) == VIRTIO_MEM_RESP_NACK);
	check(ask(VIRTIO_MEM_REQ_PLUG, at, nr) == VIRTIO_MEM_RESP_ACK);
	check(ask(VIRTIO_MEM_REQ_PLUG, at, 1) == VIRTIO_MEM_RESP_ERROR);
	check(CONFIG(plugged_size) == MORE);
	check(state(at, nr) == VIRTIO_MEM_STATE_PLUGGED);
	check(state(at - block, 2) == VIRTIO_MEM_STATE_MIXED);
	check(state(base, 1) == VIRTIO_MEM_STATE_UNPLUGGED);
	use(at, MORE, 4096);
	put("plugged\n");
	irq_wait(VECTOR, 2);
	check(CONFIG(requested_size) == 0);
	check(ask(VIRTIO_MEM_REQ_UNPLUG, at, nr) == VIRTIO_MEM_RESP_ACK);
	check(ask(VIRTIO_MEM_REQ_UNPLUG, at, 1) == VIRTIO_MEM_RESP_ERROR);
	check(CONFIG(plugged_size) == 0);
	check(read64(at) == 0 && read64(at + MORE - 8) == 0);
	check(ask(VIRTIO_MEM_REQ_UNPLUG_ALL, 0, 0) == VIRTIO_MEM_RESP_ACK);
	check(state(base, (uint16_t)(size / block)) ==
	      VIRTIO_MEM_STATE_UNPLUGGED);
	put("pass\n");
}

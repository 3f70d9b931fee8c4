/* SPDX-License-Identifier: Apache-2.0 */
/*
 * net_vhost_test.c - what the network device tells vhost-net, and when; the
 * kernel's half is a list of what it was told.
 */
#include <errno.h>
#include <linux/if_tun.h>
#include <linux/pci_regs.h>
#include <linux/vhost.h>
#include <linux/virtio_net.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "devices/backend/vhost_net.h"
#include "devices/virtio/models.h"
#include "tests/harness/driver.h"
#include "tests/harness/tapns.h"

#define RX  0
#define TX  1
#define BIT VIRTIO_BIT
#define KERNEL                                                                 \
	(BIT(VIRTIO_F_VERSION_1) | BIT(VIRTIO_RING_F_INDIRECT_DESC) |          \
	 BIT(VIRTIO_RING_F_EVENT_IDX) | BIT(VIRTIO_NET_F_MRG_RXBUF))

/* The pretended kernel. */
static struct {
	uint64_t features, accepted;
	unsigned long fails; /* this request, with EIO */
	unsigned requests, owners, memories, backends_set;
	int kick[2], call[2], complaint[2], backend[2];
	struct vhost_vring_addr addr[2];
	unsigned num[2], base[2];
	uint64_t ram;
} fake;

static struct driver drv;
static const char *step;
static int entered, wire = -1;

static void set_ring(unsigned long request, const struct vhost_vring_file *f)
{
	int *slot = request == VHOST_SET_VRING_KICK   ? fake.kick
		    : request == VHOST_SET_VRING_CALL ? fake.call
		    : request == VHOST_SET_VRING_ERR  ? fake.complaint
						      : fake.backend;

	assert_in_range(f->index, 0, 1);
	slot[f->index] = f->fd;
	fake.backends_set += request == VHOST_NET_SET_BACKEND;
}

static int fake_ioctl(void *arg, int fd, unsigned long request, void *data)
{
	const struct vhost_vring_state *state = data;

	assert_ptr_equal(arg, &fake);
	assert_true(fd >= 0);
	fake.requests++;
	if (request == fake.fails)
		return -EIO;
	switch (request) {
	case VHOST_SET_OWNER:
		fake.owners++;
		return 0;
	case VHOST_GET_FEATURES:
		*(uint64_t *)data = fake.features;
		return 0;
	case VHOST_SET_FEATURES:
		fake.accepted = *(uint64_t *)data;
		return 0;
	case VHOST_SET_MEM_TABLE:
		fake.memories++;
		fake.ram =
			((struct vhost_memory *)data)->regions[0].memory_size;
		return 0;
	case VHOST_SET_VRING_NUM:
		assert_int_equal(fake.backend[state->index], -1);
		fake.num[state->index] = state->num;
		return 0;
	case VHOST_SET_VRING_BASE:
		assert_int_equal(fake.backend[state->index], -1);
		fake.base[state->index] = state->num;
		return 0;
	case VHOST_GET_VRING_BASE:
		((struct vhost_vring_state *)data)->num =
			fake.base[state->index] + 5;
		return 0;
	case VHOST_SET_VRING_ADDR:
		memcpy(&fake.addr[state->index], data, sizeof(*fake.addr));
		return 0;
	case VHOST_SET_VRING_KICK:
	case VHOST_SET_VRING_CALL:
	case VHOST_SET_VRING_ERR:
	case VHOST_NET_SET_BACKEND:
		set_ring(request, data);
		return 0;
	default:
		fail_msg("request %#lx", request);
		return 0;
	}
}

static const struct vhost_sys sys = { fake_ioctl, &fake };

static int enter(void **state)
{
	(void)state;
	entered = tapns_enter(&step);
	return 0;
}

static struct net_config prepare(int flags)
{
	if (entered < 0) {
		print_message("%s: %s\n", step, strerrordesc_np(-entered));
		skip();
	}
	memset(&fake, 0, sizeof(fake));
	fake.features = KERNEL;
	fake.backend[0] = fake.backend[1] = -1;
	return (struct net_config){
		.fd = { tapns_tap("tap0", flags) },
		.mac = { 2, 0, 0, 0, 0, 1 },
		.vhost = true,
		.vhost_fd = { eventfd(0, EFD_CLOEXEC) }, /* any will do */
		.vhost_sys = &sys,
	};
}

static void open_device(void)
{
	struct net_config cfg = prepare(IFF_VNET_HDR);

	driver_open(&drv, &net_ops, &cfg);
}

static void start(uint64_t features)
{
	(void)driver_start(&drv, features);
	driver_settle(&drv);
}

static int teardown(void **state)
{
	(void)state;
	if (entered < 0)
		return 0;
	driver_close(&drv);
	if (wire >= 0)
		(void)close(wire);
	wire = -1;
	return 0;
}

static bool signalled(int fd)
{
	uint64_t count;

	return read(fd, &count, sizeof(count)) == sizeof(count);
}

static void signal_fd(int fd)
{
	uint64_t one = 1;

	assert_int_equal(write(fd, &one, sizeof(one)), sizeof(one));
}

static void what_can_be_said_once_is_said_at_the_start(void **state)
{
	(void)state;
	open_device();
	assert_int_equal(fake.owners, 1);
	assert_int_equal(fake.memories, 1);
	assert_int_equal(fake.ram, DRIVER_RAM);
	assert_true(fake.kick[0] > 0 && fake.kick[1] > 0 &&
		    fake.complaint[0] > 0 && fake.complaint[1] > 0);
	assert_int_equal(fake.backends_set, 0);
}

static void rings_are_the_driver_s(void **state)
{
	(void)state;
	open_device();
	start(BIT(VIRTIO_NET_F_MRG_RXBUF) | BIT(VIRTIO_NET_F_CSUM));
	/* Of features it gets what concerns rings. */
	assert_int_equal(fake.accepted,
			 BIT(VIRTIO_F_VERSION_1) | BIT(VIRTIO_NET_F_MRG_RXBUF));
	for (unsigned i = 0; i < 2; i++) {
		const struct driver_queue *q = &drv.queue[i];
		const struct vhost_vring_addr *a = &fake.addr[i];

		assert_int_equal(fake.num[i], q->size);
		assert_int_equal(fake.base[i], 0);
		assert_int_equal(a->desc_user_addr,
				 (uintptr_t)driver_ptr(&drv, q->desc, 16));
		assert_int_equal(a->avail_user_addr,
				 (uintptr_t)driver_ptr(&drv, q->avail, 4));
		assert_int_equal(a->used_user_addr,
				 (uintptr_t)driver_ptr(&drv, q->used, 4));
		/* The vector's own eventfd: no thread of ours in between. */
		assert_int_equal(fake.call[i], virtio_irq_fd(drv.dev, i));
		assert_int_equal(drv.dev->queue[i].fast_kick, fake.kick[i]);
		assert_true(fake.backend[i] >= 0);
	}
}

static void kicks_that_come_to_us_are_passed_on(void **state)
{
	(void)state;
	open_device();
	start(0);
	(void)signalled(fake.kick[RX]);
	(void)signalled(fake.kick[TX]);
	driver_kick(&drv, TX);
	driver_settle(&drv);
	assert_true(signalled(fake.kick[TX]));
	assert_false(signalled(fake.kick[RX]));
}

static void frames_are_left_to_the_kernel(void **state)
{
	unsigned char frame[200];

	(void)state;
	open_device();
	start(0);
	struct driver_buf buf = { driver_alloc(&drv, 2000), 2000, true };
	(void)driver_chain(&drv.queue[RX], &buf, 1);
	driver_kick(&drv, RX);
	wire = tapns_wire("tap0");
	memset(frame, 0, 10);
	(void)tapns_segment(frame + 10, 100, 'x');
	assert_int_equal(send(wire, frame, 164, 0), 164);
	driver_settle(&drv);
	assert_false(driver_take(&drv.queue[RX], NULL, NULL));
}

static void a_reset_takes_the_rings_back(void **state)
{
	(void)state;
	open_device();
	start(0);
	driver_write(&drv, drv.common + 0x14, 0, 1);
	/* Before the write returns. */
	assert_int_equal(fake.backend[RX], -1);
	assert_int_equal(fake.backend[TX], -1);
	assert_int_equal(drv.dev->queue[RX].fast_kick, -1);
	unsigned requests = fake.requests;
	driver_settle(&drv);
	assert_int_equal(fake.requests, requests);
	driver_restart(&drv, 0);
	assert_true(fake.backend[RX] >= 0 && fake.backend[TX] >= 0);
	/* What is said once is not said again. */
	assert_int_equal(fake.owners + fake.memories, 2);
}

static void without_the_bus_it_waits(void **state)
{
	(void)state;
	open_device();
	start(0);
	fake.base[RX] = 7;
	driver_config_write(&drv, PCI_COMMAND, PCI_COMMAND_MEMORY, 2);
	assert_int_equal(fake.backend[RX], -1);
	assert_int_equal(fake.backend[TX], -1);
	driver_kick(&drv, TX);
	driver_settle(&drv);
	assert_int_equal(fake.backend[TX], -1);
	driver_config_write(&drv, PCI_COMMAND,
			    PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER, 2);
	assert_true(fake.backend[RX] >= 0 && fake.backend[TX] >= 0);
	/* From where it was. */
	assert_int_equal(fake.base[RX], 12);
	assert_int_equal(fake.base[TX], 5);
}

static void a_complaint_breaks_the_device(void **state)
{
	(void)state;
	open_device();
	start(0);
	signal_fd(fake.complaint[TX]);
	driver_settle(&drv);
	assert_true(driver_needs_reset(&drv));
	assert_int_equal(fake.backend[RX], -1);
	assert_int_equal(fake.backend[TX], -1);
	/* Late ones, and kicks, wake nobody. */
	unsigned requests = fake.requests;
	signal_fd(fake.complaint[RX]);
	driver_kick(&drv, TX);
	driver_settle(&drv);
	assert_int_equal(fake.requests, requests);

	driver_restart(&drv, 0);
	assert_true(fake.backend[RX] >= 0);
}

/* Nobody has a vector to raise: the loop does it, in the ISR register. */
static void a_driver_without_vectors_reads_the_isr(void **state)
{
	(void)state;
	open_device();
	start(0);
	driver_config_write(&drv, drv.msix_cap + PCI_MSIX_FLAGS, 0, 2);
	driver_config_write(&drv, PCI_COMMAND, PCI_COMMAND_MEMORY, 2);
	driver_config_write(&drv, PCI_COMMAND,
			    PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER, 2);
	assert_int_equal(virtio_irq_fd(drv.dev, RX), -1);
	(void)driver_read(&drv, drv.isr, 1);
	signal_fd(fake.call[RX]);
	driver_settle(&drv);
	assert_int_equal(driver_read(&drv, drv.isr, 1), 1);
}

/* One that fails at the driver's start is done without. */
static void it_is_done_without(void **state)
{
	static const unsigned long fails[] = {
		VHOST_SET_FEATURES,   VHOST_SET_VRING_NUM,
		VHOST_SET_VRING_BASE, VHOST_SET_VRING_ADDR,
		VHOST_SET_VRING_CALL,
	};
	unsigned char frame[200];

	(void)state;
	open_device();
	wire = tapns_wire("tap0");
	for (unsigned i = 0; i < sizeof(fails) / sizeof(*fails); i++) {
		fake.fails = fails[i];
		if (i == 0)
			start(0);
		else
			driver_restart(&drv, 0);
		assert_int_equal(drv.dev->queue[RX].fast_kick, -1);
		assert_int_equal(fake.backend[RX], -1);
		struct driver_buf buf = { driver_alloc(&drv, 2000), 2000,
					  true };
		(void)driver_chain(&drv.queue[RX], &buf, 1);
		driver_kick(&drv, RX);
		memset(frame, 0, 10);
		size_t len = tapns_segment(frame + 10, 100, 'x');
		assert_int_equal(send(wire, frame, 10 + len, 0), 10 + len);
		assert_int_equal(driver_wait(&drv, RX, NULL), 12 + len);
	}
}

static void what_cannot_be_is_refused(void **state)
{
	static const struct {
		unsigned long fails;
		uint64_t features, limit;
		int flags, code;
		const char *said;
	} cases[] = {
		{ VHOST_SET_OWNER, KERNEL, 0, IFF_VNET_HDR, -EIO, "vhost-net" },
		{ VHOST_GET_FEATURES, KERNEL, 0, IFF_VNET_HDR, -EIO, "vhost" },
		{ VHOST_SET_MEM_TABLE, KERNEL, 0, IFF_VNET_HDR, -EIO, "vhost" },
		{ VHOST_SET_VRING_KICK, KERNEL, 0, IFF_VNET_HDR, -EIO,
		  "vhost" },
		{ VHOST_SET_VRING_ERR, KERNEL, 0, IFF_VNET_HDR, -EIO, "vhost" },
		{ 0, KERNEL & ~BIT(VIRTIO_F_VERSION_1), 0, IFF_VNET_HDR,
		  -ENOTSUP, "vhost=off" },
		{ 0, KERNEL, 0, 0, -EINVAL, "IFF_VNET_HDR" },
		{ 0, KERNEL, 1, IFF_VNET_HDR, -EINVAL, "limits" },
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct net_config cfg = prepare(cases[i].flags);
		struct err err;

		fake.fails = cases[i].fails;
		fake.features = cases[i].features;
		cfg.frames_limit = cases[i].limit;
		assert_int_equal(driver_try_open(&drv, &net_ops, &cfg, &err),
				 cases[i].code);
		assert_non_null(strstr(err.msg, cases[i].said));
		/* Both are still ours. */
		assert_int_equal(close(cfg.fd[0]), 0);
		assert_int_equal(close(cfg.vhost_fd[0]), 0);
		driver_close(&drv);
	}
}

#define TEST(name) cmocka_unit_test_teardown(name, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_can_be_said_once_is_said_at_the_start),
		TEST(rings_are_the_driver_s),
		TEST(kicks_that_come_to_us_are_passed_on),
		TEST(frames_are_left_to_the_kernel),
		TEST(a_reset_takes_the_rings_back),
		TEST(without_the_bus_it_waits),
		TEST(a_complaint_breaks_the_device),
		TEST(a_driver_without_vectors_reads_the_isr),
		TEST(it_is_done_without),
		cmocka_unit_test(what_cannot_be_is_refused),
	};

	return cmocka_run_group_tests_name("vhost-net", tests, enter, NULL);
}

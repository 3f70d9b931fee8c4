/* SPDX-License-Identifier: Apache-2.0 */
/* bus_test.c - which device an access reaches, and the event loop. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cmocka.h>

#include "devices/bus.h"
#include "vmm/core/loop.h"
#include "vmm/lib/list.h"

struct device {
	unsigned reads, writes;
	uint64_t off;
	unsigned len;
};

static void device_read(void *owner, uint64_t off, void *data, unsigned len)
{
	struct device *d = owner;

	d->reads++;
	d->off = off;
	d->len = len;
	memset(data, 0x5a, len);
}

static void device_write(void *owner, uint64_t off, const void *data,
			 unsigned len)
{
	struct device *d = owner;

	(void)data;
	d->writes++;
	d->off = off;
	d->len = len;
}

static const struct bus_ops device_ops = { device_read, device_write };

static void an_access_reaches_the_device_it_lies_in(void **state)
{
	struct bus bus;
	struct device low = { 0 };
	struct device high = { 0 };
	uint32_t v = 0;

	(void)state;
	bus_init(&bus);
	assert_int_equal(bus_add(&bus, 0x2000, 0x100, &device_ops, &high), 0);
	assert_int_equal(bus_add(&bus, 0x1000, 0x100, &device_ops, &low), 0);

	assert_true(bus_read(&bus, 0x10fc, &v, 4));
	assert_int_equal(v, 0x5a5a5a5a);
	assert_int_equal(low.off, 0xfc);
	assert_true(bus_write(&bus, 0x2000, &v, 4));
	assert_int_equal(high.writes, 1);

	/* Across the end, between them, and nowhere: all ones, no call. */
	static const uint64_t nobody[] = { 0x10fd, 0xfff, 0x1100,
					   0x2100, 0,	  UINT64_MAX - 3 };
	for (unsigned i = 0; i < sizeof(nobody) / sizeof(nobody[0]); i++) {
		v = 0;
		assert_false(bus_read(&bus, nobody[i], &v, 4));
		assert_int_equal(v, 0xffffffff);
		assert_false(bus_write(&bus, nobody[i], &v, 4));
	}
	assert_int_equal(low.reads, 1);
	assert_int_equal(low.writes, 0);
	bus_done(&bus);
}

static void ranges_do_not_overlap(void **state)
{
	struct bus bus;
	struct device d = { 0 };

	(void)state;
	bus_init(&bus);
	assert_int_equal(bus_add(&bus, 0x1000, 0x100, &device_ops, &d), 0);
	assert_int_equal(bus_add(&bus, 0x10ff, 1, &device_ops, &d), -EEXIST);
	assert_int_equal(bus_add(&bus, 0xf00, 0x101, &device_ops, &d), -EEXIST);
	assert_int_equal(bus_add(&bus, 0, UINT64_MAX, &device_ops, &d),
			 -EEXIST);
	assert_int_equal(bus_add(&bus, 0x1040, 0x10, &device_ops, &d), -EEXIST);
	assert_int_equal(bus_add(&bus, 1, 0, &device_ops, &d), -EINVAL);
	assert_int_equal(bus_add(&bus, 2, UINT64_MAX, &device_ops, &d),
			 -EINVAL);
	assert_int_equal(bus_remove(&bus, 0x1001), -ENOENT);
	assert_int_equal(bus_remove(&bus, 0x1000), 0);
	assert_int_equal(bus_add(&bus, 0x10ff, 1, &device_ops, &d), 0);
	bus_done(&bus);
}

static void a_full_bus_says_so(void **state)
{
	struct bus bus;
	struct device d = { 0 };

	(void)state;
	bus_init(&bus);
	for (unsigned i = 0; i < BUS_RANGES; i++)
		assert_int_equal(
			bus_add(&bus, UINT64_C(16) * i, 16, &device_ops, &d),
			0);
	assert_int_equal(bus_add(&bus, UINT64_C(1) << 32, 16, &device_ops, &d),
			 -ENOSPC);
	bus_done(&bus);
}

struct pair {
	struct loop loop;
	struct loop_fd a, b;
	unsigned calls;
};

static void remove_both(struct pair *p)
{
	p->calls++;
	loop_remove(&p->loop, &p->a);
	loop_remove(&p->loop, &p->b);
}

static void on_a(struct loop_fd *src, uint32_t events)
{
	(void)events;
	remove_both(container_of(src, struct pair, a));
}

static void on_b(struct loop_fd *src, uint32_t events)
{
	(void)events;
	remove_both(container_of(src, struct pair, b));
}

/* Both are ready in one round; whoever runs first removes the other. */
static void a_removed_source_is_not_called(void **state)
{
	struct pair p = { .calls = 0 };

	(void)state;
	assert_int_equal(loop_init(&p.loop, NULL), 0);
	p.a = (struct loop_fd){ .fd = eventfd(1, 0), .ready = on_a };
	p.b = (struct loop_fd){ .fd = eventfd(1, 0), .ready = on_b };
	assert_int_equal(loop_set(&p.loop, &p.a, EPOLLIN), 0);
	assert_int_equal(loop_set(&p.loop, &p.b, EPOLLIN), 0);
	assert_int_equal(loop_once(&p.loop, 0), 2);
	assert_int_equal(p.calls, 1);
	assert_int_equal(loop_once(&p.loop, 0), 0);

	/* Stopped before it began: it returns, and does not wait. */
	loop_stop(&p.loop);
	assert_int_equal(loop_run(&p.loop), 0);
	loop_done(&p.loop);
	(void)close(p.a.fd);
	(void)close(p.b.fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_access_reaches_the_device_it_lies_in),
		cmocka_unit_test(ranges_do_not_overlap),
		cmocka_unit_test(a_full_bus_says_so),
		cmocka_unit_test(a_removed_source_is_not_called),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

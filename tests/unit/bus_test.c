/* SPDX-License-Identifier: Apache-2.0 */
/* bus_test.c - which device an access reaches, and the event loop. */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
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

/*
 * Two processors of a hostile guest, one of which is always in a handler: each
 * waits there until the other has come too, though not for ever.
 */
struct relay {
	struct bus bus;
	pthread_mutex_t lock;
	pthread_cond_t came;
	unsigned long entries; /* guarded by lock */
	bool stop; /* atomic */
};

static void relay_read(void *owner, uint64_t off, void *data, unsigned len)
{
	struct relay *r = owner;
	struct timespec until;

	(void)off;
	memset(data, 0, len);
	(void)clock_gettime(CLOCK_REALTIME, &until);
	until.tv_nsec += 20 * 1000 * 1000;
	until.tv_sec += until.tv_nsec / 1000000000;
	until.tv_nsec %= 1000000000;

	(void)pthread_mutex_lock(&r->lock);
	unsigned long mine = ++r->entries;
	(void)pthread_cond_broadcast(&r->came);
	while (r->entries == mine &&
	       pthread_cond_timedwait(&r->came, &r->lock, &until) == 0)
		;
	(void)pthread_mutex_unlock(&r->lock);
}

static void *keep_reading(void *arg)
{
	struct relay *r = arg;
	uint32_t v;

	while (!__atomic_load_n(&r->stop, __ATOMIC_RELAXED))
		(void)bus_read(&r->bus, 0x1000, &v, 4);
	return NULL;
}

static void *stop_after_a_while(void *arg)
{
	struct relay *r = arg;

	for (unsigned i = 0; i < 300; i++) {
		(void)poll(NULL, 0, 10);
		if (__atomic_load_n(&r->stop, __ATOMIC_RELAXED))
			return NULL;
	}
	__atomic_store_n(&r->stop, true, __ATOMIC_RELAXED);
	return r;
}

/* The host takes a device away: the guest cannot put that off. */
static void readers_do_not_keep_a_range(void **state)
{
	static const struct bus_ops ops = { relay_read, device_write };
	struct relay r = { .lock = PTHREAD_MUTEX_INITIALIZER,
			   .came = PTHREAD_COND_INITIALIZER };
	pthread_t reader[2], clock;
	void *too_late;

	(void)state;
	bus_init(&r.bus);
	assert_int_equal(bus_add(&r.bus, 0x1000, 4, &ops, &r), 0);
	for (unsigned i = 0; i < 2; i++)
		assert_int_equal(
			pthread_create(&reader[i], NULL, keep_reading, &r), 0);
	(void)pthread_mutex_lock(&r.lock);
	while (r.entries < 100)
		(void)pthread_cond_wait(&r.came, &r.lock);
	(void)pthread_mutex_unlock(&r.lock);

	assert_int_equal(pthread_create(&clock, NULL, stop_after_a_while, &r),
			 0);
	assert_int_equal(bus_remove(&r.bus, 0x1000), 0);
	__atomic_store_n(&r.stop, true, __ATOMIC_RELAXED);
	(void)pthread_join(clock, &too_late);
	for (unsigned i = 0; i < 2; i++)
		(void)pthread_join(reader[i], NULL);
	assert_null(too_late);
	bus_done(&r.bus);
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
		cmocka_unit_test(readers_do_not_keep_a_range),
		cmocka_unit_test(a_removed_source_is_not_called),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

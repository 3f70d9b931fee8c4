/* SPDX-License-Identifier: Apache-2.0 */
/*
 * resize_test.c - other limits for a running VM, with guests that obey, take
 * their time, cannot or will not, and monitors that a guest has taken over.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "vmm/lib/io.h"
#include "vmm/manager/resize.h"

#define MIB   ((uint64_t)1 << 20)
#define TOTAL (512 * MIB)

/* A VM of 512 MiB; its monitor is a thread. */
struct fake {
	int fd;
	bool no_balloon, no_driver;
	unsigned driver_after; /* questions */
	bool no_figures; /* it never says what it has */
	uint64_t used; /* the balloon never leaves it less */
	uint64_t step; /* that it moves between two questions; 0: all */
	uint64_t target, actual;
	bool sways; /* out of memory: pages come and go */
	bool keeps; /* takes nothing out of its balloon */
	const char *answer; /* to everything, instead */
	/* Bytes that may be plugged in, and what the guest does of them. */
	uint64_t most, requested, plugged;
	uint64_t plugs_most, keeps_plugged;
	bool no_plug_driver;
	uint64_t figures;
	unsigned asked, resized;
};

static void plug(struct fake *f)
{
	uint64_t most = f->plugs_most ? f->plugs_most : f->most;

	if (f->no_plug_driver)
		return;
	f->plugged = f->requested < most ? f->requested : most;
	if (f->plugged < f->keeps_plugged)
		f->plugged = f->keeps_plugged;
}

static void move(struct fake *f)
{
	uint64_t most = f->used < TOTAL ? TOTAL - f->used : 0;
	uint64_t want = f->target < most ? f->target : most;
	uint64_t step = f->step ? f->step : TOTAL;

	if (f->no_driver || f->asked < f->driver_after)
		return;
	if (f->actual < want)
		f->actual += want - f->actual < step ? want - f->actual : step;
	else if (!f->keeps)
		f->actual -= f->actual - want < step ? f->actual - want : step;
	if (f->sways && f->actual == most)
		f->actual -= 4096;
}

static void status(struct fake *f, char *ret, size_t len)
{
	char balloon[256] = "", available[64] = "", plugs[160] = "";

	f->asked++;
	move(f);
	plug(f);
	if (!f->no_figures)
		f->figures++;
	if (f->figures > 1)
		(void)snprintf(available, sizeof(available),
			       ",\"available\":%" PRIu64,
			       TOTAL + f->plugged - f->used - f->actual);
	if (!f->no_balloon)
		(void)snprintf(balloon, sizeof(balloon),
			       ",\"balloon\":{\"target\":%" PRIu64
			       ",\"actual\":%" PRIu64 ",\"driver\":%s,"
			       "\"figures\":%" PRIu64 "%s}",
			       f->target, f->actual,
			       f->no_driver || f->asked < f->driver_after
				       ? "false"
				       : "true",
			       f->figures, available);
	if (f->most)
		(void)snprintf(plugs, sizeof(plugs),
			       ",\"plug\":{\"most\":%" PRIu64
			       ",\"requested\":%" PRIu64 ",\"plugged\":%" PRIu64
			       ",\"driver\":%s}",
			       f->most, f->requested, f->plugged,
			       f->no_plug_driver ? "false" : "true");
	(void)snprintf(ret, len, "{\"ok\":true,\"memory\":%" PRIu64 "%s%s}\n",
		       TOTAL, balloon, plugs);
}

static void *serve(void *arg)
{
	struct fake *f = arg;
	char line[128], answer[512];
	size_t len = 0;

	while (read(f->fd, line + len, 1) == 1) {
		if (line[len++] != '\n')
			continue;
		line[len] = '\0';
		len = 0;
		if (f->answer) {
			(void)snprintf(answer, sizeof(answer), "%s", f->answer);
		} else if (strncmp(line, "resize ", 7) == 0) {
			uint64_t bytes = strtoull(line + 7, NULL, 10);

			f->target = bytes < TOTAL ? TOTAL - bytes : 0;
			f->requested = bytes < TOTAL ? 0 : bytes - TOTAL;
			f->resized++;
			(void)snprintf(answer, sizeof(answer),
				       "{\"ok\":true}\n");
		} else {
			status(f, answer, sizeof(answer));
		}
		if (send(f->fd, answer, strlen(answer), MSG_NOSIGNAL) < 0)
			break;
	}
	(void)close(f->fd);
	return NULL;
}

static const struct resize_pace quick = {
	.tick_ms = 1,
	.still_ms = 60,
	.rate = 8192 * MIB,
};

static struct resize_pace pace;
static struct resized done;
static struct err err;

static int setup(void **state)
{
	(void)state;
	pace = quick;
	return 0;
}

static int resize(struct fake *f, uint64_t limit)
{
	struct client c = CLIENT_NONE;
	pthread_t thread;
	int pair[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	assert_int_equal(io_set_nonblock(pair[0], true), 0);
	f->fd = pair[1];
	client_init(&c, pair[0], "box");
	c.answer_ms = f->answer ? 100 : 5000;
	assert_int_equal(pthread_create(&thread, NULL, serve, f), 0);
	memset(&err, 0, sizeof(err));
	int r = resize_vm(&c, limit, &pace, &done, &err);
	client_close(&c);
	assert_int_equal(pthread_join(thread, NULL), 0);
	return r;
}

static void says(const char *text)
{
	if (!strstr(err.msg, text))
		fail_msg("'%s' is not in '%s'", text, err.msg);
}

static void down_and_up(void **state)
{
	struct fake f = { .used = 100 * MIB };

	(void)state;
	assert_int_equal(resize(&f, 200 * MIB), 0);
	assert_int_equal(f.actual, 312 * MIB);
	assert_int_equal(done.memory, TOTAL);
	assert_int_equal(done.was, TOTAL);
	assert_int_equal(done.limit, 200 * MIB);
	assert_int_equal(resize(&f, 300 * MIB), 0);
	assert_int_equal(done.was, 200 * MIB);
	assert_int_equal(f.actual, 212 * MIB);
	assert_int_equal(resize(&f, TOTAL), 0);
	assert_int_equal(f.actual, 0);
}

static void the_same_again_asks_nothing(void **state)
{
	struct fake f = { .used = 100 * MIB };

	(void)state;
	assert_int_equal(resize(&f, 200 * MIB), 0);
	assert_int_equal(resize(&f, 200 * MIB), 0);
	assert_int_equal(f.resized, 1);
	/* Out of memory meanwhile, it took some back: it is asked again. */
	f.actual -= 10 * MIB;
	assert_int_equal(resize(&f, 200 * MIB), 0);
	assert_int_equal(f.actual, 312 * MIB);
}

static void parts_of_pages_are_not_the_guests(void **state)
{
	struct fake f = { .used = 100 * MIB };

	(void)state;
	assert_int_equal(resize(&f, 200 * MIB + 4095), 0);
	assert_int_equal(done.limit, 200 * MIB);
}

/* Slower than still_ms as a whole, but it never stands still. */
static void a_slow_guest_has_its_time(void **state)
{
	struct fake f = { .used = 100 * MIB, .step = 2 * MIB };

	(void)state;
	pace.rate = 16 * MIB;
	assert_int_equal(resize(&f, 300 * MIB), 0);
	assert_int_equal(f.actual, 212 * MIB);
	assert_true(f.asked > 100);
}

/* A byte at a time would be progress for ever. */
static void a_guest_that_creeps_has_not(void **state)
{
	struct fake f = { .step = 4096 };

	(void)state;
	assert_int_equal(resize(&f, 100 * MIB), -EBUSY);
	assert_int_equal(f.target, 0);
}

static void what_is_more_than_it_has(void **state)
{
	struct fake f = { .used = 100 * MIB };

	(void)state;
	assert_int_equal(resize(&f, TOTAL + MIB), -ERANGE);
	says("was started with 512 MiB and gets no more while it runs; give "
	     "512m at most, or run it anew with -m 513m");
	assert_int_equal(f.resized, 0);
	assert_int_equal(done.limit, TOTAL);
	assert_int_equal(resize(&f, 15 * MIB), -ERANGE);
	says("too few for any guest; give 16m or more");
	assert_int_equal(f.resized, 0);
}

static void a_guest_that_says_what_it_uses_is_left_alone(void **state)
{
	struct fake f = { .used = 301 * MIB };

	(void)state;
	assert_int_equal(resize(&f, 200 * MIB), -EBUSY);
	says("VM 'box' cannot do with 200 MiB: its guest has 301 MiB in use; "
	     "its limit stays at 512 MiB, give 304m or more");
	assert_int_equal(f.resized, 0);
	assert_int_equal(resize(&f, 304 * MIB), 0);
}

static void one_that_does_not_say_is_asked_and_let_go(void **state)
{
	struct fake f = { .used = 301 * MIB, .no_figures = true };

	(void)state;
	assert_int_equal(resize(&f, 400 * MIB), 0);
	assert_int_equal(resize(&f, 200 * MIB), -EBUSY);
	says("301 MiB in use; its limit stays at 400 MiB");
	assert_int_equal(done.limit, 400 * MIB);
	assert_int_equal(f.actual, 112 * MIB);
	assert_int_equal(f.resized, 3);
}

/* Pages that come and go are no progress. */
static void one_that_sways_is_let_go(void **state)
{
	struct fake f = { .used = 301 * MIB,
			  .no_figures = true,
			  .sways = true };

	(void)state;
	assert_int_equal(resize(&f, 200 * MIB), -EBUSY);
	assert_int_equal(f.target, 0);
}

static void one_that_keeps_its_balloon(void **state)
{
	struct fake f = { .keeps = true, .target = MIB, .actual = MIB };

	(void)state;
	assert_int_equal(resize(&f, TOTAL), -EBUSY);
	says("leaves 1 MiB in its balloon, though it may use 512 MiB");
	assert_int_equal(done.limit, TOTAL);
}

static void no_balloon_no_driver(void **state)
{
	struct fake none = { .no_balloon = true };
	struct fake old = { .no_driver = true };
	struct fake boots = { .driver_after = 3 };

	(void)state;
	assert_int_equal(resize(&none, TOTAL / 2), -ENOTSUP);
	says("it is of huge pages, or devices");
	assert_int_equal(resize(&old, TOTAL / 2), -ENOTSUP);
	says("has no driver for its balloon; run it with --kernel minimal");
	assert_int_equal(old.resized, 0);
	/* All that it has anyway. */
	assert_int_equal(resize(&old, TOTAL), 0);
	assert_int_equal(resize(&boots, TOTAL / 2), 0);
}

static void plugged_in_and_out(void **state)
{
	struct fake f = { .used = 100 * MIB, .most = 256 * MIB };

	(void)state;
	assert_int_equal(resize(&f, 700 * MIB), 0);
	assert_int_equal(f.plugged, 188 * MIB);
	assert_int_equal(done.memory, TOTAL + 256 * MIB);
	assert_int_equal(done.limit, 700 * MIB);
	f.used = 600 * MIB;
	assert_int_equal(resize(&f, 599 * MIB), -EBUSY);
	says("has 600 MiB in use; its limit stays at 700 MiB, give 608m");
	/* Whole blocks: down. */
	assert_int_equal(resize(&f, 663 * MIB), 0);
	assert_int_equal(done.limit, 662 * MIB);
	assert_int_equal(f.plugged, 150 * MIB);
	/* Below what it was started with the balloon goes on. */
	f.used = 100 * MIB;
	assert_int_equal(resize(&f, 200 * MIB), 0);
	assert_int_equal(f.plugged, 0);
	assert_int_equal(f.actual, 312 * MIB);
	assert_int_equal(resize(&f, TOTAL + 256 * MIB), 0);
	assert_int_equal(f.actual, 0);
	assert_int_equal(f.plugged, 256 * MIB);
}

static void more_than_may_be_plugged_in(void **state)
{
	struct fake f = { .most = 256 * MIB };

	(void)state;
	assert_int_equal(resize(&f, 769 * MIB), -ERANGE);
	says("may have 768 MiB at most, its --memory-max; give 768m or less");
	assert_int_equal(f.resized, 0);
}

static void a_guest_that_plugs_too_little(void **state)
{
	struct fake f = { .most = 256 * MIB, .plugs_most = 30 * MIB };
	struct fake keeps = { .most = 256 * MIB };

	(void)state;
	assert_int_equal(resize(&f, 612 * MIB), -EBUSY);
	says("plugs in no more than 542 of 612 MiB; its limit stays at 512");
	assert_int_equal(f.plugged, 0);
	assert_int_equal(done.limit, TOTAL);

	assert_int_equal(resize(&keeps, 612 * MIB), 0);
	keeps.keeps_plugged = 60 * MIB;
	assert_int_equal(resize(&keeps, 560 * MIB), -EBUSY);
	says("has 572 MiB in use; its limit stays at 612 MiB, give 576m");
	assert_int_equal(done.limit, 612 * MIB);
}

static void no_driver_for_what_is_plugged_in(void **state)
{
	struct fake f = { .most = 256 * MIB, .no_plug_driver = true };

	(void)state;
	assert_int_equal(resize(&f, 612 * MIB), -ENOTSUP);
	says("no driver for memory plugged in; run it with --kernel minimal");
	says("--kernel-module virtio_mem");
	assert_int_equal(resize(&f, 200 * MIB), 0);
}

static void answer_is(const char *answer, int want, const char *text)
{
	struct fake f = { .answer = answer };

	assert_int_equal(resize(&f, TOTAL / 2), want);
	says(text);
}

#define BALLOON(inside)                                                        \
	"{\"ok\":true,\"memory\":100,\"balloon\":{" inside "}}\n"

static void monitors_that_are_the_guests(void **state)
{
	static char endless[500];

	(void)state;
	memset(endless, 'x', sizeof(endless) - 1);
	answer_is("no JSON\n", -EPROTO, "answers nonsense");
	answer_is("[]\n", -EPROTO, "answers nonsense");
	answer_is("{}\n", -EPROTO, "answers nonsense");
	answer_is("{\"ok\":true}\n", -EPROTO, "what cannot be");
	answer_is("{\"ok\":true,\"memory\":-1}\n", -EPROTO, "what cannot be");
	answer_is("{\"ok\":true,\"memory\":\"1\"}\n", -EPROTO,
		  "what cannot be");
	answer_is(BALLOON("\"target\":0,\"actual\":101,\"figures\":0"), -EPROTO,
		  "what cannot be");
	answer_is(BALLOON("\"target\":0"), -EPROTO, "what cannot be");
	answer_is("{\"ok\":true,\"memory\":9,\"plug\":{\"most\":5,"
		  "\"requested\":5,\"plugged\":6}}\n",
		  -EPROTO, "what cannot be");
	answer_is("{\"ok\":true,\"memory\":9,\"plug\":{"
		  "\"most\":9223372036854775807}}\n",
		  -EPROTO, "what cannot be");
	answer_is("{\"ok\":false,\"error\":\"\x1b[2J\"}\n", -EREMOTEIO,
		  "refused: ?[2J");
	answer_is("{\"ok\":false}\n", -EREMOTEIO, "no reason");
	answer_is("", -ETIMEDOUT, "did not answer");
	answer_is(endless, -ETIMEDOUT, "did not answer");
}

static void *flood(void *arg)
{
	static const char block[512] = { [0 ... 511] = 'x' };
	const int *fd = arg;

	while (send(*fd, block, sizeof(block), MSG_NOSIGNAL) > 0)
		;
	return NULL;
}

static void an_answer_without_end(void **state)
{
	struct client c = CLIENT_NONE;
	struct json_object *o = NULL;
	pthread_t thread;
	int pair[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	assert_int_equal(io_set_nonblock(pair[0], true), 0);
	client_init(&c, pair[0], "box");
	assert_int_equal(pthread_create(&thread, NULL, flood, &pair[1]), 0);
	assert_int_equal(client_ask(&c, "status", &o, &err), -EPROTO);
	says("more than 131072 bytes");
	client_close(&c);
	assert_int_equal(pthread_join(thread, NULL), 0);
	(void)close(pair[1]);
}

static void a_monitor_that_ends(void **state)
{
	struct client c = CLIENT_NONE;
	struct json_object *o = NULL;
	int pair[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	client_init(&c, pair[0], "box");
	(void)close(pair[1]);
	assert_int_equal(client_ask(&c, "status", &o, &err), -EPIPE);
	says("VM 'box' ended before it answered");
	client_close(&c);
}

int main(void)
{
#define TEST(t) cmocka_unit_test_setup(t, setup)
	const struct CMUnitTest tests[] = {
		TEST(down_and_up),
		TEST(the_same_again_asks_nothing),
		TEST(parts_of_pages_are_not_the_guests),
		TEST(a_slow_guest_has_its_time),
		TEST(a_guest_that_creeps_has_not),
		TEST(what_is_more_than_it_has),
		TEST(a_guest_that_says_what_it_uses_is_left_alone),
		TEST(one_that_does_not_say_is_asked_and_let_go),
		TEST(one_that_sways_is_let_go),
		TEST(one_that_keeps_its_balloon),
		TEST(no_balloon_no_driver),
		TEST(plugged_in_and_out),
		TEST(more_than_may_be_plugged_in),
		TEST(a_guest_that_plugs_too_little),
		TEST(no_driver_for_what_is_plugged_in),
		TEST(monitors_that_are_the_guests),
		TEST(an_answer_without_end),
		TEST(a_monitor_that_ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

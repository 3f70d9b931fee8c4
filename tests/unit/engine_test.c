/* SPDX-License-Identifier: Apache-2.0 */
/*
 * engine_test.c - what a disk's ring may do, should its thread ever be a
 * guest's: nothing that its filter of system calls forbids.
 */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

/* Its ring is nobody else's business. */
#include "devices/backend/engine_uring.c"

static struct raw raw;
static int kick = -1;
static struct uring_engine *u;

static int64_t now_ns(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

static int setup(void **state)
{
	struct engine *e;
	struct err err = { 0 };

	kick = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	raw.fd = memfd_create("disk", MFD_CLOEXEC);
	*state = NULL;
	if (engine_uring.open(&raw, &kick, 1, &e, &err) < 0) {
		print_message("%s\n", err.msg);
		*state = &raw; /* skip */
		return 0;
	}
	u = self(e);
	return 0;
}

static int teardown(void **state)
{
	if (!*state)
		engine_close(&u->engine);
	(void)close(raw.fd);
	(void)close(kick);
	return 0;
}

/* The result of what is prepared in @sqe. */
static int outcome(void)
{
	struct io_uring_cqe *cqe;

	assert_int_equal(io_uring_submit_and_wait(&u->ring, 1), 1);
	assert_int_equal(io_uring_peek_cqe(&u->ring, &cqe), 0);
	int r = cqe->res;
	io_uring_cqe_seen(&u->ring, cqe);
	return r;
}

static void it_opens_nothing(void **state)
{
	if (*state)
		skip();
	struct io_uring_sqe *sqe = io_uring_get_sqe(&u->ring);

	io_uring_prep_openat(sqe, AT_FDCWD, "/etc/passwd", O_RDONLY, 0);
	assert_int_equal(outcome(), -EACCES);
	sqe = io_uring_get_sqe(&u->ring);
	io_uring_prep_openat_direct(sqe, AT_FDCWD, "/etc/passwd", O_RDONLY, 0,
				    0);
	assert_int_equal(outcome(), -EACCES);
	sqe = io_uring_get_sqe(&u->ring);
	io_uring_prep_socket(sqe, AF_INET, SOCK_STREAM, 0, 0);
	assert_int_equal(outcome(), -EACCES);
}

/* Files of the process are not its: only those it was given. */
static void it_reads_no_other_file(void **state)
{
	char c;

	if (*state)
		skip();
	struct io_uring_sqe *sqe = io_uring_get_sqe(&u->ring);
	io_uring_prep_read(sqe, raw.fd, &c, 1, 0);
	assert_int_equal(outcome(), -EACCES);
}

static void it_gets_no_other_rights(void **state)
{
	int other = 0;

	if (*state)
		skip();
	assert_int_equal(io_uring_register_files_update(&u->ring, 0, &other, 1),
			 -EACCES);
	assert_int_equal(io_uring_register_personality(&u->ring), -EACCES);
}

/*
 * The ring reads eventfds whenever the kernel gets to it.  A kick that comes
 * when its queue was just looked at must end the next wait.
 */
static void a_late_signal_is_not_lost(void **state)
{
	uint64_t one = 1;

	if (*state)
		skip();
	engine_uring.wait(&u->engine, 1, 0);
	assert_null(engine_uring.reap(&u->engine));
	assert_int_equal(u->armed, 1);
	/* Here the queues are looked at; then what was done meanwhile. */
	assert_int_equal(write(kick, &one, sizeof(one)), sizeof(one));
	while (!u->signalled)
		assert_null(engine_uring.reap(&u->engine));
	/* 104 days; a minute is enough for the busiest machine. */
	(void)alarm(60);
	engine_uring.wait(&u->engine, 1, INT64_C(1) << 53);
	(void)alarm(0);
	/* And it is told once. */
	assert_null(engine_uring.reap(&u->engine));
	int64_t begin = now_ns();
	engine_uring.wait(&u->engine, 1, 20000000);
	assert_true(now_ns() - begin >= 20000000);
}

/* A guest that is to wait gains nothing by kicking; later it is heard. */
static void who_is_not_listened_to_wakes_nobody(void **state)
{
	const int64_t ms20 = 20000000;
	uint64_t one = 1;
	int64_t took;

	if (*state)
		skip();
	engine_uring.wait(&u->engine, 1, 0);
	/* That it is taken back may be heard, and what came before. */
	do {
		int64_t begin = now_ns();

		assert_null(engine_uring.reap(&u->engine));
		engine_uring.wait(&u->engine, 0, ms20);
		took = now_ns() - begin;
	} while (took < ms20);
	assert_int_equal(u->armed, 0);

	int64_t begin = now_ns();
	assert_int_equal(write(kick, &one, sizeof(one)), sizeof(one));
	engine_uring.wait(&u->engine, 0, ms20);
	assert_true(now_ns() - begin >= ms20);
	(void)alarm(60);
	engine_uring.wait(&u->engine, 1, INT64_C(1) << 53);
	(void)alarm(0);
}

/* Is @io done before anybody waits?  It is done in the end. */
static bool done_at_once(struct io *io)
{
	engine_uring.submit(&u->engine, io);
	struct io *done = engine_uring.reap(&u->engine);
	bool at_once = done;

	while (!done) {
		engine_uring.wait(&u->engine, 0, -1);
		done = engine_uring.reap(&u->engine);
	}
	assert_ptr_equal(done, io);
	assert_int_equal(io->result, io->iov->iov_len);
	assert_null(engine_uring.reap(&u->engine));
	return at_once;
}

/* The ring would give them to workers; what waits for the medium it may. */
static void writes_into_the_page_cache_need_no_worker(void **state)
{
	char text[] = "written", got[sizeof(text)] = "";
	struct iovec iov = { text, sizeof(text) };
	struct io write = { .kind = IO_WRITE, .iov = &iov, .nr = 1 };

	if (*state)
		skip();
	assert_true(done_at_once(&write));
	assert_int_equal(pread(raw.fd, got, sizeof(got), 0), sizeof(got));
	assert_string_equal(got, text);
	write.durable = true;
	assert_false(done_at_once(&write));
	write.durable = false;
	raw.direct = true;
	assert_false(done_at_once(&write));
	raw.direct = false;
	write.kind = IO_READ;
	assert_false(done_at_once(&write));
}

/* An engine for another file, whose 100 bytes are cached: just written. */
static void reopen(void)
{
	static const char *const places[] = { ".", "/var/tmp", "/tmp" };
	char text[100];
	struct engine *e;
	struct err err;
	int fd = -1;

	memset(text, 'x', sizeof(text));
	for (unsigned i = 0; fd < 0 && i < 3; i++)
		fd = open(places[i], O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	assert_int_equal(write(fd, text, sizeof(text)), sizeof(text));
	engine_close(&u->engine);
	(void)close(raw.fd);
	raw.fd = fd;
	assert_int_equal(engine_uring.open(&raw, &kick, 1, &e, &err), 0);
	u = self(e);
}

static void a_read_that_is_alone_needs_no_ring(void **state)
{
	char got[100] = "", more[200];
	struct iovec iov[] = { { got, 60 }, { got + 60, 40 }, { more, 200 } };
	struct io one = { .kind = IO_READ, .iov = iov, .nr = 2 };
	struct io two = { .kind = IO_READ, .iov = iov + 2, .nr = 1 };
	unsigned nr = 0;

	if (*state)
		skip();
	reopen();
	if (raw_read_cached(&raw, iov, 2, 0) != 100)
		skip(); /* tests on tmpfs */
	memset(got, 0, sizeof(got));
	engine_uring.submit(&u->engine, &one);
	assert_ptr_equal(engine_uring.reap(&u->engine), &one);
	assert_int_equal(one.result, 100);
	assert_int_equal(got[99], 'x');
	assert_null(engine_uring.reap(&u->engine));

	/* More than there is, and two together: by the ring. */
	engine_uring.submit(&u->engine, &two);
	assert_null(engine_uring.reap(&u->engine));
	engine_uring.submit(&u->engine, &one);
	assert_null(engine_uring.reap(&u->engine));
	while (nr < 2) {
		engine_uring.wait(&u->engine, 0, -1);
		while (engine_uring.reap(&u->engine))
			nr++;
	}
	assert_int_equal(one.result, 100);
	assert_int_equal(two.result, 100);
	assert_false(u->cannot_try);
}

/* tmpfs has none. */
static void a_file_without_such_reads_is_asked_once(void **state)
{
	char c;
	struct iovec iov = { &c, 1 };
	struct io read = { .kind = IO_READ, .iov = &iov, .nr = 1 };

	if (*state)
		skip();
	assert_int_equal(write(raw.fd, "x", 1), 1);
	bool can = raw_read_cached(&raw, &iov, 1, 0) == 1;
	assert_int_equal(done_at_once(&read), can);
	assert_int_equal(u->cannot_try, !can);
}

static void engines_have_names(void **state)
{
	(void)state;
	assert_ptr_equal(engine_named("io_uring"), &engine_uring);
	assert_ptr_equal(engine_named("threads"), &engine_sync);
	assert_null(engine_named("native"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(it_opens_nothing, setup,
						teardown),
		cmocka_unit_test_setup_teardown(it_reads_no_other_file, setup,
						teardown),
		cmocka_unit_test_setup_teardown(it_gets_no_other_rights, setup,
						teardown),
		cmocka_unit_test_setup_teardown(a_late_signal_is_not_lost,
						setup, teardown),
		cmocka_unit_test_setup_teardown(
			who_is_not_listened_to_wakes_nobody, setup, teardown),
		cmocka_unit_test_setup_teardown(
			writes_into_the_page_cache_need_no_worker, setup,
			teardown),
		cmocka_unit_test_setup_teardown(
			a_read_that_is_alone_needs_no_ring, setup, teardown),
		cmocka_unit_test_setup_teardown(
			a_file_without_such_reads_is_asked_once, setup,
			teardown),
		cmocka_unit_test(engines_have_names),
	};

	return cmocka_run_group_tests_name("engine", tests, NULL, NULL);
}

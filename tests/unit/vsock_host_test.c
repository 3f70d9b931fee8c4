/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vsock_host_test.c - programs and keepers on the host that break the rules of
 * the socket device, or keep it waiting.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "devices/virtio/vsock.h"
#include "tests/harness/vsock_guest.h"
#include "vmm/abi/dial.h"
#include "vmm/lib/io.h"

static struct vsock_guest g;

static int setup(void **state)
{
	(void)state;
	vsock_guest_open(&g, true, 0, true);
	return 0;
}

static int setup_alone(void **state)
{
	(void)state;
	vsock_guest_open(&g, false, 0, true);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	vsock_guest_close(&g);
	return 0;
}

static void junk_greetings_are_cut_off(void **state)
{
	static const char *const junk[] = {
		"HELLO 1\n",
		"CONNECT\n",
		"CONNECT \n",
		"CONNECT x\n",
		"CONNECT 1 2\n",
		"CONNECT -1\n",
		"CONNECT 4294967295\n",
		"CONNECT 99999999999999999999\n",
		"connect 1\n",
		"\n",
		"CONNECT 1111111111111111111111111111111111111111",
		"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
	};
	struct packet p;

	(void)state;
	for (unsigned i = 0; i < sizeof(junk) / sizeof(junk[0]); i++) {
		int fd = vsock_host_connect(&g);
		size_t len = strlen(junk[i]);

		assert_int_equal(write(fd, junk[i], len), len);
		vsock_host_expect_end(&g, fd);
	}
	int fd = vsock_host_connect(&g);
	assert_int_equal(write(fd, "CONNECT 1\0\n", 11), 11);
	vsock_host_expect_end(&g, fd);
	assert_false(vsock_guest_poll(&g, &p));
	assert_int_equal(vsock_guest_model(&g)->nr, 0);
}

static void those_who_keep_us_waiting_are_cut_off(void **state)
{
	struct vsock *vs = g.drv.dev->state;
	struct packet p;

	(void)state;
	int silent = vsock_host_connect(&g);
	int unanswered = vsock_host_connect(&g);
	assert_int_equal(write(unanswered, "CONNECT 5\n", 10), 10);
	vsock_guest_recv(&g, &p);
	driver_settle(&g.drv);
	assert_int_equal(vs->nr, 2);

	/* As the timer would, later. */
	(void)pthread_mutex_lock(&g.drv.dev->lock);
	vsock_host_expire(vs, UINT64_MAX);
	vsock_leave(vs);
	vsock_guest_expect(&g, VIRTIO_VSOCK_OP_RST, le32toh(p.h.src_port), 5);
	assert_int_equal(vs->nr, 0);
	vsock_host_expect_end(&g, silent);
	vsock_host_expect_end(&g, unanswered);
}

static void a_program_that_gives_up_is_forgotten(void **state)
{
	struct packet p;

	(void)state;
	int fd = vsock_host_connect(&g);
	assert_int_equal(write(fd, "CONNECT 5\n", 10), 10);
	vsock_guest_recv(&g, &p);
	(void)close(fd);
	vsock_guest_expect(&g, VIRTIO_VSOCK_OP_RST, le32toh(p.h.src_port), 5);
	assert_int_equal(vsock_guest_model(&g)->nr, 0);
}

static int descriptors(void)
{
	int n = 0;

	for (int fd = 0; fd < 256; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

static void answers_that_nobody_asked_for_leak_nothing(void **state)
{
	struct dial_answer answer = { .cookie = 12345 };
	int pair[2];

	(void)state;
	assert_int_equal(
		socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	int before = descriptors();
	assert_int_equal(io_send_fd(g.keeper, &answer, sizeof(answer), pair[0]),
			 0);
	assert_int_equal(io_send_fd(g.keeper, &answer, 3, pair[0]), 0);
	driver_settle(&g.drv);
	assert_int_equal(descriptors(), before);
	(void)close(pair[0]);
	(void)close(pair[1]);

	/* Yes, but without a socket. */
	struct dial_request request;
	vsock_guest_send(&g, VIRTIO_VSOCK_OP_REQUEST, 99, 1, 0, NULL, 0);
	assert_int_equal(read(g.keeper, &request, sizeof(request)),
			 sizeof(request));
	answer.cookie = request.cookie;
	assert_int_equal(io_send_fd(g.keeper, &answer, sizeof(answer), -1), 0);
	vsock_guest_expect(&g, VIRTIO_VSOCK_OP_RST, 99, 1);
}

static void without_a_keeper_there_is_no_way_out(void **state)
{
	(void)state;
	vsock_guest_send(&g, VIRTIO_VSOCK_OP_REQUEST, 99, 1, 0, NULL, 0);
	vsock_guest_expect(&g, VIRTIO_VSOCK_OP_RST, 99, 1);
}

#define TEST(name)	   cmocka_unit_test_setup_teardown(name, setup, teardown)
#define TEST_WITH(name, s) cmocka_unit_test_setup_teardown(name, s, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(junk_greetings_are_cut_off),
		TEST(those_who_keep_us_waiting_are_cut_off),
		TEST(a_program_that_gives_up_is_forgotten),
		TEST(answers_that_nobody_asked_for_leak_nothing),
		TEST_WITH(without_a_keeper_there_is_no_way_out, setup_alone),
	};

	return cmocka_run_group_tests_name("vsock, host", tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* suite_net_test.c - the server that `belljar compare` measures networks with.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <endian.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/harness/suite_run.h"
#include "vmm/lib/io.h"

static int dial(uint16_t port, char kind)
{
	struct sockaddr_in addr = {
		.sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&addr, sizeof(addr)),
			 0);
	assert_int_equal(send(fd, &kind, 1, 0), 1);
	return fd;
}

/* A port that nobody has at the moment. */
static uint16_t free_port(void)
{
	struct sockaddr_in addr = { .sin_family = AF_INET };
	socklen_t len = sizeof(addr);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(bind(fd, (struct sockaddr *)&addr, len), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&addr, &len), 0);
	(void)close(fd);
	return ntohs(addr.sin_port);
}

static void serve_counts_sends_and_echoes(void **state)
{
	static char big[300000];
	uint16_t port = free_port();
	char text[8];
	const char *const words[] = { "serve", text, NULL };
	uint64_t count = 0;
	struct suite_run r;

	(void)state;
	(void)snprintf(text, sizeof(text), "%u", (unsigned)port);
	suite_start(&r, words, 0);
	suite_expect(&r, "ready");

	int hangs = dial(port, 'p'); /* and holds up nobody */
	int fd = dial(port, 'i');
	assert_int_equal(io_write_full(fd, big, sizeof(big)), 0);
	assert_int_equal(shutdown(fd, SHUT_WR), 0);
	assert_int_equal(io_read_full(fd, &count, sizeof(count)), 8);
	assert_int_equal(le64toh(count), sizeof(big));
	(void)close(fd);

	fd = dial(port, 'o');
	assert_int_equal(io_read_full(fd, big, sizeof(big)), sizeof(big));
	(void)close(fd);

	for (char c = 'a'; c < 'e'; c++) {
		char back = 0;

		assert_int_equal(send(hangs, &c, 1, 0), 1);
		assert_int_equal(recv(hangs, &back, 1, 0), 1);
		assert_int_equal(back, c);
	}
	fd = dial(port, '?');
	assert_int_equal(recv(fd, text, 1, 0), 0);
	(void)close(fd);

	fd = dial(port, 'q');
	suite_finish(&r);
	assert_int_equal(r.status, 0);
	(void)close(fd);
	(void)close(hangs);
}

static void serve_says_when_the_port_is_taken(void **state)
{
	uint16_t port = free_port();
	char text[8];
	const char *const words[] = { "serve", text, NULL };
	struct suite_run r, second;

	(void)state;
	(void)snprintf(text, sizeof(text), "%u", (unsigned)port);
	suite_start(&r, words, 0);
	suite_expect(&r, "ready");
	SUITE_RUN(&second, 0, "serve", text);
	assert_int_equal(second.status, 1);
	assert_non_null(strstr(second.said, "listen on TCP port"));
	(void)close(dial(port, 'q'));
	suite_finish(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(serve_counts_sends_and_echoes),
		cmocka_unit_test(serve_says_when_the_port_is_taken),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

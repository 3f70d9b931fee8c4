/* SPDX-License-Identifier: Apache-2.0 */
/* traffic.c - what tests of the network send, and that it arrives. */
#include "tests/harness/traffic.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <openssl/evp.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "vmm/lib/io.h"

int traffic_setup(struct netns *n)
{
	n->missing_errno = -netns_init(n, &n->missing);
	if (n->missing_errno == 0)
		n->missing = NULL;
	return 0;
}

void traffic_need(struct netns *n)
{
	if (!n->missing)
		return;
	print_message("SKIP: cannot %s: %s\n", n->missing,
		      strerror(n->missing_errno));
	skip();
}

void traffic_cleanup(struct netns *n)
{
	if (n->missing || n->pid <= 0)
		return;
	(void)pthread_mutex_trylock(&n->gate);
	(void)pthread_mutex_unlock(&n->gate);
	(void)kill(n->pid, SIGKILL);
	(void)netns_stop(n);
}

int traffic_accept(int listener)
{
	int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);

	assert_true(fd >= 0);
	return fd;
}

struct flow {
	uint32_t random;
	size_t left;
	EVP_MD_CTX *sent;
	EVP_MD_CTX *got;
};

static void push(struct flow *f, int fd)
{
	uint8_t data[16384];
	size_t len = f->left < sizeof(data) ? f->left : sizeof(data);
	uint32_t r = f->random;

	for (size_t i = 0; i < len; i++) {
		r = r * 1664525 + 1013904223;
		data[i] = (uint8_t)(r >> 24);
	}
	/* Rewind to what the socket took is not needed: it takes all. */
	assert_int_equal(io_set_nonblock(fd, false), 0);
	assert_int_equal(io_write_full(fd, data, len), 0);
	assert_int_equal(EVP_DigestUpdate(f->sent, data, len), 1);
	f->random = r;
	f->left -= len;
	if (f->left == 0)
		assert_int_equal(shutdown(fd, SHUT_WR), 0);
}

void traffic_transfer(int tx, int rx, size_t total)
{
	uint8_t data[16384];
	uint8_t sent[EVP_MAX_MD_SIZE];
	uint8_t got[EVP_MAX_MD_SIZE];
	size_t received = 0;
	ssize_t n = -1;
	struct flow f = { 42, total, EVP_MD_CTX_new(), EVP_MD_CTX_new() };

	assert_int_equal(EVP_DigestInit_ex(f.sent, EVP_sha256(), NULL), 1);
	assert_int_equal(EVP_DigestInit_ex(f.got, EVP_sha256(), NULL), 1);
	while (n != 0) {
		struct pollfd p[] = {
			{ rx, POLLIN, 0 },
			{ f.left ? tx : -1, POLLOUT, 0 },
		};

		assert_true(poll(p, 2, 20000) > 0);
		if (p[1].revents)
			push(&f, tx);
		if (!p[0].revents)
			continue;
		n = recv(rx, data, sizeof(data), 0);
		assert_true(n >= 0);
		assert_int_equal(EVP_DigestUpdate(f.got, data, (size_t)n), 1);
		received += (size_t)n;
	}
	assert_int_equal(received, total);
	assert_int_equal(EVP_DigestFinal_ex(f.sent, sent, NULL), 1);
	assert_int_equal(EVP_DigestFinal_ex(f.got, got, NULL), 1);
	assert_memory_equal(sent, got, 32);
	EVP_MD_CTX_free(f.sent);
	EVP_MD_CTX_free(f.got);
}

void traffic_echo(int c, int server, size_t len)
{
	static uint8_t data[65536];
	static uint8_t back[65536];
	union publish_addr from;
	socklen_t from_len = sizeof(from);

	memset(data, (int)len, sizeof(data));
	assert_int_equal(send(c, data, len, 0), (ssize_t)len);
	assert_int_equal(
		recvfrom(server, back, sizeof(back), 0, &from.any, &from_len),
		(ssize_t)len);
	assert_memory_equal(back, data, len);
	memset(back, 0, sizeof(back));
	assert_int_equal(sendto(server, data, len, 0, &from.any, from_len),
			 (ssize_t)len);
	assert_int_equal(recv(c, back, sizeof(back), 0), (ssize_t)len);
	assert_memory_equal(back, data, len);
}

void traffic_echo_out(struct netns *n, const char *ip, size_t len)
{
	int server = netns_listen(n, ON_HOST, SOCK_DGRAM, ip, 7001);
	int c = netns_connect(n, IN_GUEST, SOCK_DGRAM, ip, 7001);

	traffic_echo(c, server, len);
	(void)close(c);
	(void)close(server);
}

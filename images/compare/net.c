/* SPDX-License-Identifier: Apache-2.0 */
/*
 * net.c - verb serve: the job's end of the rows net.*.  The first byte of a
 * connection says what it is for:
 *
 *   i  read until the other side shuts down its direction, then answer with
 *      the count of bytes after the first one (8 bytes, little-endian)
 *   o  send until the connection closes
 *   p  send each byte back
 *   q  end the program
 */
#include <endian.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "images/compare/suite.h"
#include "vmm/lib/auto.h"
#include "vmm/lib/io.h"

#define BUFFER	(128 * KIB)
#define BACKLOG 16

static ssize_t receive(int fd, void *buf, size_t size)
{
	ssize_t n;

	do {
		n = recv(fd, buf, size, 0);
	} while (n < 0 && errno == EINTR);
	return n;
}

static void take(int fd, void *buf)
{
	uint64_t count = 0;
	ssize_t n;

	while ((n = receive(fd, buf, BUFFER)) > 0)
		count += (uint64_t)n;
	if (n < 0)
		return;
	count = htole64(count);
	(void)io_write_full(fd, &count, sizeof(count));
}

static void give(int fd, void *buf)
{
	memset(buf, 'o', BUFFER);
	while (io_write_full(fd, buf, BUFFER) == 0)
		;
}

static void echo(int fd, void *buf)
{
	ssize_t n;

	while ((n = receive(fd, buf, BUFFER)) > 0)
		if (io_write_full(fd, buf, (size_t)n) < 0)
			break;
}

/* A thread for each connection: one that hangs holds up no other. */
static void *converse(void *arg)
{
	AUTO_CLOSE int fd = (int)(intptr_t)arg;
	AUTO_FREE void *buf = malloc(BUFFER);
	const int on = 1;
	char kind;

	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (!buf || receive(fd, &kind, 1) != 1)
		return NULL;
	switch (kind) {
	case 'i':
		take(fd, buf);
		break;
	case 'o':
		give(fd, buf);
		break;
	case 'p':
		echo(fd, buf);
		break;
	case 'q':
		_exit(0);
	default: /* not one of ours */
		break;
	}
	return NULL;
}

static int listen_on(uint16_t port, struct err *err)
{
	AUTO_CLOSE int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return err_set(err, errno, "make a socket");

	const int on = 1;
	struct sockaddr_in addr = {
		.sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr.s_addr = htonl(INADDR_ANY),
	};
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0 ||
	    listen(fd, BACKLOG) < 0)
		return err_set(err, errno, "listen on TCP port %u",
			       (unsigned)port);
	return TAKE_FD(fd);
}

/* Until a connection says 'q'; returns only when something is wrong. */
static int serve(uint16_t port, struct err *err)
{
	AUTO_CLOSE int fd = listen_on(port, err);
	if (fd < 0)
		return fd;

	pthread_attr_t attr;
	int r = -pthread_attr_init(&attr);
	if (r == 0)
		r = -pthread_attr_setdetachstate(&attr,
						 PTHREAD_CREATE_DETACHED);
	if (r < 0)
		return err_set(err, -r, "prepare a thread");
	r = suite_line("ready");
	if (r < 0)
		return err_set(err, -r, "write to standard output");

	for (;;) {
		AUTO_CLOSE int conn = accept4(fd, NULL, NULL, SOCK_CLOEXEC);
		pthread_t thread;

		if (conn < 0 && (errno == EINTR || errno == ECONNABORTED))
			continue;
		if (conn < 0)
			return err_set(err, errno, "accept a connection");
		r = -pthread_create(&thread, &attr, converse,
				    (void *)(intptr_t)conn);
		if (r < 0)
			return err_set(err, -r, "start a thread");
		(void)TAKE_FD(conn); /* the thread's now */
	}
}

int net_serve(uint16_t port)
{
	struct err err = { 0 };

	(void)serve(port, &err);
	return suite_fail(&err);
}

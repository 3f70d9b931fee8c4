/* SPDX-License-Identifier: Apache-2.0 */
/*
 * flow.c - jobs tcp, vsock and serve: bytes one way over a connection.  Who
 * measures sends one byte, 'u' or 'd', and how many MiB, a byte as well; the
 * other end takes or gives them, and answers 'u' by a byte when it has all.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <linux/vm_sockets.h>

#include "guest.h"

#define BUFFER 262144

static void give(const struct job *job, int fd, uint64_t len)
{
	static char buf[BUFFER];

	while (len > 0) {
		ssize_t n = write(fd, buf, len < BUFFER ? len : BUFFER);

		if (n <= 0)
			fail(job, "write");
		len -= (uint64_t)n;
	}
}

static void take(const struct job *job, int fd, uint64_t len)
{
	static char buf[BUFFER];

	while (len > 0) {
		ssize_t n = read(fd, buf, len < BUFFER ? len : BUFFER);

		if (n == 0)
			errno = ECONNRESET;
		if (n <= 0)
			fail(job, "read");
		len -= (uint64_t)n;
	}
}

/* Field @i has the direction, the next one MiB. */
static void measure(struct job *job, int fd, unsigned i)
{
	uint64_t mib = number(job, i + 1);
	char way = job->field[i][0];
	const char order[2] = { way, (char)mib };

	if (mib < 1 || mib > 255 || (way != 'u' && way != 'd')) {
		errno = EINVAL;
		fail(job, "up or down, and 1 to 255 MiB");
	}
	begin(job);
	if (write(fd, order, sizeof(order)) != sizeof(order))
		fail(job, "begin");
	if (way == 'd') {
		take(job, fd, mib * MIB);
	} else {
		give(job, fd, mib * MIB);
		take(job, fd, 1);
	}
	end(job, mib * MIB);
	(void)close(fd);
}

static void answer(const struct job *job, int fd)
{
	unsigned char order[2];

	if (recv(fd, order, sizeof(order), MSG_WAITALL) != sizeof(order))
		fail(job, "begin");
	if (order[0] == 'd') {
		give(job, fd, order[1] * MIB);
		/* Not before the other end has it all and closes. */
		(void)!read(fd, order, 1);
	} else {
		take(job, fd, order[1] * MIB);
		give(job, fd, 1);
	}
	(void)close(fd);
}

static struct sockaddr_in inet(const struct job *job, unsigned i)
{
	struct sockaddr_in a = {
		.sin_family = AF_INET,
		.sin_port = htons((uint16_t)number(job, i + 1)),
	};

	if (inet_pton(AF_INET, job->field[i], &a.sin_addr) != 1)
		fail(job, "address");
	return a;
}

static int new_socket(const struct job *job, int family)
{
	int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		fail(job, "socket");
	return fd;
}

void do_tcp(struct job *job)
{
	int fd = new_socket(job, AF_INET);
	struct sockaddr_in to = inet(job, 1);

	if (connect(fd, (struct sockaddr *)&to, sizeof(to)) < 0)
		fail(job, "connect");
	measure(job, fd, 3);
}

static int listen_on(const struct job *job, int family, const void *name,
		     size_t len)
{
	int fd = new_socket(job, family);
	const int on = 1;

	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(fd, name, (socklen_t)len) < 0 || listen(fd, 1) < 0)
		fail(job, "listen");
	return fd;
}

void do_vsock(struct job *job)
{
	struct sockaddr_vm name = {
		.svm_family = AF_VSOCK,
		.svm_cid = VMADDR_CID_ANY,
		.svm_port = (uint32_t)number(job, 1),
	};
	int listener = listen_on(job, AF_VSOCK, &name, sizeof(name));

	printf("listening %s\n", job->text);
	int fd = accept(listener, NULL, NULL);
	if (fd < 0)
		fail(job, "accept");
	measure(job, fd, 2);
	(void)close(listener);
}

/* By belljar's protocol: docs/devices.md. */
static int through_unix(const struct job *job)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	int fd = new_socket(job, AF_UNIX);
	char byte = 0;

	(void)snprintf(to.sun_path, sizeof(to.sun_path), "%s", job->field[2]);
	if (connect(fd, (struct sockaddr *)&to, sizeof(to)) < 0 ||
	    dprintf(fd, "CONNECT %s\n", job->field[3]) < 0)
		fail(job, "connect");
	while (byte != '\n')
		if (read(fd, &byte, 1) != 1)
			fail(job, "refused");
	return fd;
}

static int through_vsock(const struct job *job)
{
	struct sockaddr_vm to = {
		.svm_family = AF_VSOCK,
		.svm_cid = (uint32_t)number(job, 2),
		.svm_port = (uint32_t)number(job, 3),
	};
	int fd = new_socket(job, AF_VSOCK);

	if (connect(fd, (struct sockaddr *)&to, sizeof(to)) < 0)
		fail(job, "connect");
	return fd;
}

void do_serve(struct job *job)
{
	const char *how = job->field[1] ? job->field[1] : "";

	if (strcmp(how, "unix") == 0) {
		answer(job, through_unix(job));
	} else if (strcmp(how, "vsock") == 0) {
		answer(job, through_vsock(job));
	} else {
		struct sockaddr_in name = inet(job, 2);
		int fd = listen_on(job, AF_INET, &name, sizeof(name));

		printf("listening %s\n", job->text);
		for (;;)
			answer(job, accept(fd, NULL, NULL));
	}
}

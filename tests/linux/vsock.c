/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vsock.c - netcat for vsock, inside the guest.
 *
 *   vsock connect PORT   to the host (CID 2)
 *   vsock listen PORT    one connection
 *
 * Standard input goes out until its end, then the sending side is shut down;
 * what comes in goes to standard output until the peer has closed.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/vm_sockets.h>

static int die(const char *what)
{
	fprintf(stderr, "vsock: %s: %s\n", what, strerror(errno));
	return 1;
}

static int copy(int from, int to)
{
	static char buf[65536];
	ssize_t n = read(from, buf, sizeof(buf));

	for (ssize_t done = 0; done < n;) {
		ssize_t w = write(to, buf + done, (size_t)(n - done));
		if (w < 0)
			return -1;
		done += w;
	}
	return n > 0 ? 1 : (int)n;
}

static int relay(int sock)
{
	struct pollfd p[2] = { { .fd = sock, .events = POLLIN },
			       { .fd = STDIN_FILENO, .events = POLLIN } };

	for (;;) {
		if (poll(p, 2, -1) < 0)
			return die("poll");
		if (p[1].revents) {
			int r = copy(STDIN_FILENO, sock);
			if (r < 0)
				return die("send");
			if (r == 0) {
				(void)shutdown(sock, SHUT_WR);
				p[1].fd = -1;
			}
		}
		if (p[0].revents) {
			int r = copy(sock, STDOUT_FILENO);
			if (r < 0)
				return die("receive");
			if (r == 0)
				return 0;
		}
	}
}

int main(int argc, char **argv)
{
	struct sockaddr_vm addr = { .svm_family = AF_VSOCK };

	if (argc != 3) {
		fprintf(stderr, "usage: vsock connect|listen PORT\n");
		return 2;
	}
	int fd = socket(AF_VSOCK, SOCK_STREAM, 0);
	if (fd < 0)
		return die("socket");
	addr.svm_port = (unsigned)strtoul(argv[2], NULL, 10);

	if (strcmp(argv[1], "connect") == 0) {
		addr.svm_cid = VMADDR_CID_HOST;
		if (connect(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0)
			return die("connect");
		return relay(fd);
	}
	addr.svm_cid = VMADDR_CID_ANY;
	if (bind(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0 ||
	    listen(fd, 1) < 0)
		return die("listen");
	fprintf(stderr, "vsock: listening\n");
	int conn = accept(fd, NULL, NULL);
	if (conn < 0)
		return die("accept");
	return relay(conn);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* mix_net.c - a TCP connection over the job's own loopback. */
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <unistd.h>

#include "images/compare/mix.h"
#include "images/compare/process.h"
#include "vmm/lib/auto.h"

static const char text[] = "by loopback";

static int listen_here(struct sockaddr_in *ret, struct err *err)
{
	struct sockaddr_in addr = {
		.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	socklen_t len = sizeof(addr);
	AUTO_CLOSE int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&addr, len) < 0 ||
	    listen(fd, 1) < 0 ||
	    getsockname(fd, (struct sockaddr *)&addr, &len) < 0)
		return err_set(err, errno, "listen on the loopback");
	*ret = addr;
	return TAKE_FD(fd);
}

static int send_text(const struct sockaddr_in *addr)
{
	AUTO_CLOSE int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 ||
	    connect(fd, (const struct sockaddr *)addr, sizeof(*addr)) < 0 ||
	    send(fd, text, sizeof(text), 0) != sizeof(text))
		return -errno;
	return 0;
}

int mix_network(struct err *err)
{
	struct sockaddr_in addr;
	AUTO_CLOSE int fd = listen_here(&addr, err);
	if (fd < 0)
		return fd;

	pid_t pid = fork();
	if (pid < 0)
		return err_set(err, errno, "start a process");
	if (pid == 0)
		_exit(send_text(&addr) < 0);

	/* First its status: who waits in accept() waits for ever. */
	int r = process_wait(pid, "the other end of the loopback", err);
	if (r < 0)
		return r;
	AUTO_CLOSE int conn = accept4(fd, NULL, NULL, SOCK_CLOEXEC);
	char back[sizeof(text)] = "";
	if (conn < 0)
		return err_set(err, errno, "accept on the loopback");
	if (recv(conn, back, sizeof(back), MSG_WAITALL) != sizeof(back) ||
	    memcmp(back, text, sizeof(text)) != 0)
		return err_say(err, EIO, "the loopback lost bytes");
	return 0;
}

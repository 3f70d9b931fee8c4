/* SPDX-License-Identifier: Apache-2.0 */
/*
 * keeper_dial.c - the guest connects to port P of the host: port AGENT_PORT
 * is ours, once; any other is the Unix socket RUN/vms/<id>/vsock.sock_P, which
 * whoever wants to be reached has bound.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "vmm/abi/dial.h"
#include "vmm/lib/auto.h"
#include "vmm/lib/io.h"
#include "vmm/manager/keeper_priv.h"

/* Never waits: a listener whose backlog is full refuses, as TCP would. */
static int dial_unix(const struct keeper *k, uint32_t port)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	int n = snprintf(sun.sun_path, sizeof(sun.sun_path), "%s/vsock.sock_%u",
			 k->plan->vm->run, port);

	if (n >= (int)sizeof(sun.sun_path))
		return -ENAMETOOLONG;
	AUTO_CLOSE int fd =
		socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	if (connect(fd, (struct sockaddr *)&sun, sizeof(sun)) < 0)
		return errno == EAGAIN || errno == ENOENT ? -ECONNREFUSED
							  : -errno;
	return TAKE_FD(fd);
}

static int dial_agent(struct keeper *k)
{
	int pair[2];

	if (k->agent_taken)
		return -ECONNREFUSED;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return -errno;
	k->agent_taken = true;
	frame_open(&k->agent, pair[0]);
	return pair[1];
}

static void answer(struct keeper *k, const struct dial_request *req)
{
	AUTO_CLOSE int fd = req->port == AGENT_PORT ? dial_agent(k)
						    : dial_unix(k, req->port);
	struct dial_answer ans = {
		.cookie = req->cookie,
		.error = fd < 0 ? -fd : 0,
	};

	/* When it does not get through, the monitor is ending. */
	(void)io_send_fd(k->dial, &ans, sizeof(ans), fd);
}

void keeper_dial(struct keeper *k)
{
	struct dial_request req;
	AUTO_CLOSE int stray = -1;
	ssize_t n = io_recv_fd(k->dial, &req, sizeof(req), &stray);

	if (n == sizeof(req)) {
		answer(k, &req);
		return;
	}
	if (n == -EAGAIN)
		return;
	(void)close(k->dial);
	k->dial = -1;
}

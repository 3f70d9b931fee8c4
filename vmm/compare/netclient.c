/* SPDX-License-Identifier: Apache-2.0 */
/* netclient.c - TCP in both directions and there and back, timed here. */
#include "vmm/compare/netclient.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "vmm/lib/auto.h"
#include "vmm/lib/err.h"
#include "vmm/lib/io.h"
#include "vmm/lib/le.h"
#include "vmm/manager/timing.h"

#define CHUNK	   (128U * 1024U)
#define NS_PER_S   1e9
#define NS_PER_US  1e3
#define MB	   1e6
#define CONNECT_NS 60000000000ULL
#define RETRY_MS   20
#define WAIT_S	   120

/* A published port may be open before the server behind it is. */
static int dial(const struct netclient *c, char kind, struct err *err)
{
	const struct timeval wait = { .tv_sec = WAIT_S };
	uint64_t end = timing_now() + CONNECT_NS;
	int one = 1, code = 0;

	while (timing_now() < end) {
		int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

		if (fd < 0)
			return err_set(err, errno, "make a socket");
		(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one,
				 sizeof(one));
		(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait,
				 sizeof(wait));
		(void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait,
				 sizeof(wait));
		if (connect(fd, (const struct sockaddr *)&c->address,
			    sizeof(c->address)) == 0 &&
		    send(fd, &kind, 1, MSG_NOSIGNAL) == 1)
			return fd;
		code = errno;
		(void)close(fd);
		(void)poll(NULL, 0, RETRY_MS);
	}
	return err_set(err, code, "connect to the job");
}

/* What the job counted, over the time until it had counted it. */
static int measure_in(const struct netclient *c, double *ret, struct err *err)
{
	static char chunk[CHUNK];
	le64_t count = { 0 };
	AUTO_CLOSE int fd = dial(c, 'i', err);

	if (fd < 0)
		return fd;
	uint64_t begin = timing_now();
	while (timing_now() - begin < c->budget_ns)
		if (send(fd, chunk, sizeof(chunk), MSG_NOSIGNAL) < 0)
			return err_set(err, errno, "send to the job");
	if (shutdown(fd, SHUT_WR) < 0)
		return err_set(err, errno, "send to the job");
	if (io_read_full(fd, &count, sizeof(count)) != sizeof(count))
		return err_say(err, EPIPE,
			       "the job did not say how many bytes "
			       "came");
	double s = (double)(timing_now() - begin) / NS_PER_S;
	if (le64_get(count) == 0)
		return err_say(err, EPIPE, "no byte came to the job");
	*ret = (double)le64_get(count) / MB / s;
	return 0;
}

static int measure_out(const struct netclient *c, double *ret, struct err *err)
{
	static char chunk[CHUNK];
	uint64_t bytes = 0;
	AUTO_CLOSE int fd = dial(c, 'o', err);

	if (fd < 0)
		return fd;
	uint64_t begin = timing_now();
	while (timing_now() - begin < c->budget_ns) {
		ssize_t n = recv(fd, chunk, sizeof(chunk), 0);

		if (n <= 0)
			return err_set(err, n < 0 ? errno : EPIPE,
				       "receive from the job");
		bytes += (uint64_t)n;
	}
	*ret = (double)bytes / MB / ((double)(timing_now() - begin) / NS_PER_S);
	return 0;
}

static int measure_rtt(const struct netclient *c, double *ret, struct err *err)
{
	uint64_t n = 0;
	char byte = 'x';
	AUTO_CLOSE int fd = dial(c, 'p', err);

	if (fd < 0)
		return fd;
	uint64_t begin = timing_now();
	for (; timing_now() - begin < c->budget_ns; n++)
		if (send(fd, &byte, 1, MSG_NOSIGNAL) != 1 ||
		    recv(fd, &byte, 1, 0) != 1)
			return err_set(err, errno ? errno : EPIPE,
				       "send a byte there and back");
	*ret = (double)(timing_now() - begin) / NS_PER_US / (double)n;
	return 0;
}

int netclient_run(void *arg)
{
	static const struct {
		const char *row;
		int (*measure)(const struct netclient *c, double *ret,
			       struct err *err);
	} all[] = { { "net.in", measure_in },
		    { "net.out", measure_out },
		    { "net.rtt", measure_rtt } };
	const struct netclient *c = arg;
	struct err err = { 0 };

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		double value = 0;

		if (all[i].measure(c, &value, &err) == 0)
			(void)printf("value %s %.9g\n", all[i].row, value);
		else
			(void)printf("failed %s %s\n", all[i].row, err.msg);
	}
	(void)fflush(stdout);
	int fd = dial(c, 'q', &err);
	if (fd >= 0)
		(void)close(fd);
	return 0;
}

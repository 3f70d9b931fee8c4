/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ring.c - an all-reduce in miniature, as gloo and MPI do it: each rank is
 * connected to the next by its name, in a ring, and the sums of all ranks'
 * numbers go around it twice.
 *
 * ring RANK MEGABYTES HOST...   (HOST number RANK is this machine)
 */
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define PORT "29500"

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static int listen_here(void)
{
	struct addrinfo hints = { .ai_family = AF_INET,
				  .ai_socktype = SOCK_STREAM,
				  .ai_flags = AI_PASSIVE },
			*a;

	if (getaddrinfo(NULL, PORT, &hints, &a) != 0)
		die("getaddrinfo");
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	if (bind(fd, a->ai_addr, a->ai_addrlen) < 0 || listen(fd, 1) < 0)
		die("listen");
	freeaddrinfo(a);
	return fd;
}

/* The next may not be there yet, nor its name. */
static int dial(const char *host)
{
	struct addrinfo hints = { .ai_family = AF_INET,
				  .ai_socktype = SOCK_STREAM },
			*a;

	for (;;) {
		int fd = socket(AF_INET, SOCK_STREAM, 0);

		if (getaddrinfo(host, PORT, &hints, &a) == 0) {
			int r = connect(fd, a->ai_addr, a->ai_addrlen);

			freeaddrinfo(a);
			if (r == 0)
				return fd;
		}
		close(fd);
		(void)poll(NULL, 0, 100);
	}
}

/* Both at once: everybody sends, and nobody waits for a reader. */
static void exchange(int to, const char *out, int from, char *in, size_t len)
{
	size_t sent = 0, got = 0;

	while (sent < len || got < len) {
		struct pollfd p[] = { { sent < len ? to : -1, POLLOUT, 0 },
				      { got < len ? from : -1, POLLIN, 0 } };

		if (poll(p, 2, -1) < 0)
			die("poll");
		if (p[0].revents) {
			ssize_t n = write(to, out + sent, len - sent);

			if (n < 0 && errno != EAGAIN)
				die("write");
			sent += n > 0 ? (size_t)n : 0;
		}
		if (p[1].revents) {
			ssize_t n = read(from, in + got, len - got);

			if (n == 0 || (n < 0 && errno != EAGAIN))
				die("read");
			got += n > 0 ? (size_t)n : 0;
		}
	}
}

static void reduce(float *v, size_t part, int rank, int ranks, int to, int from)
{
	float *in = malloc(part * sizeof(*in));

	for (int step = 0; step < 2 * (ranks - 1); step++) {
		size_t s = (size_t)((rank - step + 2 * ranks) % ranks);
		size_t r = (size_t)((rank - step - 1 + 2 * ranks) % ranks);

		exchange(to, (char *)(v + s * part), from, (char *)in,
			 part * sizeof(*in));
		for (size_t i = 0; i < part; i++)
			v[r * part + i] = step < ranks - 1
						  ? v[r * part + i] + in[i]
						  : in[i];
	}
	free(in);
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

int main(int argc, char **argv)
{
	if (argc < 5)
		return 2;
	int rank = atoi(argv[1]), ranks = argc - 3;
	size_t part = (size_t)atoi(argv[2]) * 262144 / (size_t)ranks;
	size_t n = part * (size_t)ranks;
	float *v = malloc(n * sizeof(*v));

	if (!v)
		die("malloc");
	for (size_t i = 0; i < n; i++)
		v[i] = (float)((size_t)(rank + 1) * (i % 97));
	int door = listen_here();
	int to = dial(argv[3 + (rank + 1) % ranks]);
	int from = accept(door, NULL, NULL);
	if (from < 0)
		die("accept");
	fcntl(to, F_SETFL, O_NONBLOCK);
	fcntl(from, F_SETFL, O_NONBLOCK);

	double begin = now();
	reduce(v, part, rank, ranks, to, from);
	double took = now() - begin;
	for (size_t i = 0; i < n; i++)
		if (v[i] !=
		    (float)((size_t)(ranks * (ranks + 1) / 2) * (i % 97))) {
			printf("rank %d: number %zu is %f\n", rank, i,
			       (double)v[i]);
			return 1;
		}
	printf("rank %d: all-reduce of %zu numbers by %d, right, %.1f MB/s\n",
	       rank, n, ranks, (double)(n * sizeof(*v)) / 1e6 / took);
	(void)fflush(stdout);
	/*
	 * Who ends first must not take what is on its way to the next; and who
	 * has gone must not keep the last one.
	 */
	struct pollfd p = { from, POLLIN, 0 };
	char c;

	(void)shutdown(to, SHUT_WR);
	while (poll(&p, 1, 5000) > 0 && read(from, &c, 1) > 0)
		;
	return 0;
}

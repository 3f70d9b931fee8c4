/* SPDX-License-Identifier: Apache-2.0 */
/* fake_control.c - status, stats and resize, one client after the other. */
#include "tests/cli/fake_control.h"

#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static void answer(struct fake_control *c, const char *line, FILE *to)
{
	uint64_t most = c->memory - c->used;

	if (strncmp(line, "resize ", 7) == 0) {
		uint64_t bytes = strtoull(line + 7, NULL, 10);

		c->target = bytes < c->memory ? c->memory - bytes : 0;
		c->plugged = bytes < c->memory ? 0 : bytes - c->memory;
		if (c->driver)
			c->actual = c->target < most ? c->target : most;
		(void)fprintf(to, "{\"ok\":true}\n");
		return;
	}
	if (strcmp(line, "stats\n") == 0) {
		c->asked++;
		(void)fprintf(to,
			      "{\"ok\":true,\"devices\":[{\"device\":\"blk\","
			      "\"id\":\"\\u001b[31m\",\"read_bytes\":%" PRIu64
			      ",\"write_bytes\":0},{\"device\":\"net\","
			      "\"vhost\":0,\"rx_bytes\":5,\"tx_bytes\":6}],"
			      "\"vcpus\":[{\"io_exits\":3}]}\n",
			      c->asked * 4096);
		return;
	}
	c->figures += c->driver;
	(void)fprintf(
		to,
		"{\"ok\":true,\"memory\":%" PRIu64
		",\"balloon\":{\"target\":%" PRIu64 ",\"actual\":%" PRIu64
		",\"driver\":%s,\"figures\":%" PRIu64 ",\"available\":%" PRIu64
		"},\"plug\":{\"most\":%" PRIu64 ",\"requested\":%" PRIu64
		",\"plugged\":%" PRIu64 ",\"driver\":true}}\n",
		c->memory, c->target, c->actual, c->driver ? "true" : "false",
		c->figures, most + c->plugged - c->actual, c->most, c->plugged,
		c->plugged);
}

static void *serve(void *arg)
{
	struct fake_control *c = arg;
	char line[128];

	for (;;) {
		struct pollfd p = { c->listener, POLLIN, 0 };

		(void)poll(&p, 1, -1);
		int fd = accept(c->listener, NULL, NULL);
		FILE *f = fd < 0 ? NULL : fdopen(fd, "r+");
		while (f && fgets(line, sizeof(line), f)) {
			answer(c, line, f);
			(void)fflush(f);
		}
		if (f)
			(void)fclose(f);
	}
	return NULL;
}

void fake_control_start(struct fake_control *c)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, serve, c) != 0)
		_exit(3);
}

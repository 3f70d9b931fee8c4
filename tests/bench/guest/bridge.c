/* SPDX-License-Identifier: Apache-2.0 */
/* bridge.c - job bridge: frames between two descriptors, as a monitor would. */
#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <unistd.h>

#include "guest.h"

#define FRAME 65600

static bool cross(int from, int to)
{
	static char frame[FRAME];
	ssize_t n = read(from, frame, sizeof(frame));

	/* What the other side has no room for is lost, as on a wire. */
	return n > 0 && (write(to, frame, (size_t)n) >= 0 || errno == EAGAIN);
}

void do_bridge(struct job *job)
{
	struct pollfd p[2] = {
		{ (int)number(job, 1), POLLIN, 0 },
		{ (int)number(job, 2), POLLIN, 0 },
	};

	while (poll(p, 2, -1) > 0)
		for (unsigned i = 0; i < 2; i++)
			if (p[i].revents && !cross(p[i].fd, p[!i].fd))
				return;
}

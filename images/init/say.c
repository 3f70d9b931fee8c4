/* SPDX-License-Identifier: Apache-2.0 */
/* say.c - one line to the kernel's log. */
#include "images/init/say.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "vmm/lib/auto.h"

void say(const char *fmt, ...)
{
	/* Opened each time: messages are rare, and a descriptor is a global. */
	AUTO_CLOSE int fd = open("/dev/kmsg", O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return;

	/* Each write is a line of its own.  <3>: `quiet` does not hide it. */
	char line[800] = "<3>init: ";
	size_t len = strlen(line);

	va_list ap;
	va_start(ap, fmt);
	(void)vsnprintf(line + len, sizeof(line) - len, fmt, ap);
	va_end(ap);
	(void)!write(fd, line, strlen(line));
}

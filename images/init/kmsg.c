/* SPDX-License-Identifier: Apache-2.0 */
/* kmsg.c - read the kernel's log, a record a read (Documentation/ABI). */
#include "images/init/kmsg.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

int kmsg_mark(void)
{
	int fd = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);

	if (fd >= 0)
		(void)lseek(fd, 0, SEEK_END);
	return fd;
}

/* "PRIORITY,NUMBER,TIME,FLAGS;TEXT\n", and more lines nobody needs. */
static const char *text_of(char *record)
{
	char *text = strchr(record, ';');

	if (!text || LOG_PRI((int)strtol(record, NULL, 10)) > LOG_WARNING)
		return NULL;
	text++;
	text[strcspn(text, "\n")] = '\0';
	return text;
}

void kmsg_complaint(int mark, char *ret, size_t size)
{
	char record[2048];

	ret[0] = '\0';
	if (mark < 0)
		return;
	for (;;) {
		ssize_t n = read(mark, record, sizeof(record) - 1);
		/* EPIPE: so much was said that the beginning is lost. */
		if (n < 0 && errno == EPIPE)
			continue;
		if (n <= 0)
			return;
		record[n] = '\0';
		const char *text = ret[0] ? NULL : text_of(record);
		if (text)
			(void)snprintf(ret, size, "%s", text);
	}
}

/* SPDX-License-Identifier: Apache-2.0 */
/* log.c - one line for each event, on stderr. */
#include "vmm/lib/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Written once by log_init() before any thread exists, only read after. */
static struct {
	char id[64];
	enum log_level level;
} log_to = { .level = LOG_WARN };

void log_init(const char *id, enum log_level level)
{
	(void)snprintf(log_to.id, sizeof(log_to.id), "%s", id ? id : "");
	log_to.level = level;
}

void log_line(enum log_level level, const char *fmt, ...)
{
	static const char *const name[] = { "error", "warn", "info", "debug" };
	char text[512];
	char line[1200];
	va_list ap;

	if (level > log_to.level)
		return;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);

	int head = snprintf(line, sizeof(line), "%s%s%s: ", log_to.id,
			    log_to.id[0] ? ": " : "", name[level]);
	size_t n = head > 0 ? (size_t)head : 0;

	for (const char *p = text; *p && n < sizeof(line) - 6; p++) {
		unsigned char c = (unsigned char)*p;

		if (c >= 0x20 && c != 0x7f)
			line[n++] = (char)c;
		else
			n += (size_t)snprintf(line + n, 5, "\\x%02x", c);
	}
	line[n++] = '\n';
	/* One write, so that lines of several threads do not mix. */
	(void)!write(STDERR_FILENO, line, n);
}

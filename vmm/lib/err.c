/* SPDX-License-Identifier: Apache-2.0 */
/* err.c - a failure with its sentence. */
#include "vmm/lib/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int err_set(struct err *err, int errnum, const char *fmt, ...)
{
	if (!err)
		return -errnum;

	va_list ap;
	va_start(ap, fmt);
	(void)vsnprintf(err->msg, sizeof(err->msg), fmt, ap);
	va_end(ap);

	size_t len = strlen(err->msg);
	/* strerror: musl has no strerrordesc_np, and nobody sets a locale. */
	(void)snprintf(err->msg + len, sizeof(err->msg) - len, ": %s",
		       strerror(errnum));
	err->code = errnum;
	return -errnum;
}

int err_say(struct err *err, int errnum, const char *fmt, ...)
{
	if (!err)
		return -errnum;

	va_list ap;
	va_start(ap, fmt);
	(void)vsnprintf(err->msg, sizeof(err->msg), fmt, ap);
	va_end(ap);
	err->code = errnum;
	return -errnum;
}

int err_wrap(struct err *err, const char *fmt, ...)
{
	if (!err)
		return -1;

	char inner[sizeof(err->msg)];
	memcpy(inner, err->msg, sizeof(inner));

	va_list ap;
	va_start(ap, fmt);
	(void)vsnprintf(err->msg, sizeof(err->msg), fmt, ap);
	va_end(ap);

	size_t len = strlen(err->msg);
	(void)snprintf(err->msg + len, sizeof(err->msg) - len, ": %s", inner);
	return -err->code;
}

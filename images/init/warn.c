/* SPDX-License-Identifier: Apache-2.0 */
/* warn.c - tell the user of something that is not an error. */
#include "images/init/warn.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "images/init/say.h"

void warn_user(struct warn *w, const char *fmt, ...)
{
	char text[700];

	va_list ap;
	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);

	say("%s", text);
	if (w->said == AGENT_WARN_MAX)
		return;
	w->said++;
	(void)wire_put(w->wire, AGENT_WARN, text, strlen(text));
}

/* SPDX-License-Identifier: Apache-2.0 */
/* warn.h - tell the user of something that is not an error. */
#ifndef IMAGES_INIT_WARN_H
#define IMAGES_INIT_WARN_H

#include "images/init/wire.h"

struct warn {
	struct wire *wire;
	unsigned said; /* at most AGENT_WARN_MAX */
};

void warn_user(struct warn *w, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* engine.c - which engine a disk gets. */
#include "devices/backend/engine.h"

#include <stddef.h>
#include <string.h>

#include "vmm/lib/log.h"

static const struct engine_ops *const engines[] = {
	&engine_uring,
	&engine_sync,
};

const struct engine_ops *engine_named(const char *name)
{
	for (size_t i = 0; i < sizeof(engines) / sizeof(engines[0]); i++)
		if (strcmp(engines[i]->name, name) == 0)
			return engines[i];
	return NULL;
}

int engine_open(const struct engine_ops *ops, const struct raw *raw,
		const int *watched, unsigned nr, struct engine **ret,
		struct err *err)
{
	if (ops)
		return ops->open(raw, watched, nr, ret, err);

	struct err why = { 0 };
	int r = engine_uring.open(raw, watched, nr, ret, &why);
	if (r == 0)
		return 0;
	log_info("%s; the disk is read and written one request at a time",
		 why.msg);
	return engine_sync.open(raw, watched, nr, ret, err);
}

void engine_close(struct engine *e)
{
	if (e)
		e->ops->close(e);
}

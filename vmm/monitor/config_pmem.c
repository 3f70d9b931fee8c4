/* SPDX-License-Identifier: Apache-2.0 */
/* config_pmem.c - the value of --pmem. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "vmm/monitor/config_priv.h"

enum { PMEM_RO, PMEM_ID };

static char key_ro[] = "ro";
static char key_id[] = "id";

int config_add_pmem(struct config *c, char *arg, struct err *err)
{
	static char *const keys[] = {
		[PMEM_RO] = key_ro, [PMEM_ID] = key_id, NULL
	};
	struct config_pmem pm = { .fd = -1, .name = arg, .id = "pmem" };
	char *opts = strchr(arg, ',');
	bool readonly = false;
	char *value;

	if (c->nr_pmem == CONFIG_MAX_PMEM)
		return err_say(err, E2BIG, "--pmem: more than %d of them",
			       CONFIG_MAX_PMEM);
	if (opts)
		*opts++ = '\0';
	while (opts && *opts) {
		const char *option = opts;
		int key = getsubopt(&opts, keys, &value);

		if (key < 0)
			return err_say(err, EINVAL,
				       "--pmem: '%s' is not an option of it; "
				       "there are ro and id=",
				       option);
		if (key == PMEM_RO) {
			readonly = true;
			continue;
		}
		if (!value || !*value || strlen(value) >= sizeof(pm.id))
			return err_say(err, EINVAL,
				       "--pmem: id takes 1 to 20 characters");
		memcpy(pm.id, value, strlen(value) + 1);
	}
	/* Said, so that nobody takes it for a place to write to. */
	if (!readonly)
		return err_say(err, EINVAL,
			       "--pmem: '%s' can only be read; write '%s,ro', "
			       "or give it by --disk",
			       arg, arg);
	pm.fd = config_open_res(arg, O_RDONLY, err);
	if (pm.fd < 0)
		return pm.fd;
	c->pmem[c->nr_pmem++] = pm;
	return 0;
}

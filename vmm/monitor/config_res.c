/* SPDX-License-Identifier: Apache-2.0 */
/* config_res.c - what the command line names: paths and descriptors. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "vmm/lib/io.h"
#include "vmm/lib/parse.h"
#include "vmm/monitor/config_priv.h"

int config_open_res(const char *res, int flags, struct err *err)
{
	if (strncmp(res, "fd:", 3) == 0) {
		uint64_t n;
		int r = parse_u64(res + 3, res, 0, 1 << 20, &n, err);
		if (r < 0)
			return r;
		if (io_set_cloexec((int)n, true) < 0)
			return err_say(err, EBADF,
				       "'%s' is not an open descriptor", res);
		return (int)n;
	}
	int fd = open(res, flags | O_CLOEXEC | O_NOCTTY, 0600);
	return fd < 0 ? err_set(err, errno, "open '%s'", res) : fd;
}

int config_set_fd(int *slot, int fd)
{
	if (fd < 0)
		return fd;
	if (*slot >= 0)
		(void)close(*slot);
	*slot = fd;
	return 0;
}

int config_set_listener(int *slot, const char **made, const char *res,
			struct err *err)
{
	bool ours = strncmp(res, "fd:", 3) != 0;
	int fd = ours ? io_unix_listen(res, err) : config_open_res(res, 0, err);

	if (fd < 0)
		return fd;
	if (*made)
		(void)unlink(*made);
	*made = ours ? res : NULL;
	return config_set_fd(slot, fd);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* capped.c - log files with a limit. */
#include "vmm/manager/capped.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "vmm/lib/io.h"

int capped_open(struct capped *c, const char *path, uint64_t max,
		struct err *err)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	if (fd < 0)
		return err_set(err, errno, "create '%s'", path);
	c->fd = fd;
	c->left = max;
	return 0;
}

void capped_close(struct capped *c)
{
	if (c->fd >= 0)
		(void)close(c->fd);
	c->fd = -1;
}

void capped_write(struct capped *c, const void *data, size_t len)
{
	static const char note[] = "\n[belljar: log full, the rest is lost]\n";
	size_t n = len < c->left ? len : (size_t)c->left;

	if (c->fd < 0)
		return;
	int r = io_write_full(c->fd, data, n);
	c->left -= n;
	if (r == 0 && n < len)
		(void)io_write_full(c->fd, note, sizeof(note) - 1);
	if (r < 0 || n < len)
		capped_close(c);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* disks.c - find block devices by serial number. */
#include "images/init/disks.h"

#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "images/init/uevents.h"
#include "vmm/lib/auto.h"
#include "vmm/lib/io.h"

static bool has_serial(int dir, const char *disk, const char *serial)
{
	char path[300], text[64];

	(void)snprintf(path, sizeof(path), "%s/serial", disk);
	return io_read_line(dir, path, text, sizeof(text)) == 0 &&
	       strcmp(text, serial) == 0;
}

int disks_find(const char *sys_block, const char *serial, char *ret,
	       size_t size)
{
	AUTO_DIR DIR *dir = opendir(sys_block);
	if (!dir)
		return -errno;

	int r = -ENOENT;
	const struct dirent *e;
	while (r == -ENOENT && (e = readdir(dir))) {
		if (e->d_name[0] == '.' ||
		    !has_serial(dirfd(dir), e->d_name, serial))
			continue;
		int len = snprintf(ret, size, "%s", e->d_name);
		r = len < 0 || (size_t)len >= size ? -ENAMETOOLONG : 0;
	}
	return r;
}

struct search {
	const char *sys_block, *serial;
	char *ret;
	size_t size;
	int result;
};

static bool is_there(void *arg)
{
	struct search *s = arg;

	s->result = disks_find(s->sys_block, s->serial, s->ret, s->size);
	return s->result != -ENOENT;
}

int disks_wait(const char *sys_block, const char *serial, int timeout_ms,
	       char *ret, size_t size, struct err *err)
{
	struct search s = { sys_block, serial, ret, size, 0 };
	int r = uevents_wait(is_there, &s, timeout_ms);

	if (r == -ETIMEDOUT)
		return err_say(err, ENOENT, "the machine has no disk '%s'",
			       serial);
	if (r < 0)
		return err_set(err, -r, "listen for devices");
	return s.result < 0 ? err_set(err, -s.result, "search '%s'", sys_block)
			    : 0;
}

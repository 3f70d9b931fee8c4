/* SPDX-License-Identifier: Apache-2.0 */
/* modules.c - load the kernel modules that came with the initramfs. */
#include "images/init/modules.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/syscall.h>

#include "vmm/lib/auto.h"

static int not_hidden(const struct dirent *e)
{
	return e->d_name[0] != '.';
}

static int load_one(int dir, const char *name, struct err *err)
{
	AUTO_CLOSE int fd = openat(dir, name, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return err_set(err, errno, "open module '%s'", name);
	/*
	 * EEXIST: it is built in, or another initramfs brought it as well.
	 * ENODEV: a processor without what, say, crc32c-intel is made of.
	 */
	if (syscall(SYS_finit_module, fd, "", 0) < 0 && errno != EEXIST &&
	    errno != ENODEV)
		return err_set(err, errno, "load module '%s'", name);
	(void)unlinkat(dir, name, 0);
	return 0;
}

int modules_load(const char *dir, struct err *err)
{
	AUTO_CLOSE int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? 0
				       : err_set(err, errno, "open '%s'", dir);

	struct dirent **list;
	int n = scandir(dir, &list, not_hidden, alphasort);
	if (n < 0)
		return err_set(err, errno, "list '%s'", dir);

	int r = 0;
	for (int i = 0; i < n; i++) {
		if (r == 0)
			r = load_one(fd, list[i]->d_name, err);
		free(list[i]);
	}
	free(list);
	return r;
}

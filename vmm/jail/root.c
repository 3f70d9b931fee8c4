/* SPDX-License-Identifier: Apache-2.0 */
/* root.c - a root directory with nothing in it. */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "vmm/jail/jail_priv.h"
#include "vmm/lib/auto.h"
#include "vmm/lib/io.h"

/* A directory that every Linux has; in our mount namespace it is ours. */
#define AT "/proc"

#define NOTHING (MS_NOSUID | MS_NODEV | MS_NOEXEC)

/* @file of the host at the same place below AT. */
static int keep_file(const char *file)
{
	char to[PATH_MAX];
	char dir[PATH_MAX];

	(void)snprintf(to, sizeof(to), AT "%s", file);
	(void)snprintf(dir, sizeof(dir), "%s", to);
	int r = io_mkdirs(dirname(dir), 0755, NULL);
	if (r < 0)
		return r;
	AUTO_CLOSE int fd = open(to, O_WRONLY | O_CREAT | O_CLOEXEC, 0444);
	if (fd < 0 || mount(file, to, NULL, MS_BIND, NULL) < 0)
		return -errno;
	/* What was mounted so on the host has to stay so: ask for all. */
	return mount(NULL, to, NULL, MS_BIND | MS_REMOUNT | MS_RDONLY | NOTHING,
		     NULL) < 0
		       ? -errno
		       : 0;
}

static int pivot(void)
{
	/* The old root ends up on top of the new one: pivot_root(2), NOTES. */
	if (chdir(AT) < 0 || syscall(SYS_pivot_root, ".", ".") < 0)
		return -errno;
	if (umount2(".", MNT_DETACH) < 0 || chdir("/") < 0)
		return -errno;
	return 0;
}

int jail_root_enter(const char *file)
{
	char options[64];

	/* Each companion has a mount namespace by birth, or makes one. */
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return -errno;
	(void)snprintf(options, sizeof(options),
		       "mode=555,nr_inodes=8,size=4k");
	if (mount("belljar", AT, "tmpfs", NOTHING, options) < 0)
		return -errno;
	if (file && access(file, F_OK) == 0) {
		int r = keep_file(file);
		if (r < 0)
			return r;
	}
	int r = pivot();
	if (r < 0)
		return r;
	return mount(NULL, "/", NULL,
		     MS_BIND | MS_REMOUNT | MS_RDONLY | NOTHING, NULL) < 0
		       ? -errno
		       : 0;
}

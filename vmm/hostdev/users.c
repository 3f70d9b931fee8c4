/* SPDX-License-Identifier: Apache-2.0 */
/* users.c - look through /proc/PID/fd. */
#include "vmm/hostdev/users.h"

#include <ctype.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "vmm/lib/auto.h"
#include "vmm/lib/sysfs.h"

static bool matches(const char *target, const char *const *names, size_t nr,
		    size_t *ret)
{
	if (strncmp(target, "/dev/", 5) != 0)
		return false;
	for (size_t i = 0; i < nr; i++)
		if (strcmp(target + 5, names[i]) == 0) {
			*ret = i;
			return true;
		}
	return false;
}

static bool has_open(const struct hostdev_sys *sys, const char *pid,
		     const char *const *names, size_t nr, size_t *ret)
{
	char path[PATH_MAX], target[PATH_MAX];
	bool found = false;

	sysfs_path(sys->root, path, "/proc/%s/fd", pid);
	AUTO_DIR DIR *dir = opendir(path);
	for (struct dirent *e; dir && !found && (e = readdir(dir)) != NULL;) {
		ssize_t n = readlinkat(dirfd(dir), e->d_name, target,
				       sizeof(target) - 1);

		target[n < 0 ? 0 : n] = '\0';
		found = matches(target, names, nr, ret);
	}
	return found;
}

static bool only_looks(const char *name)
{
	return strstr(name, "udev-worker") ||
	       strcmp(name, "systemd-udevd") == 0;
}

bool users_find(const struct hostdev_sys *sys, const char *const *names,
		size_t nr, struct user *ret)
{
	char path[PATH_MAX];
	bool found = false;

	if (nr == 0)
		return false;
	sysfs_path(sys->root, path, "/proc");
	AUTO_DIR DIR *dir = opendir(path);
	for (struct dirent *e; dir && !found && (e = readdir(dir)) != NULL;) {
		struct user u = { 0 };

		u.pid = (pid_t)strtol(e->d_name, NULL, 10);
		if (!isdigit((unsigned char)e->d_name[0]) ||
		    u.pid == getpid() ||
		    !has_open(sys, e->d_name, names, nr, &u.node))
			continue;
		(void)sysfs_text(sys->root, u.name, sizeof(u.name),
				 "/proc/%s/comm", e->d_name);
		found = !only_looks(u.name);
		if (found)
			*ret = u;
	}
	return found;
}

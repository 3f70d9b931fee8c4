/* SPDX-License-Identifier: Apache-2.0 */
/* module.c - modprobe, found where administrators' programs are. */
#include "vmm/hostdev/module.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdint.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "vmm/hostdev/hostdev_use.h"
#include "vmm/lib/sysfs.h"

static int run(const char *path, const char *option, const char *module)
{
	const char *const argv[] = { "modprobe", option, "--", module, NULL };
	char *const env[] = { NULL };
	posix_spawn_file_actions_t acts;
	pid_t pid;
	int status = 0;

	if (posix_spawn_file_actions_init(&acts) != 0)
		return -ENOMEM;
	int r = posix_spawn_file_actions_addopen(&acts, 2, "/dev/null",
						 O_WRONLY, 0);
	if (r == 0)
		r = posix_spawn(&pid, path, &acts, NULL,
				(char *const *)(uintptr_t)argv, env);
	(void)posix_spawn_file_actions_destroy(&acts);
	if (r != 0)
		return -r;
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : -ENOENT;
}

static int modprobe(const struct hostdev_sys *sys, const char *option,
		    const char *module)
{
	static const char *const places[] = { "/usr/sbin/modprobe",
					      "/sbin/modprobe" };

	if (sys->ops)
		return sys->ops->load(sys->ops->arg, module);
	if (sys->root && sys->root[0])
		return -ENOENT;
	for (size_t i = 0; i < 2; i++)
		if (access(places[i], X_OK) == 0)
			return run(places[i], option, module);
	return -ENOENT;
}

bool hostdev_can_load(const struct hostdev_sys *sys, const char *module)
{
	return modprobe(sys, "-qn", module) == 0;
}

static bool has_driver(const struct hostdev_sys *sys, const char *driver)
{
	return sysfs_there(sys->root, "/sys/bus/pci/drivers/%s", driver);
}

int module_need_driver(const struct hostdev_sys *sys, const char *driver)
{
	if (has_driver(sys, driver))
		return 0;
	(void)modprobe(sys, "-q", driver);
	return has_driver(sys, driver) ? 0 : -ENOENT;
}

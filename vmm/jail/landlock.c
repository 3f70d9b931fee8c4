/* SPDX-License-Identifier: Apache-2.0 */
/*
 * landlock.c - no file, no port, no other domain's socket or signal, as far as
 * this kernel's landlock knows the words for it (landlock(7)).
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "vmm/jail/jail_priv.h"
#include "vmm/lib/auto.h"

/* Of later kernels than the headers we are built with. */
struct ruleset {
	uint64_t fs; /* ABI 1 */
	uint64_t net; /* ABI 4: bind and connect TCP */
	uint64_t scoped; /* ABI 6: abstract sockets, signals */
};

#define NET_TCP	     3U
#define SCOPED	     3U
#define FS_ABI1	     ((UINT64_C(1) << 13) - 1)
#define FS_REFER     (UINT64_C(1) << 13) /* ABI 2 */
#define FS_TRUNCATE  (UINT64_C(1) << 14) /* ABI 3 */
#define FS_IOCTL_DEV (UINT64_C(1) << 15) /* ABI 5; for files opened later */

static int add_file(int rules, const char *file)
{
	AUTO_CLOSE int fd = open(file, O_PATH | O_CLOEXEC);
	struct landlock_path_beneath_attr path = {
		.allowed_access = LANDLOCK_ACCESS_FS_READ_FILE,
		.parent_fd = fd,
	};

	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	return syscall(SYS_landlock_add_rule, rules, LANDLOCK_RULE_PATH_BENEATH,
		       &path, 0) < 0
		       ? -errno
		       : 0;
}

int jail_landlock_enter(const char *file)
{
	long abi = syscall(SYS_landlock_create_ruleset, NULL, 0,
			   LANDLOCK_CREATE_RULESET_VERSION);

	if (abi < 0)
		return -errno;
	struct ruleset all = { .fs = FS_ABI1 };
	size_t size = sizeof(all.fs);
	if (abi >= 2)
		all.fs |= FS_REFER;
	if (abi >= 3)
		all.fs |= FS_TRUNCATE;
	if (abi >= 5)
		all.fs |= FS_IOCTL_DEV;
	if (abi >= 4)
		size += sizeof(all.net);
	if (abi >= 6)
		size += sizeof(all.scoped);
	/* Who may keep a file is the network helper: it connects. */
	all.net = file ? 0 : NET_TCP;
	all.scoped = SCOPED;

	AUTO_CLOSE int rules =
		(int)syscall(SYS_landlock_create_ruleset, &all, size, 0);
	if (rules < 0)
		return -errno;
	int r = file ? add_file(rules, file) : 0;
	if (r < 0)
		return r;
	return syscall(SYS_landlock_restrict_self, rules, 0) < 0 ? -errno : 0;
}

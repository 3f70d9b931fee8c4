/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gmem_file.c - the file that guest RAM lies in.
 *
 * Whether a memfd may have transparent huge pages is for the host to say
 * (/sys/kernel/mm/transparent_hugepage/shmem_enabled), and what hosts say is
 * "never".  In a tmpfs of our own it is for whoever mounts it.  So RAM is a
 * file of one that is mounted nowhere, with a memfd's properties: shared by its
 * descriptor, without a name, gone with it.  That takes CAP_SYS_ADMIN over our
 * user namespace, which a monitor has that is born into its jail; it stays a
 * memfd for others.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/memfd.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <unistd.h>

#include "vmm/core/gmem_priv.h"
#include "vmm/lib/auto.h"

#define NAME "guest-ram"

/* -1 where this host or our rights have no such thing. */
static int open_in_tmpfs(uint64_t size)
{
	char bytes[24];
	AUTO_CLOSE int fs = fsopen("tmpfs", FSOPEN_CLOEXEC);

	(void)snprintf(bytes, sizeof(bytes), "%" PRIu64, size);
	if (fs < 0 ||
	    fsconfig(fs, FSCONFIG_SET_STRING, "huge", "advise", 0) < 0 ||
	    fsconfig(fs, FSCONFIG_SET_STRING, "size", bytes, 0) < 0 ||
	    fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		return -1;

	AUTO_CLOSE int mount = fsmount(fs, FSMOUNT_CLOEXEC,
				       MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV |
					       MOUNT_ATTR_NOEXEC);
	if (mount < 0)
		return -1;
	/* With a name, of which maps and smaps tell, and not for long. */
	int fd = openat(mount, NAME, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC,
			S_IRUSR | S_IWUSR);
	if (fd >= 0)
		(void)unlinkat(mount, NAME, 0);
	return fd;
}

int gmem_open(uint64_t size, uint64_t page, struct err *err)
{
	unsigned flags = MFD_CLOEXEC;
	int fd = page == GMEM_PAGE_4K ? open_in_tmpfs(size) : -1;

	if (fd >= 0)
		return fd;
	if (page == GMEM_PAGE_2M)
		flags |= MFD_HUGETLB | MFD_HUGE_2MB;
	else if (page == GMEM_PAGE_1G)
		flags |= MFD_HUGETLB | MFD_HUGE_1GB;
	fd = memfd_create(NAME, flags);
	return fd >= 0 ? fd : err_set(err, errno, "create guest RAM");
}

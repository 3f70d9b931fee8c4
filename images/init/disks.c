/* SPDX-License-Identifier: Apache-2.0 */
/* disks.c - find block devices by serial number. */
#include "images/init/disks.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "vmm/lib/auto.h"

static bool has_serial(int dir, const char *disk, const char *serial)
{
	char path[300], text[64] = "";

	(void)snprintf(path, sizeof(path), "%s/serial", disk);
	AUTO_CLOSE int fd = openat(dir, path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;

	ssize_t n = read(fd, text, sizeof(text) - 1);
	if (n < 0)
		return false;
	text[strcspn(text, "\n")] = '\0';
	return strcmp(text, serial) == 0;
}

int disks_find(const char *sys_block, const char *serial, char *ret,
	       size_t size)
{
	DIR *dir = opendir(sys_block);
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
	(void)closedir(dir);
	return r;
}

static int listen_uevents(void)
{
	int fd = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK,
			NETLINK_KOBJECT_UEVENT);
	if (fd < 0)
		return -errno;

	struct sockaddr_nl addr = { .nl_family = AF_NETLINK, .nl_groups = 1 };
	if (bind(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0) {
		int r = -errno;

		(void)close(fd);
		return r;
	}
	return fd;
}

static int64_t now_ms(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

int disks_wait(const char *sys_block, const char *serial, int timeout_ms,
	       char *ret, size_t size, struct err *err)
{
	int r = disks_find(sys_block, serial, ret, size);
	if (r != -ENOENT)
		return r < 0 ? err_set(err, -r, "search '%s'", sys_block) : 0;

	AUTO_CLOSE int fd = listen_uevents();
	if (fd < 0)
		return err_set(err, -fd, "listen for devices");

	int64_t end = now_ms() + timeout_ms;
	for (;;) {
		/* After the socket is bound, so that no event is missed. */
		r = disks_find(sys_block, serial, ret, size);
		if (r != -ENOENT)
			return r;

		int64_t left = end - now_ms();
		struct pollfd p = { .fd = fd, .events = POLLIN };
		if (left <= 0 || poll(&p, 1, (int)left) == 0)
			return err_say(err, ENOENT,
				       "the machine has no disk '%s'", serial);

		char event[4096];
		while (recv(fd, event, sizeof(event), 0) > 0)
			;
	}
}

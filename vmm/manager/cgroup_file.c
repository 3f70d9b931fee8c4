/* SPDX-License-Identifier: Apache-2.0 */
/* cgroup_file.c - the files of a control group, and the processes in it. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <unistd.h>

#include "vmm/lib/auto.h"
#include "vmm/lib/io.h"
#include "vmm/lib/parse.h"
#include "vmm/manager/cgroup_priv.h"
#include "vmm/manager/timing.h"

#define NS_MS	 1000000ULL
#define PIDS_MAX 4096 /* that are looked at in one pass */

/* A path that is cut will not be found. */
static void file_path(char ret[PATH_MAX], const char *dir, const char *file)
{
	(void)snprintf(ret, PATH_MAX, "%s/%s", dir, file);
}

void cgroup_line(const char *dir, const char *file, char *buf, size_t size)
{
	char path[PATH_MAX];

	file_path(path, dir, file);
	if (io_read_line(AT_FDCWD, path, buf, size) < 0)
		buf[0] = '\0';
}

int cgroup_put(const char *dir, const char *file, const char *text)
{
	char path[PATH_MAX];

	file_path(path, dir, file);
	AUTO_CLOSE int fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	return write(fd, text, strlen(text)) < 0 ? -errno : 0;
}

int cgroup_write(const char *dir, const char *file, const char *fmt, ...)
{
	char text[64];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	return cgroup_put(dir, file, text);
}

int64_t cgroup_number(const char *dir, const char *file)
{
	char text[32];
	uint64_t v = 0;

	cgroup_line(dir, file, text, sizeof(text));
	if (parse_u64(text, file, 0, INT64_MAX, &v, NULL) < 0)
		return -1;
	return (int64_t)v;
}

int64_t cgroup_leading(const char *text)
{
	char *end = NULL;

	errno = 0;
	long long v = strtoll(text, &end, 10);
	return end == text || errno || v < 0 ? 0 : v;
}

int64_t cgroup_keyed(const char *dir, const char *file, const char *key)
{
	char path[PATH_MAX];
	AUTO_FREE char *line = NULL;
	size_t size = 0, len = strlen(key);
	uint64_t v = 0;

	file_path(path, dir, file);
	AUTO_FCLOSE FILE *f = fopen(path, "re");
	while (f && getline(&line, &size, f) > 0) {
		line[strcspn(line, "\n")] = '\0';
		if (strncmp(line, key, len) == 0 && line[len] == ' ' &&
		    parse_u64(line + len + 1, key, 0, INT64_MAX, &v, NULL) == 0)
			return (int64_t)v;
	}
	return -1;
}

/* Call @each for the processes that are in it now. */
static void each_pid(const char *dir, void (*each)(pid_t pid, void *arg),
		     void *arg)
{
	char path[PATH_MAX];
	char line[32];

	/* 0 stands for a process of another PID namespace. */
	file_path(path, dir, "cgroup.procs");
	AUTO_FCLOSE FILE *f = fopen(path, "re");
	for (int i = 0; f && i < PIDS_MAX; i++) {
		if (!fgets(line, sizeof(line), f))
			return;
		pid_t pid = (pid_t)cgroup_leading(line);
		if (pid > 0)
			each(pid, arg);
	}
}

static void kill_one(pid_t pid, void *arg)
{
	(void)arg;
	(void)kill(pid, SIGKILL);
}

void cgroup_kill(const char *dir)
{
	/* Linux 5.14; it misses nobody. */
	if (cgroup_write(dir, "cgroup.kill", "1") < 0)
		each_pid(dir, kill_one, NULL);
}

static int left_ms(uint64_t until)
{
	uint64_t now = timing_now();

	return now >= until ? 0 : (int)((until - now) / NS_MS) + 1;
}

static void wait_one(pid_t pid, void *arg)
{
	const uint64_t *until = arg;
	AUTO_CLOSE int fd = pidfd_open(pid, 0);
	struct pollfd p = { fd, POLLIN, 0 };

	if (fd >= 0)
		(void)poll(&p, 1, left_ms(*until));
}

/* Version 2 has a file that says when it changes.  False: it is not there. */
static bool wait_events(const char *dir, uint64_t until)
{
	char path[PATH_MAX];
	int left;

	file_path(path, dir, "cgroup.events");
	AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	while ((left = left_ms(until)) > 0) {
		struct pollfd p = { fd, POLLPRI, 0 };
		char text[128];
		ssize_t n = io_pread_full(fd, text, sizeof(text) - 1, 0);

		text[n > 0 ? n : 0] = '\0';
		if (n <= 0 || strstr(text, "populated 0"))
			break;
		(void)poll(&p, 1, left);
	}
	return true;
}

void cgroup_wait_empty(const char *dir, unsigned ms)
{
	uint64_t until = timing_now() + ms * NS_MS;

	if (!wait_events(dir, until))
		each_pid(dir, wait_one, &until);
}

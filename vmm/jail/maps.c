/* SPDX-License-Identifier: Apache-2.0 */
/*
 * maps.c - who is who in a child's user namespace.
 *
 * With a range of /etc/subuid that is newuidmap's work, which may write what a
 * user may not.
 */
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "vmm/jail/jail_priv.h"
#include "vmm/lib/auto.h"
#include "vmm/lib/io.h"

#define MAP_MAX 4096 /* bytes of a map: the kernel takes a page */

/* A line of a map. */
struct line {
	unsigned inside, outside, nr;
};

static int write_proc(pid_t pid, const char *file, const char *text)
{
	char path[64];

	(void)snprintf(path, sizeof(path), "/proc/%d/%s", pid, file);
	AUTO_CLOSE int fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	return io_write_full(fd, text, strlen(text));
}

/* The setuid programs of package uidmap; one line or two. */
static int run_mapper(char *path, pid_t pid, const struct line *lines,
		      unsigned nr)
{
	char word[7][16];
	char *argv[9] = { path, word[0] };
	char *none[] = { NULL };
	posix_spawn_file_actions_t quiet;
	int status = -1;
	pid_t child;

	(void)snprintf(word[0], sizeof(word[0]), "%d", pid);
	for (unsigned i = 0; i < nr; i++) {
		const unsigned n[3] = { lines[i].inside, lines[i].outside,
					lines[i].nr };

		for (unsigned j = 0; j < 3; j++) {
			char *to = word[1 + 3 * i + j];

			(void)snprintf(to, sizeof(word[0]), "%u", n[j]);
			argv[2 + 3 * i + j] = to;
		}
	}
	(void)posix_spawn_file_actions_init(&quiet);
	(void)posix_spawn_file_actions_addopen(&quiet, STDERR_FILENO,
					       "/dev/null", O_WRONLY, 0);
	int r = posix_spawn(&child, path, &quiet, NULL, argv, none);
	(void)posix_spawn_file_actions_destroy(&quiet);
	if (r != 0)
		return -r;
	while (waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
	return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : -EPERM;
}

static int map_by_tool(pid_t pid, const struct line *users,
		       const struct line *groups, unsigned nr)
{
	char uids[] = "/usr/bin/newuidmap";
	char gids[] = "/usr/bin/newgidmap";
	int r = run_mapper(uids, pid, users, nr);

	return r == 0 ? run_mapper(gids, pid, groups, nr) : r;
}

static int map_to(pid_t pid, uid_t uid, gid_t gid)
{
	char text[32];

	(void)snprintf(text, sizeof(text), "0 %u 1\n", uid);
	int r = write_proc(pid, "uid_map", text);
	(void)snprintf(text, sizeof(text), "0 %u 1\n", gid);
	/* Who is not root may map its group only without setgroups(2). */
	if (r == 0 && geteuid() != 0)
		r = write_proc(pid, "setgroups", "deny");
	return r == 0 ? write_proc(pid, "gid_map", text) : r;
}

/* All that our own namespace has, each as itself. */
static int map_same(pid_t pid, const char *file)
{
	char path[64], line[128], text[MAP_MAX];
	size_t len = 0;

	(void)snprintf(path, sizeof(path), "/proc/self/%s", file);
	AUTO_FCLOSE FILE *f = fopen(path, "re");
	if (!f)
		return -errno;
	while (fgets(line, sizeof(line), f) && len + 64 < sizeof(text)) {
		char *p = line;
		unsigned long inside = strtoul(p, &p, 10);

		(void)strtoul(p, &p, 10);
		len += (size_t)snprintf(text + len, sizeof(text) - len,
					"%lu %lu %lu\n", inside, inside,
					strtoul(p, NULL, 10));
	}
	return len ? write_proc(pid, file, text) : -EIO;
}

static int map_all(pid_t pid)
{
	struct line users[2] = { { 0, geteuid(), 1 } };
	struct line groups[2] = { { 0, getegid(), 1 } };
	uid_t first;
	unsigned nr;

	if (geteuid() == 0) {
		int r = map_same(pid, "uid_map");

		return r == 0 ? map_same(pid, "gid_map") : r;
	}
	if (jail_ids_range(&first, &nr)) {
		users[1] = groups[1] = (struct line){ 1, first, nr };
		if (map_by_tool(pid, users, groups, 2) == 0)
			return 0;
	}
	return map_to(pid, geteuid(), getegid());
}

int jail_map_ids(struct jail_birth *b, pid_t pid)
{
	const struct line one = { 0, b->uid, 1 };
	int r = -EPERM;

	if (b->missing & JAIL_USER_NS || b->keep_user)
		return 0;
	if (b->all_ids)
		return map_all(pid);
	if (b->uid != JAIL_NO_UID)
		r = geteuid() == 0 ? map_to(pid, b->uid, b->uid)
				   : map_by_tool(pid, &one, &one, 1);
	if (r == 0)
		return 0;
	b->missing |= JAIL_UID;
	return map_to(pid, geteuid(), getegid());
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ids.c - user ids that own nothing, and that no other running VM has.
 *
 * A range of ids is cut into slots of JAIL_UIDS.  A slot is taken by a lock on
 * one byte of a file, so it is free again when its holder ends, however it
 * ends, and nothing is left behind but that (empty) file.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vmm/jail/jail.h"
#include "vmm/jail/jail_priv.h"
#include "vmm/lib/auto.h"

/*
 * For root when /etc/subuid gives 'belljar' no range: above what distributions
 * hand out, below what systemd does not use (systemd: docs/UIDS-GIDS.md).
 */
#define BASE	  1879048192U
#define BASE_NR	  65536U
#define SLOTS_MAX 16384U
#define SUBUID	  "/etc/subuid"
#define LOCKS	  "/run/belljar.uids"

struct range {
	uid_t first;
	unsigned nr;
};

/* "name:first:count" (subuid(5)); the first line of @name or of @uid. */
static bool find_range(const char *name, uid_t uid, struct range *ret)
{
	AUTO_FCLOSE FILE *f = fopen(SUBUID, "re");
	char line[256];
	char number[16];

	(void)snprintf(number, sizeof(number), "%u", uid);
	while (f && fgets(line, sizeof(line), f)) {
		char *rest = line;
		const char *who = strsep(&rest, ":");
		char *end = NULL;

		if (!rest ||
		    (strcmp(who, name) != 0 && strcmp(who, number) != 0))
			continue;
		unsigned long first = strtoul(rest, &end, 10);
		unsigned long nr = *end == ':' ? strtoul(end + 1, NULL, 10) : 0;
		if (nr < JAIL_UIDS || first == 0 || first > UINT32_MAX - nr)
			continue;
		*ret = (struct range){ (uid_t)first, (unsigned)nr };
		return true;
	}
	return false;
}

/* May we map it?  In a container not every id of the host is there. */
static bool have_ids(const struct range *r)
{
	AUTO_FCLOSE FILE *f = fopen("/proc/self/uid_map", "re");
	char line[128];

	while (f && fgets(line, sizeof(line), f)) {
		char *p = line;
		unsigned long inside = strtoul(p, &p, 10);

		(void)strtoul(p, &p, 10);
		unsigned long nr = strtoul(p, &p, 10);
		if (r->first >= inside && r->first - inside < nr &&
		    r->nr <= nr - (r->first - inside))
			return true;
	}
	return false;
}

static bool choose_range(struct range *ret)
{
	uid_t me = geteuid();

	if (me == 0) {
		if (!find_range("belljar", JAIL_NO_UID, ret))
			*ret = (struct range){ BASE, BASE_NR };
		return have_ids(ret);
	}
	const struct passwd *pw = getpwuid(me);
	return find_range(pw ? pw->pw_name : "", me, ret) &&
	       access("/usr/bin/newuidmap", X_OK) == 0 &&
	       access("/usr/bin/newgidmap", X_OK) == 0;
}

bool jail_ids_range(uid_t *ret_first, unsigned *ret_nr)
{
	struct range range;

	if (!choose_range(&range))
		return false;
	*ret_first = range.first;
	*ret_nr = range.nr;
	return true;
}

/* The file of locks: one for all of root's VMs, one for all of a user's. */
static int open_locks(void)
{
	char path[PATH_MAX];
	const char *dir = getenv("XDG_RUNTIME_DIR");

	if (geteuid() == 0)
		(void)snprintf(path, sizeof(path), LOCKS);
	else if (dir && dir[0] == '/')
		(void)snprintf(path, sizeof(path), "%s/belljar.uids", dir);
	else
		(void)snprintf(path, sizeof(path), "/tmp/belljar.uids-%u",
			       geteuid());

	struct stat st;
	AUTO_CLOSE int fd =
		open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY,
		     0600);
	/* In a directory that all may write to, it may not be ours. */
	if (fd < 0 || fstat(fd, &st) < 0 || st.st_uid != geteuid() ||
	    !S_ISREG(st.st_mode))
		return -1;
	return TAKE_FD(fd);
}

void jail_ids_take(struct jail_ids *ret)
{
	struct range range;

	*ret = (struct jail_ids){ .first = JAIL_NO_UID, .lock = -1 };
	if (!choose_range(&range))
		return;
	AUTO_CLOSE int fd = open_locks();
	if (fd < 0)
		return;
	unsigned slots = range.nr / JAIL_UIDS;
	if (slots > SLOTS_MAX)
		slots = SLOTS_MAX;
	for (unsigned i = 0; i < slots; i++) {
		struct flock byte = { .l_type = F_WRLCK,
				      .l_whence = SEEK_SET,
				      .l_start = (off_t)i,
				      .l_len = 1 };

		if (fcntl(fd, F_OFD_SETLK, &byte) < 0)
			continue;
		ret->first = range.first + i * JAIL_UIDS;
		ret->lock = TAKE_FD(fd);
		return;
	}
}

void jail_ids_done(struct jail_ids *ids)
{
	if (ids->lock >= 0)
		(void)close(ids->lock);
	*ids = (struct jail_ids){ .first = JAIL_NO_UID, .lock = -1 };
}

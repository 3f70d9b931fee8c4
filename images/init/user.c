/* SPDX-License-Identifier: Apache-2.0 */
/* user.c - look a user up in the image, and become that user. */
#include "images/init/user.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "vmm/lib/auto.h"

#define NAME_LEN 256

static FILE *open_table(const char *etc, const char *table)
{
	char path[PATH_MAX];

	(void)snprintf(path, sizeof(path), "%s/%s", etc, table);
	return fopen(path, "re");
}

/* Whether @text is a decimal number that can be an id. */
static bool parse_id(const char *text, uint32_t *ret)
{
	char *end;

	if (*text < '0' || *text > '9')
		return false;
	errno = 0;
	unsigned long id = strtoul(text, &end, 10);
	if (*end || errno || id > INT32_MAX)
		return false;
	*ret = (uint32_t)id;
	return true;
}

/* Fill uid, gid, home, and @name for the search of groups. */
static int find_user(const char *etc, const char *want, struct user *u,
		     char name[NAME_LEN], struct err *err)
{
	uint32_t id = 0;
	bool number = parse_id(want, &id);

	u->uid = id;
	name[0] = '\0';

	AUTO_FCLOSE FILE *f = open_table(etc, "passwd");
	const struct passwd *p;
	while (f && (p = fgetpwent(f))) {
		if (strcmp(p->pw_name, want) != 0 &&
		    !(number && p->pw_uid == id))
			continue;
		u->uid = p->pw_uid;
		u->gid = p->pw_gid;
		(void)snprintf(name, NAME_LEN, "%s", p->pw_name);
		if (*p->pw_dir)
			(void)snprintf(u->home, sizeof(u->home), "%s",
				       p->pw_dir);
		return 0;
	}
	if (!number)
		return err_say(err, ENOENT,
			       "unable to find user %s: no matching entries "
			       "in passwd file",
			       want);
	return 0;
}

static int find_group(const char *etc, const char *want, struct user *u,
		      struct err *err)
{
	uint32_t id = 0;
	bool number = parse_id(want, &id);

	u->gid = id;

	AUTO_FCLOSE FILE *f = open_table(etc, "group");
	const struct group *g;
	while (f && (g = fgetgrent(f))) {
		if (strcmp(g->gr_name, want) != 0 &&
		    !(number && g->gr_gid == id))
			continue;
		u->gid = g->gr_gid;
		return 0;
	}
	if (!number)
		return err_say(err, ENOENT,
			       "unable to find group %s: no matching entries "
			       "in group file",
			       want);
	return 0;
}

static bool is_member(char *const *members, const char *name)
{
	for (; *members; members++)
		if (strcmp(*members, name) == 0)
			return true;
	return false;
}

static void find_memberships(const char *etc, const char *name, struct user *u)
{
	AUTO_FCLOSE FILE *f = open_table(etc, "group");
	const struct group *g;

	while (f && u->nr_groups < USER_GROUPS && (g = fgetgrent(f)))
		if (is_member(g->gr_mem, name))
			u->groups[u->nr_groups++] = g->gr_gid;
}

int user_lookup(const char *etc, const char *spec, struct user *ret,
		struct err *err)
{
	char want[NAME_LEN], name[NAME_LEN];
	const char *group = spec ? strchr(spec, ':') : NULL;
	size_t len = group ? (size_t)(group - spec) : spec ? strlen(spec) : 0;

	if (len >= sizeof(want))
		return err_say(err, EINVAL, "user '%.32s...' is too long",
			       spec);
	(void)snprintf(want, sizeof(want), "%.*s", len > 0 ? (int)len : 1,
		       len > 0 ? spec : "0");

	*ret = (struct user){ .home = "/" };
	int r = find_user(etc, want, ret, name, err);
	if (r < 0)
		return r;
	if (group && group[1])
		return find_group(etc, group + 1, ret, err);
	if (*name)
		find_memberships(etc, name, ret);
	return 0;
}

int user_become(const struct user *u, struct err *err)
{
	if (setgroups(u->nr_groups, u->groups) < 0)
		return err_set(err, errno, "set groups");
	if (setresgid(u->gid, u->gid, u->gid) < 0)
		return err_set(err, errno, "become group %u", u->gid);
	if (setresuid(u->uid, u->uid, u->uid) < 0)
		return err_set(err, errno, "become user %u", u->uid);
	return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* user.c - names of an image's passwd and group files, with docker's rules. */
#include "vmm/compare/user.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <linux/openat2.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "vmm/lib/auto.h"
#include "vmm/lib/parse.h"

#define BUF_LEN 4096

/* Whatever links the image has, the file is the image's. */
static FILE *open_in(const char *root, const char *path)
{
	const struct open_how how = { .flags = O_RDONLY | O_CLOEXEC,
				      .resolve = RESOLVE_IN_ROOT };
	AUTO_CLOSE int dir = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	int fd = (int)syscall(SYS_openat2, dir, path, &how, sizeof(how));

	return fd < 0 ? NULL : fdopen(fd, "r");
}

static bool number(const char *text, unsigned *ret)
{
	uint64_t v;

	if (parse_u64(text, "", 0, UINT_MAX - 1, &v, NULL) < 0)
		return false;
	*ret = (unsigned)v;
	return true;
}

static int find_user(const char *root, const char *name, struct user *u,
		     struct err *err)
{
	AUTO_FCLOSE FILE *f = open_in(root, "etc/passwd");
	struct passwd pw, *found = NULL;
	char buf[BUF_LEN];
	bool is_number = number(name, &u->uid);

	while (f && fgetpwent_r(f, &pw, buf, sizeof(buf), &found) == 0) {
		if (is_number ? pw.pw_uid != u->uid
			      : strcmp(pw.pw_name, name) != 0)
			continue;
		u->uid = pw.pw_uid;
		u->gid = pw.pw_gid;
		(void)snprintf(u->home, sizeof(u->home), "%s", pw.pw_dir);
		return 0;
	}
	if (is_number)
		return 0;
	return err_say(err, ENOENT,
		       "user '%s' is not in the image's "
		       "/etc/passwd",
		       name);
}

static int find_group(const char *root, const char *name, struct user *u,
		      struct err *err)
{
	AUTO_FCLOSE FILE *f = open_in(root, "etc/group");
	struct group gr, *found = NULL;
	char buf[BUF_LEN];

	if (number(name, &u->gid))
		return 0;
	while (f && fgetgrent_r(f, &gr, buf, sizeof(buf), &found) == 0)
		if (strcmp(gr.gr_name, name) == 0) {
			u->gid = gr.gr_gid;
			return 0;
		}
	return err_say(err, ENOENT,
		       "group '%s' is not in the image's "
		       "/etc/group",
		       name);
}

/* The groups that list the user by name. */
static void find_more(const char *root, const char *name, struct user *u)
{
	AUTO_FCLOSE FILE *f = open_in(root, "etc/group");
	struct group gr, *found = NULL;
	char buf[BUF_LEN];

	while (f && fgetgrent_r(f, &gr, buf, sizeof(buf), &found) == 0)
		for (char **m = gr.gr_mem; *m; m++)
			if (strcmp(*m, name) == 0 &&
			    u->nr_groups < USER_GROUPS_MAX)
				u->groups[u->nr_groups++] = gr.gr_gid;
}

int user_find(const char *root, const char *spec, struct user *ret,
	      struct err *err)
{
	struct user u = { .home = "/" };
	char name[128];

	(void)snprintf(name, sizeof(name), "%s", spec && spec[0] ? spec : "0");
	char *group = strchr(name, ':');
	if (group)
		*group++ = '\0';
	int r = find_user(root, name, &u, err);
	if (r == 0 && group && group[0])
		r = find_group(root, group, &u, err);
	else if (r == 0)
		find_more(root, name, &u);
	if (r == 0)
		*ret = u;
	return r;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* dirs.c - where belljar keeps things and where its companions are. */
#include "vmm/manager/dirs.h"

#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "vmm/lib/auto.h"

__attribute__((format(printf, 1, 2))) static char *print(const char *fmt, ...)
{
	char *text = NULL;
	va_list ap;

	va_start(ap, fmt);
	int n = vasprintf(&text, fmt, ap);
	va_end(ap);
	return n < 0 ? NULL : text;
}

static const char *env(const char *name)
{
	const char *v = getenv(name);

	return v && v[0] ? v : NULL;
}

static int set_both(struct manager *mgr, char *data, char *run, struct err *err)
{
	mgr->data = data;
	mgr->run = run;
	return data && run ? 0 : err_set(err, ENOMEM, "find the store");
}

static char *absolute(const char *path)
{
	if (path[0] == '/')
		return strdup(path);

	AUTO_FREE char *cwd = getcwd(NULL, 0);
	return cwd ? print("%s/%s", cwd, path) : NULL;
}

static int under_root(struct manager *mgr, const char *root, struct err *err)
{
	AUTO_FREE char *data = absolute(root);

	if (!data)
		return err_set(err, errno, "find the working directory");
	char *run = print("%s/run", data);
	return set_both(mgr, TAKE_PTR(data), run, err);
}

static int under_home(struct manager *mgr, struct err *err)
{
	const char *home = env("HOME");
	const char *data = env("XDG_DATA_HOME");
	const char *run = env("XDG_RUNTIME_DIR");

	if (!data && !home)
		return err_say(err, ENOENT,
			       "neither HOME nor XDG_DATA_HOME is set, so the "
			       "store has no place; give one with --root DIR");
	return set_both(mgr,
			data ? print("%s/belljar", data)
			     : print("%s/.local/share/belljar", home),
			run ? print("%s/belljar", run)
			    : print("/tmp/belljar-%u", (unsigned)geteuid()),
			err);
}

/* The directory of belljar-monitor, or of this program when it is nowhere. */
static char *find_libdir(void)
{
	char self[PATH_MAX];
	const char *set = env("BELLJAR_LIBDIR");

	if (set)
		return strdup(set);
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	if (n < 0)
		return strdup(".");
	self[n] = '\0';
	*strrchr(self, '/') = '\0';

	for (int installed = 0; installed <= 1; installed++) {
		AUTO_FREE char *dir =
			print("%s%s", self, installed ? "/../lib/belljar" : "");
		AUTO_FREE char *monitor =
			dir ? print("%s/belljar-monitor", dir) : NULL;

		if (monitor && access(monitor, X_OK) == 0)
			return TAKE_PTR(dir);
	}
	return strdup(self);
}

/* @runroot instead of what was chosen. */
static int move_run(struct manager *mgr, const char *runroot, struct err *err)
{
	char *run = absolute(runroot);

	if (!run)
		return err_set(err, errno, "find the working directory");
	free(mgr->run);
	mgr->run = run;
	return 0;
}

int dirs_init(struct manager *mgr, const char *root, const char *runroot,
	      struct err *err)
{
	if (!root)
		root = env("BELLJAR_ROOT");
	if (!runroot)
		runroot = env("BELLJAR_RUNROOT");

	int r;
	if (root)
		r = under_root(mgr, root, err);
	else if (geteuid() == 0)
		r = set_both(mgr, strdup("/var/lib/belljar"),
			     strdup("/run/belljar"), err);
	else
		r = under_home(mgr, err);
	if (r == 0 && runroot)
		r = move_run(mgr, runroot, err);
	if (r < 0)
		return r;

	mgr->libdir = find_libdir();
	return mgr->libdir ? 0 : err_set(err, ENOMEM, "find the companions");
}

void dirs_done(struct manager *mgr)
{
	free(mgr->data);
	free(mgr->run);
	free(mgr->libdir);
	mgr->data = mgr->run = mgr->libdir = NULL;
}

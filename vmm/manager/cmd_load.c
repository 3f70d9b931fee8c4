/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_load.c - `belljar load`: images out of an archive, as docker load. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "vmm/lib/auto.h"
#include "vmm/manager/bundle.h"
#include "vmm/manager/cancel.h"
#include "vmm/manager/cli.h"
#include "vmm/manager/cmd.h"
#include "vmm/manager/load.h"
#include "vmm/manager/store.h"

struct options {
	const char *input; /* NULL: standard input */
	bool quiet;
	struct err *err;
};

static const struct argp_option options[] = {
	{ "input", 'i', "FILE", 0,
	  "Read FILE, an archive or a directory with an OCI layout, instead "
	  "of standard input",
	  0 },
	{ "quiet", 'q', NULL, 0, "Show no progress", 0 },
	{ 0 },
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct options *o = state->input;

	switch (key) {
	case 'q':
		o->quiet = true;
		return 0;
	case 'i':
	case ARGP_KEY_ARG:
		return -cli_only("load", "FILE", arg, &o->input, o->err);
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static int open_input(const struct options *o, int *ret, struct stat *st,
		      struct err *err)
{
	const char *name = o->input ? o->input : "standard input";
	AUTO_CLOSE int fd =
		o->input ? open(o->input, O_RDONLY | O_CLOEXEC | O_NOCTTY)
			 : fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3);

	if (fd < 0 || fstat(fd, st) < 0)
		return err_set(err, errno, "open '%s'", name);
	if (!o->input && isatty(fd))
		return err_say(err, EINVAL,
			       "no image given: use 'belljar load -i FILE', or "
			       "'docker save IMAGE | belljar load'");
	*ret = TAKE_FD(fd);
	return 0;
}

static int unpack(int fd, const struct options *o, uint64_t size,
		  const char *tmp, struct progress *progress,
		  struct bundle **ret, struct err *err)
{
	char dir[STORE_PATH_MAX + 8];

	(void)snprintf(dir, sizeof(dir), "%s/spool", tmp);
	if (mkdir(dir, 0700) < 0)
		return err_set(err, errno, "make directory '%s'", dir);
	return bundle_from_tar(fd, o->input ? o->input : "standard input", size,
			       dir, progress, ret, err);
}

static int load(struct manager *mgr, const struct options *o, struct err *err)
{
	AUTO_STORE struct store *store = NULL;
	AUTO_STORE_TMP struct store_tmp tmp = STORE_TMP_NONE;
	AUTO_BUNDLE struct bundle *bundle = NULL;
	AUTO_CLOSE int fd = -1;
	struct progress progress;
	struct stat st = { 0 };
	int r = open_input(o, &fd, &st, err);

	progress_init(&progress, o->quiet);
	if (r == 0)
		r = store_open(mgr->data, &store, err);
	if (r == 0)
		r = store_tmp_new(store, &tmp, err);
	if (r < 0)
		return r;
	if (S_ISDIR(st.st_mode))
		r = bundle_from_dir(o->input, &bundle, err);
	else
		r = unpack(fd, o,
			   S_ISREG(st.st_mode) ? (uint64_t)st.st_size : 0,
			   tmp.path, &progress, &bundle, err);
	progress_clear(&progress);
	if (r < 0)
		return store_explain(store, r, err);
	return load_bundle(store, bundle, tmp.path, NULL, &progress, stdout,
			   err);
}

int cmd_load(struct manager *mgr, int argc, char **argv)
{
	const struct argp argp = {
		.options = options,
		.parser = parse,
		.args_doc = "[FILE]",
		.doc = "Load images from an archive (docker save, podman save, "
		       "skopeo) or an OCI layout.",
	};
	AUTO_CANCEL struct cancel cancel = { 0 };
	struct err err = { 0 };
	struct options o = { .err = &err };

	int r = cli_parse(&argp, "belljar load", argc, argv, &o, &err);
	if (r == CLI_HELPED)
		return 0;
	cancel_begin(&cancel);
	if (r == 0)
		r = load(mgr, &o, &err);
	return r < 0 ? cmd_fail(&err) : 0;
}

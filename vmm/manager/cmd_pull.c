/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cmd_pull.c - `belljar pull`: skopeo fetches an image from a registry, or
 * wherever else skopeo can read one; what it fetched is loaded.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "vmm/lib/auto.h"
#include "vmm/manager/bundle.h"
#include "vmm/manager/cancel.h"
#include "vmm/manager/cli.h"
#include "vmm/manager/cmd.h"
#include "vmm/manager/load.h"
#include "vmm/manager/store.h"
#include "vmm/manager/tool.h"

struct options {
	const char *name;
	bool quiet;
	bool tls_verify;
	struct err *err;
};

enum { KEY_TLS_VERIFY = 0x100 };

static const struct argp_option options[] = {
	{ "quiet", 'q', NULL, 0, "Show no progress", 0 },
	{ "tls-verify", KEY_TLS_VERIFY, "BOOL", 0,
	  "false: take the registry's word for who it is, or plain HTTP", 0 },
	{ 0 },
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct options *o = state->input;

	switch (key) {
	case 'q':
		o->quiet = true;
		return 0;
	case KEY_TLS_VERIFY:
		return -cli_choose("--tls-verify", arg, "false", "true",
				   &o->tls_verify, o->err);
	case ARGP_KEY_ARG:
		return -cli_only("pull", "NAME", arg, &o->name, o->err);
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

/* Places that skopeo reads from. */
static const struct transport {
	const char *prefix;
	bool path; /* a path follows, perhaps with ":name" behind it */
} transports[] = {
	{ "docker://", false },
	{ "docker-daemon:", false },
	{ "containers-storage:", false },
	{ "docker-archive:", true },
	{ "oci-archive:", true },
	{ "oci:", true },
	{ "dir:", true },
};

static const struct transport *find_transport(const char *name)
{
	for (size_t i = 0; i < sizeof(transports) / sizeof(transports[0]); i++)
		if (strncmp(name, transports[i].prefix,
			    strlen(transports[i].prefix)) == 0)
			return &transports[i];
	return NULL;
}

/*
 * What skopeo is to read, which the caller frees, and what to call it here;
 * *@ret_named false: nobody said.
 */
static int find_source(const char *name, char **ret, struct reference *ref,
		       bool *ret_named, struct err *err)
{
	const struct transport *t = find_transport(name);
	char full[REFERENCE_MAX];

	if (!t) {
		int r = reference_parse(name, ref, err);

		if (r < 0)
			return r;
		reference_full(ref, full);
		*ret_named = true;
		return asprintf(ret, "docker://%s", full) < 0
			       ? err_set(err, ENOMEM, "pull '%s'", name)
			       : 0;
	}

	const char *rest = name + strlen(t->prefix);
	if (t->path) {
		rest = strchr(rest, ':');
		rest = rest && strpbrk(rest + 1, ":/") ? rest + 1 : NULL;
	}
	*ret_named = rest && reference_parse(rest, ref, NULL) == 0;
	*ret = strdup(name);
	return *ret ? 0 : err_set(err, ENOMEM, "pull '%s'", name);
}

static int fetch(const struct options *o, const char *source, const char *dest,
		 struct err *err)
{
	AUTO_TOOL struct tool tool = TOOL_NONE;
	const char *argv[8] = { "skopeo", "copy" };
	size_t n = 2;

	if (!o->tls_verify)
		argv[n++] = "--src-tls-verify=false";
	argv[n++] = source;
	argv[n] = dest;
	int r = tool_start(&tool, argv, "skopeo",
			   o->quiet || !isatty(STDERR_FILENO) ? 0 : TOOL_SHOW,
			   err);
	if (r == 0)
		r = tool_wait(&tool, err);
	if (r == -EIO && strcasestr(err->msg, "no space left on device"))
		return -ENOSPC;
	if (r == -EIO)
		return err_wrap(err, "pull '%s'", o->name);
	return r;
}

static int pull(struct manager *mgr, const struct options *o, struct err *err)
{
	AUTO_STORE struct store *store = NULL;
	AUTO_STORE_TMP struct store_tmp tmp = STORE_TMP_NONE;
	AUTO_BUNDLE struct bundle *bundle = NULL;
	AUTO_FREE char *source = NULL;
	char layout[STORE_PATH_MAX + 16];
	char dest[STORE_PATH_MAX + 32];
	struct progress progress;
	struct reference ref = { 0 };
	bool named = false;

	int r = find_source(o->name, &source, &ref, &named, err);
	if (r == 0)
		r = store_open(mgr->data, &store, err);
	if (r == 0)
		r = store_tmp_new(store, &tmp, err);
	if (r < 0)
		return r;
	(void)snprintf(layout, sizeof(layout), "%s/layout", tmp.path);
	(void)snprintf(dest, sizeof(dest), "oci:%s:image", layout);
	r = fetch(o, source, dest, err);
	if (r < 0)
		return store_explain(store, r, err);
	r = bundle_from_dir(layout, &bundle, err);
	if (r < 0)
		return r;
	progress_init(&progress, o->quiet);
	return load_bundle(store, bundle, tmp.path, named ? &ref : NULL,
			   &progress, stdout, err);
}

int cmd_pull(struct manager *mgr, int argc, char **argv)
{
	const struct argp argp = {
		.options = options,
		.parser = parse,
		.args_doc = "NAME[:TAG|@DIGEST]|TRANSPORT:DETAILS",
		.doc = "Fetch an image from a registry with skopeo, which "
		       "also knows docker-daemon:, containers-storage:, "
		       "oci-archive: and more.",
	};
	AUTO_CANCEL struct cancel cancel = { 0 };
	struct err err = { 0 };
	struct options o = { .tls_verify = true, .err = &err };

	int r = cli_parse(&argp, "belljar pull", argc, argv, &o, &err);
	if (r == CLI_HELPED)
		return 0;
	cancel_begin(&cancel);
	if (r == 0 && !o.name)
		r = err_say(&err, EINVAL,
			    "no image given; see 'belljar pull --help'");
	else if (r == 0)
		r = pull(mgr, &o, &err);
	return r < 0 ? cmd_fail(&err) : 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_ps.c - `belljar ps`: the VMs that run, or with -a all there are. */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "vmm/lib/json.h"
#include "vmm/manager/cli.h"
#include "vmm/manager/cmd.h"
#include "vmm/manager/gpu.h"
#include "vmm/manager/vmdir.h"
#include "vmm/manager/vmlimits.h"

#define COMMAND_WIDTH 24
#define ROW	      "%-12s  %-20s  %-24s  %-7s  %-12s  %-16s  %-15s  %s\n"

struct ps {
	bool all, quiet, json;
	struct err *err;
	struct json_object *list;
};

static const struct argp_option options[] = {
	{ "all", 'a', NULL, 0, "VMs that have ended too", 0 },
	{ "quiet", 'q', NULL, 0, "Only the ids", 0 },
	{ "format", 'f', "table|json", 0, "How to print it", 0 },
	{ 0 },
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct ps *p = state->input;

	switch (key) {
	case 'a':
		p->all = true;
		return 0;
	case 'q':
		p->quiet = true;
		return 0;
	case 'f':
		return -cli_choose("--format", arg, "table", "json", &p->json,
				   p->err);
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static void describe(const struct vmdir *vm, bool running, char *ret,
		     size_t len)
{
	AUTO_JSON struct json_object *end = NULL;
	int64_t status = EXIT_BELLJAR;

	if (running) {
		(void)snprintf(ret, len, "running");
		return;
	}
	if (vmdir_read(vm, "exit.json", &end, NULL) == 0)
		(void)json_get_i64(end, "status", &status, NULL);
	(void)snprintf(ret, len, "exited (%d)", (int)status);
}

/* "2h" of a folder's age: it is made when the VM is. */
static void age(const struct vmdir *vm, char *ret, size_t len)
{
	static const struct {
		long seconds;
		char unit;
	} units[] = { { 86400, 'd' }, { 3600, 'h' }, { 60, 'm' }, { 1, 's' } };
	char path[PATH_MAX];
	struct stat st;

	ret[0] = '\0';
	vmdir_file(vm->path, "spec.json", path);
	if (stat(path, &st) < 0)
		return;
	long s = (long)(time(NULL) - st.st_mtime);
	size_t i = 0;
	while (i < 3 && s < units[i].seconds)
		i++;
	(void)snprintf(ret, len, "%ld%c", (s < 0 ? 0 : s) / units[i].seconds,
		       units[i].unit);
}

/* Words with blanks between, control bytes made visible, cut to fit. */
static void join(struct json_object *spec, const char *key, size_t width,
		 char *ret, size_t len)
{
	struct json_object *list = NULL;
	size_t n = 0;

	ret[0] = '\0';
	if (json_get_array(spec, key, &list, NULL) < 0)
		return;
	for (size_t i = 0; i < json_object_array_length(list) && n < len; i++)
		n += (size_t)snprintf(
			ret + n, len - n, "%s%s", i ? " " : "",
			json_object_get_string(
				json_object_array_get_idx(list, i)));
	for (char *c = ret; *c; c++)
		if ((unsigned char)*c < 0x20 || *c == 0x7f)
			*c = '?';
	if (strlen(ret) > width)
		(void)snprintf(ret + width - 3, 4, "...");
}

static void add_json(struct ps *p, const struct vmdir *vm, const char *state,
		     struct json_object *spec)
{
	struct json_object *o = json_object_new_object();
	AUTO_JSON struct json_object *st = NULL;
	static const char *const lists[] = { "ports", "devices" };
	struct json_object *list = NULL;
	struct vmlimits limits;

	vmlimits_read(vm, spec, &limits);
	(void)json_object_object_add(o, "limits", vmlimits_to_json(&limits));
	json_put_str(o, "id", vm->id);
	json_put_str(o, "name", vm->name);
	json_put_str(o, "state", state);
	json_put_str(o, "run", vm->run);
	(void)json_object_object_add(o, "spec", json_object_get(spec));
	(void)vmdir_read(vm, "state.json", &st, NULL);
	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
		if (json_get_array(st, lists[i], &list, NULL) == 0)
			(void)json_object_object_add(o, lists[i],
						     json_object_get(list));
	(void)json_object_array_add(p->list, o);
}

/* The first, and how many more. */
static void short_list(struct json_object *st, const char *key, char *ret,
		       size_t len)
{
	struct json_object *list = NULL;
	size_t n = 0;

	ret[0] = '\0';
	if (json_get_array(st, key, &list, NULL) == 0)
		n = json_object_array_length(list);
	if (n == 0)
		return;
	const char *first =
		json_object_get_string(json_object_array_get_idx(list, 0));
	if (n == 1)
		(void)snprintf(ret, len, "%s", first);
	else
		(void)snprintf(ret, len, "%s +%zu", first, n - 1);
}

static void add_row(const struct vmdir *vm, const char *state,
		    struct json_object *spec)
{
	AUTO_JSON struct json_object *st = NULL;
	char command[256], devices[32], ports[512], since[32];
	bool running = strcmp(state, "running") == 0;

	if (vmdir_read(vm, "state.json", &st, NULL) < 0)
		st = json_object_new_object();
	join(spec, "args", COMMAND_WIDTH, command, sizeof(command));
	join(st, "ports", sizeof(ports), ports, sizeof(ports));
	short_list(st, "devices", devices, sizeof(devices));
	age(vm, since, sizeof(since));
	(void)printf(ROW, vm->id, json_str_or(spec, "image", ""), command,
		     since, state, vm->name, running ? devices : "",
		     running ? ports : "");
}

static int each(const struct vmdir *vm, void *arg)
{
	AUTO_JSON struct json_object *spec = NULL;
	struct ps *p = arg;
	bool running = vmdir_running(vm);
	char state[32];

	if (!running && !p->all)
		return 0;
	/* Being made, or being removed, this very moment. */
	if (vmdir_read(vm, "spec.json", &spec, NULL) < 0)
		return 0;
	describe(vm, running, state, sizeof(state));
	if (p->quiet)
		(void)printf("%s\n", vm->id);
	else if (p->json)
		add_json(p, vm, state, spec);
	else
		add_row(vm, state, spec);
	return 0;
}

int cmd_ps(struct manager *mgr, int argc, char **argv)
{
	const struct argp argp = {
		.options = options,
		.parser = parse,
		.doc = "List the VMs that run.",
	};
	struct err err;
	struct ps p = { .err = &err };

	int r = cli_parse(&argp, "belljar ps", argc, argv, &p, &err);
	if (r == CLI_HELPED)
		return 0;
	if (r == 0)
		r = vmdir_repair(mgr, &err);
	if (r == 0)
		gpu_repair(mgr);
	if (r < 0)
		return cmd_fail(&err);

	AUTO_JSON struct json_object *list = json_object_new_array();
	p.list = list;
	if (!p.json && !p.quiet)
		(void)printf(ROW, "VM ID", "IMAGE", "COMMAND", "AGE", "STATUS",
			     "NAME", "DEVICES", "PORTS");
	r = vmdir_walk(mgr, each, &p, &err);
	if (r < 0)
		return cmd_fail(&err);
	if (p.json && !p.quiet)
		(void)printf("%s\n", json_object_to_json_string_ext(
					     list, JSON_C_TO_STRING_PRETTY));
	return 0;
}

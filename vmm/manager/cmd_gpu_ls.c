/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_gpu_ls.c - `belljar gpu ls`: what a VM could have, and what hinders. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "vmm/lib/auto.h"
#include "vmm/lib/json.h"
#include "vmm/manager/cli.h"
#include "vmm/manager/cmd.h"
#include "vmm/manager/gpu.h"
#include "vmm/manager/table.h"

#define COLUMNS	   8
#define COLUMN_MAX 320

struct gpu_ls {
	bool all, json;
	struct err *err;
};

static const struct argp_option options[] = {
	{ "all", 'a', NULL, 0, "Every device, not only GPUs", 0 },
	{ "format", 'f', "table|json", 0, "How to print it", 0 },
	{ 0 },
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct gpu_ls *l = state->input;

	switch (key) {
	case 'a':
		l->all = true;
		return 0;
	case 'f':
		return -cli_choose("--format", arg, "table", "json", &l->json,
				   l->err);
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const char *const state_names[] = {
	[GPU_FREE] = "free",
	[GPU_VM] = "vm",
	[GPU_HOST] = "host",
	[GPU_UNFIT] = "unfit",
};

/* A device with what has to be found out about it. */
struct row {
	const struct hostdev_list *all;
	const struct hostdev *dev;
	enum gpu_state state;
	char why[300];
};

/* Other endpoints of its group. */
static bool is_mate(const struct row *row, const struct hostdev *d)
{
	return d != row->dev && !d->bridge && d->group >= 0 &&
	       d->group == row->dev->group;
}

static void group_column(const struct row *row, char ret[COLUMN_MAX])
{
	size_t len = 0;

	if (row->dev->group < 0) {
		(void)snprintf(ret, COLUMN_MAX, "-");
		return;
	}
	len += (size_t)snprintf(ret, COLUMN_MAX, "%d", row->dev->group);
	for (size_t i = 0; i < row->all->nr && len < COLUMN_MAX; i++)
		if (is_mate(row, &row->all->dev[i]))
			len += (size_t)snprintf(ret + len, COLUMN_MAX - len,
						" +%s", row->all->dev[i].bdf);
}

/* Binary units, as BARs have binary sizes. */
static void size_text(uint64_t bytes, char *ret, size_t size)
{
	static const char units[] = "BKMGTP";
	size_t i = 0;

	while (bytes >= 1024 && bytes % 1024 == 0 && units[i + 1]) {
		bytes /= 1024;
		i++;
	}
	(void)snprintf(ret, size, "%" PRIu64 "%c", bytes, units[i]);
}

/* The memory BARs. */
static void bar_column(const struct hostdev *d, char ret[COLUMN_MAX])
{
	char text[32];
	size_t len = 0;

	(void)snprintf(ret, COLUMN_MAX, "-");
	for (int i = 0; i < HOSTDEV_ROM; i++) {
		if (d->bar[i].size == 0 || d->bar[i].io)
			continue;
		size_text(d->bar[i].size, text, sizeof(text));
		len += (size_t)snprintf(ret + len, COLUMN_MAX - len, "%s%s",
					len ? " " : "", text);
	}
}

static void state_column(const struct row *row, char ret[COLUMN_MAX])
{
	static const char *const form[] = {
		[GPU_FREE] = "free",
		[GPU_VM] = "used by VM ",
		[GPU_HOST] = "used by the host: ",
		[GPU_UNFIT] = "not usable: ",
	};

	(void)snprintf(ret, COLUMN_MAX, "%s%s", form[row->state], row->why);
}

struct words {
	char column[COLUMNS][COLUMN_MAX];
};

static void in_words(const struct row *row, struct words *w)
{
	const struct hostdev *d = row->dev;
	char node[16] = "-";

	if (d->node >= 0)
		(void)snprintf(node, sizeof(node), "%d", d->node);
	(void)snprintf(w->column[0], COLUMN_MAX, "%s", d->bdf);
	(void)snprintf(w->column[1], COLUMN_MAX, "%s", d->name);
	(void)snprintf(w->column[2], COLUMN_MAX, "%s",
		       d->driver[0] ? d->driver : "-");
	group_column(row, w->column[3]);
	(void)snprintf(w->column[4], COLUMN_MAX, "%s", node);
	(void)snprintf(w->column[5], COLUMN_MAX, "%s",
		       d->reset[0] ? d->reset : "-");
	bar_column(d, w->column[6]);
	state_column(row, w->column[7]);
}

static void put(struct json_object *o, const char *key, struct json_object *v)
{
	(void)json_object_object_add(o, key, v);
}

static void put_text(struct json_object *o, const char *key, const char *text)
{
	put(o, key, text[0] ? json_object_new_string(text) : NULL);
}

static void put_id(struct json_object *o, const char *key, unsigned v)
{
	char text[16];

	(void)snprintf(text, sizeof(text), "%04x", v);
	put_text(o, key, text);
}

static struct json_object *bars_json(const struct hostdev *d)
{
	struct json_object *list = json_object_new_array();

	for (int i = 0; i < HOSTDEV_BARS; i++) {
		const struct hostdev_bar *b = &d->bar[i];
		struct json_object *o;

		if (b->size == 0)
			continue;
		o = json_object_new_object();
		put(o, "Index", json_object_new_int(i));
		put(o, "Size", json_object_new_int64((int64_t)b->size));
		put_text(o, "Kind",
			 i == HOSTDEV_ROM ? "rom"
			 : b->io	  ? "io"
			 : b->wide	  ? "memory64"
					  : "memory");
		put(o, "Prefetchable", json_object_new_boolean(b->prefetch));
		(void)json_object_array_add(list, o);
	}
	return list;
}

static struct json_object *mates_json(const struct row *row)
{
	struct json_object *list = json_object_new_array();

	for (size_t i = 0; i < row->all->nr; i++)
		if (is_mate(row, &row->all->dev[i]))
			(void)json_object_array_add(
				list,
				json_object_new_string(row->all->dev[i].bdf));
	return list;
}

static struct json_object *bridges_json(const struct manager *mgr,
					const struct hostdev *d)
{
	struct json_object *list = json_object_new_array();
	struct hostdev_path path;

	if (hostdev_path(&mgr->sys, d, &path, NULL) == 0)
		for (unsigned i = 0; i < path.nr; i++)
			(void)json_object_array_add(
				list, json_object_new_string(path.bridge[i]));
	return list;
}

static struct json_object *row_json(const struct manager *mgr,
				    const struct row *row)
{
	const struct hostdev *d = row->dev;
	struct json_object *o = json_object_new_object();
	char uuid[64] = "";

	(void)hostdev_uuid(&mgr->sys, d, uuid);
	put_text(o, "Address", d->bdf);
	put_text(o, "Name", d->name);
	put_id(o, "Vendor", d->vendor);
	put_id(o, "Device", d->device);
	put(o, "Class", json_object_new_int((int)d->class));
	put(o, "GPU", json_object_new_boolean(hostdev_is_gpu(d)));
	put_text(o, "UUID", uuid);
	put_text(o, "Driver", d->driver);
	put(o, "Group", d->group < 0 ? NULL : json_object_new_int(d->group));
	put(o, "GroupMembers", mates_json(row));
	put(o, "Node", d->node < 0 ? NULL : json_object_new_int(d->node));
	put_text(o, "Reset", d->reset);
	put(o, "Bars", bars_json(d));
	put(o, "Bridges", bridges_json(mgr, d));
	put_text(o, "PhysicalFunction", d->physfn);
	put(o, "VirtualFunctions", json_object_new_int((int)d->vfs));
	put(o, "MaxVirtualFunctions", json_object_new_int((int)d->total_vfs));
	put_text(o, "State", state_names[row->state]);
	put_text(o, "Reason", row->why);
	return o;
}

static void print_json(const struct manager *mgr, const struct row *rows,
		       size_t nr)
{
	AUTO_JSON struct json_object *list = json_object_new_array();

	for (size_t i = 0; i < nr; i++)
		(void)json_object_array_add(list, row_json(mgr, &rows[i]));
	(void)printf("%s\n",
		     json_object_to_json_string_ext(
			     list, JSON_C_TO_STRING_PRETTY |
					   JSON_C_TO_STRING_NOSLASHESCAPE));
}

static int print(const struct manager *mgr, const struct gpu_ls *l,
		 const struct hostdev_list *all, struct err *err)
{
	static const struct words head = {
		{ "ADDRESS", "NAME", "DRIVER", "GROUP", "NODE", "RESET",
		  "MEMORY", "STATE" },
	};
	AUTO_FREE struct row *rows = calloc(all->nr + 1, sizeof(*rows));
	AUTO_FREE struct words *words = calloc(all->nr + 1, sizeof(*words));
	size_t nr = 0;

	if (!rows || !words)
		return err_set(err, ENOMEM, "list the devices");
	words[0] = head;
	for (size_t i = 0; i < all->nr; i++) {
		const struct hostdev *d = &all->dev[i];
		struct row *row = &rows[nr];

		if (l->all ? d->class >> 16 == 0x06 : !hostdev_is_gpu(d))
			continue;
		*row = (struct row){ .all = all, .dev = d };
		row->state = gpu_state(mgr, all, d, row->why, sizeof(row->why));
		in_words(row, &words[++nr]);
	}
	if (l->json)
		print_json(mgr, rows, nr);
	else
		table_print((const char *)words, nr + 1, COLUMNS, COLUMN_MAX);
	return 0;
}

int cmd_gpu_ls(struct manager *mgr, int argc, char **argv)
{
	const struct argp argp = {
		.options = options,
		.parser = parse,
		.doc = "List the GPUs of this host: who has them, what a VM "
		       "would get, and what hinders.",
	};
	AUTO_HOSTDEV_LIST struct hostdev_list all = { 0 };
	struct err err = { 0 };
	struct gpu_ls l = { .err = &err };

	int r = cli_parse(&argp, "belljar gpu ls", argc, argv, &l, &err);
	if (r == CLI_HELPED)
		return 0;
	if (r == 0) {
		gpu_repair(mgr);
		r = hostdev_list(&mgr->sys, &all, &err);
	}
	if (r == 0)
		r = print(mgr, &l, &all, &err);
	return r < 0 ? cmd_fail(&err) : 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* vmstat_print.c - what VMs take, as docker shows it; and all figures. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "vmm/lib/auto.h"
#include "vmm/lib/json.h"
#include "vmm/manager/table.h"
#include "vmm/manager/vmstat.h"

#define COLUMNS 7
#define PARTS	4
#define CELL	72

enum { NAME, CPU, MEM, MEM_PERC, NET, BLOCK, PIDS };

struct row {
	char cell[COLUMNS][CELL];
};

struct part_row {
	char cell[PARTS][CELL];
};

/* Four digits and a unit, as docker; "--" when it is not known. */
static void size_text(int64_t bytes, double base, const char *const *units,
		      char *ret, size_t len)
{
	double v = (double)bytes;
	size_t i = 0;

	if (bytes < 0) {
		(void)snprintf(ret, len, "--");
		return;
	}
	while (v >= base && units[i + 1]) {
		v /= base;
		i++;
	}
	(void)snprintf(ret, len, "%.4g%s", v, units[i]);
}

static void pair(int64_t a, int64_t b, bool binary, char ret[CELL])
{
	static const char *const two[] = { "B",	  "KiB", "MiB", "GiB",
					   "TiB", "PiB", NULL };
	static const char *const ten[] = { "B",	 "kB", "MB", "GB",
					   "TB", "PB", NULL };
	char left[24], right[24];

	size_text(a, binary ? 1024 : 1000, binary ? two : ten, left,
		  sizeof(left));
	size_text(b, binary ? 1024 : 1000, binary ? two : ten, right,
		  sizeof(right));
	(void)snprintf(ret, CELL, "%s / %s", left, right);
}

static void percent(double v, char ret[CELL])
{
	if (v < 0)
		(void)snprintf(ret, CELL, "--");
	else
		(void)snprintf(ret, CELL, "%.2f%%", v);
}

static void in_words(const struct vmstat_list *before, const struct vmstat *s,
		     struct row *row)
{
	double used = s->memory >= 0 && s->memory_max > 0
			      ? (double)s->memory * 100 / (double)s->memory_max
			      : -1;

	(void)snprintf(row->cell[NAME], CELL, "%s", s->name);
	percent(vmstat_cpu(vmstat_same(before, s), s), row->cell[CPU]);
	pair(s->memory, s->memory_max, true, row->cell[MEM]);
	percent(used, row->cell[MEM_PERC]);
	pair(s->net_rx, s->net_tx, false, row->cell[NET]);
	pair(s->blk_read, s->blk_written, false, row->cell[BLOCK]);
	if (s->pids < 0)
		(void)snprintf(row->cell[PIDS], CELL, "--");
	else
		(void)snprintf(row->cell[PIDS], CELL, "%" PRId64, s->pids);
}

int vmstat_print_table(const struct vmstat_list *before,
		       const struct vmstat_list *now, FILE *to)
{
	static const struct row head = {
		{ "NAME", "CPU %", "MEM USAGE / LIMIT", "MEM %", "NET I/O",
		  "BLOCK I/O", "PIDS" },
	};
	AUTO_FREE struct row *rows = calloc(now->n + 1, sizeof(*rows));

	if (!rows)
		return -ENOMEM;
	rows[0] = head;
	for (size_t i = 0; i < now->n; i++)
		in_words(before, &now->v[i], &rows[i + 1]);
	table_put(rows[0].cell[0], now->n + 1, COLUMNS, CELL, to);
	return 0;
}

static void part_row(const struct vmstat *s, const struct vmstat_figure *f,
		     struct part_row *row)
{
	(void)snprintf(row->cell[0], CELL, "%s", s->name);
	(void)snprintf(row->cell[1], CELL, "%s", f ? f->part : "--");
	(void)snprintf(row->cell[2], CELL, "%s", f ? f->name : "--");
	if (!f)
		(void)snprintf(row->cell[3], CELL, "--");
	else if (f->is_word)
		(void)snprintf(row->cell[3], CELL, "%s", f->word);
	else
		(void)snprintf(row->cell[3], CELL, "%" PRIu64, f->value);
}

int vmstat_print_parts(const struct vmstat_list *now, FILE *to)
{
	static const struct part_row head = {
		{ "NAME", "DEVICE", "FIGURE", "VALUE" },
	};
	size_t n = 1;

	for (size_t i = 0; i < now->n; i++)
		n += now->v[i].nr_figures ? now->v[i].nr_figures : 1;
	AUTO_FREE struct part_row *rows = calloc(n, sizeof(*rows));
	if (!rows)
		return -ENOMEM;
	rows[0] = head;
	n = 1;
	for (size_t i = 0; i < now->n; i++) {
		const struct vmstat *s = &now->v[i];

		for (size_t k = 0; k < s->nr_figures; k++)
			part_row(s, &s->figure[k], &rows[n++]);
		if (s->nr_figures == 0)
			part_row(s, NULL, &rows[n++]);
	}
	table_put(rows[0].cell[0], n, PARTS, CELL, to);
	return 0;
}

static void put(struct json_object *to, const char *key, struct json_object *v)
{
	(void)json_object_object_add(to, key, v);
}

static void put_number(struct json_object *to, const char *key, int64_t v)
{
	put(to, key, v < 0 ? NULL : json_object_new_int64(v));
}

/* {"blk0":{"reads":1,...},...} */
static struct json_object *parts(const struct vmstat *s)
{
	struct json_object *all = json_object_new_object();
	struct json_object *o = NULL;

	for (size_t i = 0; i < s->nr_figures; i++) {
		const struct vmstat_figure *f = &s->figure[i];

		if (!json_object_object_get_ex(all, f->part, &o)) {
			o = json_object_new_object();
			put(all, f->part, o);
		}
		put(o, f->name,
		    f->is_word ? json_object_new_string(f->word)
			       : json_object_new_uint64(f->value));
	}
	return all;
}

static struct json_object *numbers(const struct vmstat *s)
{
	struct json_object *o = json_object_new_object();

	put(o, "running", json_object_new_boolean(s->running));
	put(o, "answered", json_object_new_boolean(s->answered));
	put_number(o, "cpu_usec", s->cpu_usec);
	put_number(o, "memory", s->memory);
	put_number(o, "memory_limit", s->memory_max);
	put_number(o, "pids", s->pids);
	put_number(o, "net_rx_bytes", s->net_rx);
	put_number(o, "net_tx_bytes", s->net_tx);
	put_number(o, "block_read_bytes", s->blk_read);
	put_number(o, "block_write_bytes", s->blk_written);
	put(o, "devices", parts(s));
	return o;
}

int vmstat_print_json(const struct vmstat_list *before,
		      const struct vmstat_list *now, FILE *to)
{
	static const char *const keys[COLUMNS] = {
		"Name",	 "CPUPerc", "MemUsage", "MemPerc",
		"NetIO", "BlockIO", "PIDs",
	};

	for (size_t i = 0; i < now->n; i++) {
		AUTO_JSON struct json_object *o = json_object_new_object();
		struct row row = { 0 };

		if (!o)
			return -ENOMEM;
		in_words(before, &now->v[i], &row);
		put(o, "ID", json_object_new_string(now->v[i].id));
		for (size_t k = 0; k < COLUMNS; k++)
			put(o, keys[k], json_object_new_string(row.cell[k]));
		put(o, "Stats", numbers(&now->v[i]));
		(void)fprintf(
			to, "%s\n",
			json_object_to_json_string_ext(
				o, JSON_C_TO_STRING_PLAIN |
					   JSON_C_TO_STRING_NOSLASHESCAPE));
	}
	return 0;
}

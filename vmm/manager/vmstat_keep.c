/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vmstat_keep.c - what a monitor says of its devices and vCPUs, made harmless;
 * and what the host says of a tap that the monitor does not serve.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "vmm/lib/io.h"
#include "vmm/lib/json.h"
#include "vmm/lib/parse.h"
#include "vmm/manager/vmstat.h"

#define PARTS_MAX 256 /* devices, and vCPUs */

static bool is_name(const char *text)
{
	size_t len = strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789_");

	return len > 0 && text[len] == '\0' && len < VMSTAT_NAME_MAX &&
	       (text[0] < '0' || text[0] > '9');
}

/* Room for one more, or NULL. */
static struct vmstat_figure *another(struct vmstat *s)
{
	size_t n = s->nr_figures;

	/* Grows at powers of two. */
	if ((n & (n - 1)) == 0) {
		struct vmstat_figure *v =
			realloc(s->figure, (n ? 2 * n : 1) * sizeof(*v));

		if (!v)
			return NULL;
		s->figure = v;
	}
	s->nr_figures++;
	s->figure[n] = (struct vmstat_figure){ 0 };
	return &s->figure[n];
}

static void take_word(struct vmstat_figure *f, const char *text)
{
	f->is_word = true;
	(void)snprintf(f->word, sizeof(f->word), "%s", text);
	for (char *p = f->word; *p; p++)
		if (*p < 0x20 || *p > 0x7e)
			*p = '?';
}

static int keep_one(struct vmstat *s, const char *part, const char *name,
		    struct json_object *v)
{
	bool number = json_object_is_type(v, json_type_int);

	if (!is_name(name) || strcmp(name, "device") == 0 ||
	    s->nr_figures >= VMSTAT_FIGURES_MAX ||
	    (!number && !json_object_is_type(v, json_type_string)))
		return 0;
	struct vmstat_figure *f = another(s);
	if (!f)
		return -ENOMEM;
	(void)snprintf(f->part, sizeof(f->part), "%s", part);
	(void)snprintf(f->name, sizeof(f->name), "%s", name);
	if (!number)
		take_word(f, json_object_get_string(v));
	else if (json_object_get_int64(v) > 0)
		f->value = (uint64_t)json_object_get_int64(v);
	return 0;
}

static int keep_part(struct vmstat *s, const char *part, struct json_object *o)
{
	int r = 0;

	if (!json_object_is_type(o, json_type_object))
		return 0;
	json_object_object_foreach(o, key, v)
	{
		if (r == 0)
			r = keep_one(s, part, key, v);
	}
	return r;
}

/* How many of the first @n devices of @list are called @model. */
static size_t before(struct json_object *list, size_t n, const char *model)
{
	size_t same = 0;

	for (size_t i = 0; i < n; i++)
		same += strcmp(json_str_or(json_object_array_get_idx(list, i),
					   "device", ""),
			       model) == 0;
	return same;
}

static int keep_devices(struct vmstat *s, struct json_object *list)
{
	size_t n = json_object_array_length(list);
	char part[VMSTAT_NAME_MAX];
	int r = 0;

	for (size_t i = 0; r == 0 && i < n && i < PARTS_MAX; i++) {
		struct json_object *o = json_object_array_get_idx(list, i);
		const char *model = json_str_or(o, "device", "");

		if (!is_name(model))
			continue;
		(void)snprintf(part, sizeof(part), "%.16s%zu", model,
			       before(list, i, model));
		r = keep_part(s, part, o);
	}
	return r;
}

static int keep_vcpus(struct vmstat *s, struct json_object *list)
{
	size_t n = json_object_array_length(list);
	char part[VMSTAT_NAME_MAX];
	int r = 0;

	for (size_t i = 0; r == 0 && i < n && i < PARTS_MAX; i++) {
		(void)snprintf(part, sizeof(part), "vcpu%zu", i);
		r = keep_part(s, part, json_object_array_get_idx(list, i));
	}
	return r;
}

static bool is_of(const struct vmstat_figure *f, const char *model)
{
	size_t len = strlen(model);

	return strncmp(f->part, model, len) == 0 && f->part[len] >= '0' &&
	       f->part[len] <= '9';
}

/* Over devices of @model; -1 when there is none of those. */
static int64_t sum(const struct vmstat *s, const char *model, const char *name)
{
	uint64_t all = 0;
	bool found = false;

	for (size_t i = 0; i < s->nr_figures; i++) {
		const struct vmstat_figure *f = &s->figure[i];

		if (!is_of(f, model) || strcmp(f->name, name) != 0)
			continue;
		found = true;
		all += f->value;
	}
	return found && all <= INT64_MAX ? (int64_t)all : -1;
}

static bool read_counter(const char *dir, const char *file, uint64_t *ret)
{
	char path[PATH_MAX], text[32];

	(void)snprintf(path, sizeof(path), "%s/%s", dir, file);
	return io_read_line(AT_FDCWD, path, text, sizeof(text)) == 0 &&
	       parse_u64(text, file, 0, INT64_MAX, ret, NULL) == 0;
}

/*
 * The kernel serves the tap and the monitor sees no frame: the interface's own
 * counters instead.  What comes out of the guest the host receives.  False:
 * they cannot be read, so nobody knows.
 */
static bool from_tap(struct vmstat *s, const char *tap)
{
	static const struct {
		const char *name, *file;
	} map[] = {
		{ "rx_frames", "tx_packets" },	{ "rx_bytes", "tx_bytes" },
		{ "rx_dropped", "tx_dropped" }, { "tx_frames", "rx_packets" },
		{ "tx_bytes", "rx_bytes" },	{ "tx_dropped", "rx_dropped" },
	};
	bool fine = true;

	for (size_t i = 0; i < sizeof(map) / sizeof(map[0]); i++)
		for (size_t k = 0; k < s->nr_figures; k++) {
			struct vmstat_figure *f = &s->figure[k];

			if (strcmp(f->part, "net0") == 0 &&
			    strcmp(f->name, map[i].name) == 0)
				fine &= read_counter(tap, map[i].file,
						     &f->value);
		}
	return fine;
}

int vmstat_keep(struct vmstat *s, struct json_object *answer, const char *tap)
{
	struct json_object *list = NULL;
	bool seen = true;
	int r = 0;

	if (json_get_array(answer, "devices", &list, NULL) == 0)
		r = keep_devices(s, list);
	if (r == 0 && json_get_array(answer, "vcpus", &list, NULL) == 0)
		r = keep_vcpus(s, list);
	if (r < 0)
		return r;
	if (sum(s, "net", "vhost") > 0)
		seen = tap && from_tap(s, tap);
	s->net_rx = seen ? sum(s, "net", "rx_bytes") : -1;
	s->net_tx = seen ? sum(s, "net", "tx_bytes") : -1;
	s->blk_read = sum(s, "blk", "read_bytes");
	s->blk_written = sum(s, "blk", "write_bytes");
	return 0;
}

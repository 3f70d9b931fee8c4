/* SPDX-License-Identifier: Apache-2.0 */
/* listing.c - what is in the store, as rows. */
#include "vmm/manager/listing.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "vmm/lib/auto.h"
#include "vmm/lib/json.h"
#include "vmm/manager/names.h"
#include "vmm/manager/oci.h"

struct build {
	struct store *store;
	struct json_object *names;
	struct listing *list;
	struct err *err;
};

void listing_done(struct listing *list)
{
	free(list->row);
	*list = (struct listing){ 0 };
}

/* RFC 3339, as the configuration has it; 0 when it isn't. */
static time_t parse_time(const char *text)
{
	struct tm tm = { 0 };
	const char *zone = strptime(text, "%Y-%m-%dT%H:%M:%S", &tm);
	int sign = 1, h = 0, m = 0;

	if (!zone)
		return 0;
	if (*zone == '.')
		zone += 1 + strspn(zone + 1, "0123456789");
	if (*zone == '+')
		sign = -1;
	if (*zone != 'Z') {
		struct tm off = { 0 };

		if (!strptime(zone + (*zone != '\0'), "%H:%M", &off))
			return 0;
		h = off.tm_hour;
		m = off.tm_min;
	}
	return timegm(&tm) + (time_t)sign * (h * 3600 + m * 60);
}

static void describe(struct store *store, struct listing_row *row)
{
	AUTO_JSON struct json_object *doc = NULL;
	char path[STORE_PATH_MAX];
	struct stat st;

	store_image_path(store, row->id, "rootfs.squashfs", path);
	if (stat(path, &st) == 0)
		row->size = (uint64_t)st.st_size;
	store_image_path(store, row->id, "config.json", path);
	if (json_read(path, OCI_DOC_MAX, &doc, NULL) == 0)
		row->created = parse_time(json_str_or(doc, "created", ""));
}

static int add_row(struct build *b, const char *id, const char *full)
{
	struct listing_row *more =
		reallocarray(b->list->row, b->list->nr + 1, sizeof(*more));

	if (!more)
		return err_set(b->err, ENOMEM, "list the images");
	b->list->row = more;
	more += b->list->nr++;
	*more = (struct listing_row){ 0 };
	(void)snprintf(more->id, sizeof(more->id), "%s", id);
	(void)snprintf(more->full, sizeof(more->full), "%s", full);
	if (full[0] && reference_parse(full, &more->ref, NULL) < 0)
		more->full[0] = '\0';
	describe(b->store, more);
	return 0;
}

static int add_image(void *arg, const char *id)
{
	struct build *b = arg;
	size_t before = b->list->nr;

	json_object_object_foreach(b->names, full, value)
	{
		const char *to = json_object_get_string(value);
		int r = to && strcmp(to, id) == 0 ? add_row(b, id, full) : 0;

		if (r < 0)
			return r;
	}
	return b->list->nr == before ? add_row(b, id, "") : 0;
}

static int newest_first(const void *a, const void *b)
{
	const struct listing_row *x = a, *y = b;

	if (x->created != y->created)
		return x->created < y->created ? 1 : -1;
	int r = strcmp(x->full, y->full);
	return r ? r : strcmp(x->id, y->id);
}

int listing_read(struct store *store, struct listing *ret, struct err *err)
{
	AUTO_JSON struct json_object *names = NULL;
	AUTO_LISTING struct listing list = { 0 };
	struct build b = { .store = store, .list = &list, .err = err };
	int r = names_read(store, &names, err);

	b.names = names;
	if (r == 0)
		r = store_each(store, add_image, &b, err);
	if (r < 0)
		return r;
	if (list.nr > 0)
		qsort(list.row, list.nr, sizeof(*list.row), newest_first);
	*ret = list;
	list = (struct listing){ 0 };
	return 0;
}

void listing_age(time_t created, time_t now, char *text, size_t size)
{
	static const struct {
		const char *unit;
		long long seconds, until; /* this many of them, at most */
	} units[] = {
		{ "second", 1, 59 },	    { "minute", 60, 59 },
		{ "hour", 3600, 47 },	    { "day", 86400, 13 },
		{ "week", 604800, 8 },	    { "month", 2592000, 23 },
		{ "year", 31536000, 9999 },
	};
	long long age = now > created ? (long long)(now - created) : 0;
	size_t i = 0;

	if (created == 0) {
		(void)snprintf(text, size, "N/A");
		return;
	}
	while (i + 1 < sizeof(units) / sizeof(units[0]) &&
	       age / units[i].seconds > units[i].until)
		i++;
	long long n = age / units[i].seconds;
	(void)snprintf(text, size, "%lld %s%s ago", n, units[i].unit,
		       n == 1 ? "" : "s");
}

void listing_size(uint64_t bytes, char *text, size_t size)
{
	static const char *const units[] = { "B", "kB", "MB", "GB", "TB" };
	double n = (double)bytes;
	size_t i = 0;

	while (n >= 999.5 && i + 1 < sizeof(units) / sizeof(units[0])) {
		n /= 1000;
		i++;
	}
	(void)snprintf(text, size, "%.3g%s", n, units[i]);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* host_world.c - a host of files for tests of vmm/hostdev. */
#include "tests/harness/host_world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

const struct fake_function world_gpu = { .bdf = GPU,
					 .above = "pci0000:00/0000:00:01.0",
					 .vendor = 0x10de,
					 .device = 0x2330,
					 .class = 0x030000,
					 .driver = "nouveau",
					 .group = 12,
					 .reset = "flr bus\n" };
const struct fake_function world_audio = { .bdf = AUDIO,
					   .above = "pci0000:00/0000:00:01.0",
					   .vendor = 0x10de,
					   .device = 0x22bb,
					   .class = 0x040300,
					   .driver = "snd_hda_intel",
					   .group = 12,
					   .reset = "bus\n" };
const struct fake_function world_disk = { .bdf = DISK,
					  .above = "pci0000:00/" PORT,
					  .vendor = 0x1b36,
					  .device = 0x0010,
					  .class = 0x010802,
					  .driver = "nvme",
					  .group = 13,
					  .reset = "flr\n" };

int world_setup_empty(void **state)
{
	static struct world w;

	w = (struct world){ .all = { 0 } };
	fake_host_init(&w.h);
	(void)snprintf(w.data, sizeof(w.data), "%s/data", w.h.root);
	*state = &w;
	return 0;
}

int world_setup(void **state)
{
	(void)world_setup_empty(state);
	struct world *w = *state;

	fake_host_add(&w->h, &world_gpu);
	fake_host_add(&w->h, &world_audio);
	fake_host_add(&w->h, &world_disk);
	world_list(w);
	return 0;
}

int world_teardown(void **state)
{
	struct world *w = *state;

	hostdev_list_done(&w->all);
	fake_host_done(&w->h);
	return 0;
}

void world_list(struct world *w)
{
	hostdev_list_done(&w->all);
	assert_int_equal(hostdev_list(&w->h.sys, &w->all, NULL), 0);
}

static const struct hostdev *find(struct world *w, const char *bdf)
{
	const struct hostdev *d = hostdev_find(&w->all, bdf, NULL);

	assert_non_null(d);
	return d;
}

int world_check(struct world *w, const char *one, const char *two)
{
	const char *const bdfs[] = { one, two };
	int r = 0;

	world_list(w);
	w->set.nr = 0;
	w->err.msg[0] = '\0';
	for (size_t i = 0; r == 0 && i < 2 && bdfs[i]; i++)
		r = hostdev_set_add(&w->set, &w->all, find(w, bdfs[i]), false,
				    &w->err);
	return r < 0 ? r : hostdev_check(&w->h.sys, &w->all, &w->set, &w->err);
}

void world_refused(struct world *w, const char *bdf, int code,
		   const char *reason, const char *remedy)
{
	int r = world_check(w, bdf, NULL);

	if (r != code || !strstr(w->err.msg, reason) ||
	    !strstr(w->err.msg, remedy))
		fail_msg("%d: '%s' without '%s' and '%s'", r, w->err.msg,
			 reason, remedy);
	assert_non_null(strstr(w->err.msg, bdf));
	assert_null(strchr(w->err.msg, '\n'));
	assert_true(strlen(w->err.msg) < sizeof(w->err.msg) - 1);
}

int world_take(struct world *w, const char *vm, const char *bdf,
	       struct hostdev_hold *hold)
{
	struct hostdev_set set = { .nr = 0 };
	int r = hostdev_set_add(&set, &w->all, find(w, bdf), false, &w->err);

	return r < 0 ? r
		     : hostdev_take(&w->h.sys, w->data, vm, &set, hold,
				    &w->err);
}

int world_give_back(struct world *w, struct hostdev_hold *hold)
{
	return hostdev_give_back(&w->h.sys, w->data, hold, &w->err);
}

int world_repair(struct world *w)
{
	return hostdev_repair(&w->h.sys, w->data, &w->err);
}

int world_bind(struct world *w, const char *bdf)
{
	struct hostdev_set set = { .nr = 0 };
	int r = hostdev_set_add(&set, &w->all, find(w, bdf), false, &w->err);

	return r < 0 ? r : hostdev_bind(&w->h.sys, w->data, &set, &w->err);
}

int world_unbind(struct world *w, const char *bdf)
{
	return hostdev_unbind(&w->h.sys, w->data, find(w, bdf), &w->err);
}

bool world_has_entry(struct world *w, const char *bdf)
{
	return fake_host_there(&w->h, "data/devices/%s.json", bdf);
}

void world_assert_bound(struct world *w, const char *bdf, const char *driver,
			const char *override)
{
	assert_string_equal(fake_host_bound(&w->h, bdf), driver);
	assert_string_equal(fake_host_override(&w->h, bdf), override);
}

void world_assert_untouched(struct world *w)
{
	world_assert_bound(w, GPU, "nouveau", "");
	world_assert_bound(w, AUDIO, "snd_hda_intel", "");
	world_assert_bound(w, DISK, "nvme", "");
	assert_false(world_has_entry(w, GPU));
	assert_false(world_has_entry(w, AUDIO));
	assert_false(world_has_entry(w, DISK));
}

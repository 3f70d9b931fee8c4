/* SPDX-License-Identifier: Apache-2.0 */
/* timing.c - where the time of a run went. */
#include "vmm/manager/timing.h"

#include <time.h>

static const struct {
	const char *key;
	const char *what;
} phases[] = {
	{ "image", "image and kernel found" },
	{ "folder", "VM folder, writable layer, keeper" },
	{ "monitor", "monitor and network started" },
	{ "kernel", "guest kernel booted" },
	{ "init", "guest init: mounts, network" },
	{ "container", "the command ran" },
	{ "shutdown", "guest powered off" },
	{ "total", "" },
};

uint64_t timing_now(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000U + (uint64_t)ts.tv_nsec;
}

static void put(struct json_object *o, const char *key, uint64_t from,
		uint64_t to)
{
	if (from == 0 || to < from)
		return;
	(void)json_object_object_add(
		o, key, json_object_new_double((double)(to - from) / 1e6));
}

struct json_object *timing_to_json(const struct timing *t)
{
	struct json_object *o = json_object_new_object();

	if (!o)
		return NULL;
	/* What the guest says about itself cannot exceed what we saw. */
	uint64_t boot = t->exec > t->started ? t->exec - t->started : 0;
	uint64_t init = t->init_ns < boot ? t->init_ns : boot;

	put(o, "image", t->begin, t->image);
	put(o, "folder", t->image, t->spawn);
	put(o, "monitor", t->spawn, t->started);
	if (boot) {
		put(o, "kernel", t->started, t->exec - init);
		put(o, "init", t->exec - init, t->exec);
	}
	put(o, "container", t->exec, t->exited);
	put(o, "shutdown", t->exited, t->ended);
	put(o, "total", t->begin, t->ended);
	return o;
}

void timing_print(struct json_object *times, FILE *to)
{
	for (size_t i = 0; i < sizeof(phases) / sizeof(phases[0]); i++) {
		struct json_object *v = NULL;

		if (!json_object_object_get_ex(times, phases[i].key, &v))
			continue;
		(void)fprintf(to, "%-10s %10.1f ms  %s\n", phases[i].key,
			      json_object_get_double(v), phases[i].what);
	}
}

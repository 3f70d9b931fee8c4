/* SPDX-License-Identifier: Apache-2.0 */
/* timing.c - where the time of a run went. */
#include "vmm/manager/timing.h"

#include <string.h>
#include <time.h>

#include "vmm/lib/json.h"

#define MIB (1U << 20)
#define GIB (1U << 30)

static const struct {
	const char *key;
	const char *what;
} phases[] = {
	{ "image", "image and kernel found" },
	{ "folder", "VM folder, writable layer, keeper" },
	{ "devices", "devices taken from the host" },
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

static uint64_t number(struct json_object *o, const char *key)
{
	int64_t v = 0;

	return json_get_i64(o, key, &v, NULL) == 0 && v > 0 ? (uint64_t)v : 0;
}

void timing_memory(struct timing *t, struct json_object *event)
{
	t->memory.bytes = number(event, "bytes");
	t->memory.page = number(event, "page");
	t->memory.threads = number(event, "threads");
	t->memory.populate_ns = number(event, "populate_ns");
	t->memory.map_ns = number(event, "map_ns");
}

static struct json_object *memory_to_json(const struct timing *t)
{
	const struct {
		const char *key;
		uint64_t v;
	} all[] = {
		{ "bytes", t->memory.bytes },
		{ "page", t->memory.page },
		{ "threads", t->memory.threads },
		{ "populate_ns", t->memory.populate_ns },
		{ "map_ns", t->memory.map_ns },
	};
	struct json_object *o = json_object_new_object();

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		json_put_u64(o, all[i].key, all[i].v);
	return o;
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
	put(o, "devices", t->taken ? t->spawn : 0, t->taken);
	put(o, "monitor", t->taken ? t->taken : t->spawn, t->started);
	if (t->memory.bytes)
		(void)json_object_object_add(o, "memory", memory_to_json(t));
	if (boot) {
		put(o, "kernel", t->started, t->exec - init);
		put(o, "init", t->exec - init, t->exec);
	}
	put(o, "container", t->exec, t->exited);
	put(o, "shutdown", t->exited, t->ended);
	put(o, "total", t->begin, t->ended);
	return o;
}

/* "  populate  120.0 ms  2048 MiB, 17.1 GiB/s, in pages of 2 MiB" */
static void print_rate(FILE *to, const char *what, uint64_t bytes, uint64_t ns)
{
	(void)fprintf(to, "  %-8s %10.1f ms  %.0f MiB, %.1f GiB/s", what,
		      (double)ns / 1e6, (double)bytes / MIB,
		      (double)bytes / GIB / ((double)ns / 1e9));
}

/* Within the monitor's start, so behind its line and indented. */
static void print_memory(struct json_object *m, FILE *to)
{
	uint64_t bytes = number(m, "bytes");
	uint64_t populate = number(m, "populate_ns");
	uint64_t map = number(m, "map_ns");

	if (populate) {
		print_rate(to, "populate", bytes, populate);
		(void)fprintf(to, ", pages of %llu KiB, %llu threads\n",
			      (unsigned long long)number(m, "page") >> 10,
			      (unsigned long long)number(m, "threads"));
	}
	if (map) {
		print_rate(to, "dma map", bytes, map);
		(void)fprintf(to, "\n");
	}
}

void timing_print(struct json_object *times, FILE *to)
{
	for (size_t i = 0; i < sizeof(phases) / sizeof(phases[0]); i++) {
		struct json_object *v = NULL;

		if (!json_object_object_get_ex(times, phases[i].key, &v))
			continue;
		(void)fprintf(to, "%-10s %10.1f ms  %s\n", phases[i].key,
			      json_object_get_double(v), phases[i].what);
		if (strcmp(phases[i].key, "monitor") == 0 &&
		    json_object_object_get_ex(times, "memory", &v))
			print_memory(v, to);
	}
}

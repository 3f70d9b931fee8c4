/* SPDX-License-Identifier: Apache-2.0 */
/* vmstat.c - what VMs take, of the host and by their monitors' words. */
#include "vmm/manager/vmstat.h"

#include <errno.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>

#include "vmm/lib/auto.h"
#include "vmm/lib/json.h"
#include "vmm/manager/cgroup.h"
#include "vmm/manager/client.h"
#include "vmm/manager/procuse.h"
#include "vmm/manager/timing.h"
#include "vmm/manager/vmlimits.h"

#define NS_MS 1000000ULL

/* One VM while it is asked; in the order of the list. */
struct asked {
	struct vmdir vm;
	struct client client;
	struct json_object *state; /* state.json, or NULL */
};

struct taking {
	const struct manager *mgr;
	bool all, ask;
	struct vmstat_list list;
	struct asked **asked; /* list.n of them */
};

static void forget(struct asked *a)
{
	if (!a)
		return;
	client_close(&a->client);
	json_object_put(a->state);
	free(a);
}

static struct vmstat unknown(const char *id, const char *name)
{
	struct vmstat s = {
		.cpu_usec = -1,
		.memory = -1,
		.memory_max = -1,
		.pids = -1,
		.net_rx = -1,
		.net_tx = -1,
		.blk_read = -1,
		.blk_written = -1,
	};

	(void)snprintf(s.id, sizeof(s.id), "%s", id);
	(void)snprintf(s.name, sizeof(s.name), "%s", name);
	return s;
}

static bool has(const struct vmstat_list *list, const char *id)
{
	for (size_t i = 0; i < list->n; i++)
		if (strcmp(list->v[i].id, id) == 0)
			return true;
	return false;
}

/* @vm NULL: one that is not there, whom somebody calls @name. */
static int add(struct taking *t, const struct vmdir *vm, const char *name)
{
	size_t n = t->list.n;
	const char *id = vm ? vm->id : name;

	if (has(&t->list, id))
		return 0;
	struct vmstat *v = realloc(t->list.v, (n + 1) * sizeof(*v));
	if (!v)
		return -ENOMEM;
	t->list.v = v;
	/* NOLINTNEXTLINE(bugprone-sizeof-expression): pointers they are */
	struct asked **all = realloc(t->asked, (n + 1) * sizeof(*all));
	if (!all)
		return -ENOMEM;
	t->asked = all;
	struct asked *a = calloc(1, sizeof(*a));
	if (!a)
		return -ENOMEM;
	a->client.fd = -1;
	v[n] = unknown(id, vm ? vm->name : name);
	if (vm) {
		a->vm = *vm;
		v[n].running = vmdir_running(vm);
	}
	all[n] = a;
	t->list.n++;
	return 0;
}

static int each(const struct vmdir *vm, void *arg)
{
	struct taking *t = arg;

	return t->all || vmdir_running(vm) ? add(t, vm, NULL) : 0;
}

static int choose(struct taking *t, char *const *names, size_t nr_names,
		  struct err *err)
{
	int r = 0;

	if (nr_names == 0)
		r = vmdir_walk(t->mgr, each, t, err);
	for (size_t i = 0; r == 0 && i < nr_names; i++) {
		struct vmdir vm = VMDIR_NONE;
		int found = vmdir_find(t->mgr, names[i], &vm, NULL);

		r = add(t, found < 0 ? NULL : &vm, names[i]);
	}
	return r == -ENOMEM ? err_set(err, ENOMEM, "list VMs") : r;
}

/* All at once: those that hang do not add up. */
static void send_all(struct taking *t)
{
	for (size_t i = 0; i < t->list.n; i++) {
		struct asked *a = t->asked[i];

		if (!t->list.v[i].running ||
		    client_open(&a->vm, &a->client, NULL) < 0)
			continue;
		if (client_send(&a->client, "stats", NULL) < 0)
			client_close(&a->client);
	}
}

/* "/sys/class/net/TAP/statistics", when there is one. */
static const char *tap_counters(const struct taking *t, const struct asked *a,
				char path[PATH_MAX])
{
	const char *tap = json_str_or(a->state, "tap", "");

	if (tap[0] == '\0' || strchr(tap, '/') || strlen(tap) >= IF_NAMESIZE)
		return NULL;
	(void)snprintf(path, PATH_MAX, "%s/sys/class/net/%s/statistics",
		       t->mgr->sys.root, tap);
	return path;
}

static int hear_all(struct taking *t)
{
	uint64_t until = timing_now() + VMSTAT_ANSWER_MS * NS_MS;
	int r = 0;

	for (size_t i = 0; r == 0 && i < t->list.n; i++) {
		AUTO_JSON struct json_object *answer = NULL;
		struct asked *a = t->asked[i];
		char path[PATH_MAX];

		if (a->client.fd < 0 ||
		    client_wait(&a->client, until, &answer, NULL) < 0)
			continue;
		t->list.v[i].answered = true;
		r = vmstat_keep(&t->list.v[i], answer,
				tap_counters(t, a, path));
	}
	return r;
}

static void add_pid(struct json_object *o, struct procuse *sum, bool *found)
{
	int64_t pid = json_object_get_int64(o);

	if (json_object_is_type(o, json_type_int) && pid > 0 &&
	    pid <= INT32_MAX && procuse_add("", (pid_t)pid, sum) == 0)
		*found = true;
}

/* Those that a control group would count. */
static bool processes(struct json_object *state, struct procuse *sum)
{
	static const char *const keys[] = { "monitor", "net" };
	struct json_object *o = NULL;
	bool found = false;

	*sum = (struct procuse){ 0 };
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		if (json_object_object_get_ex(state, keys[i], &o))
			add_pid(o, sum, &found);
	if (json_get_array(state, "virtiofsd", &o, NULL) == 0)
		for (size_t i = 0; i < json_object_array_length(o); i++)
			add_pid(json_object_array_get_idx(o, i), sum, &found);
	return found;
}

static void from_cgroup(const struct vmdir *vm, struct cgroup_now *ret)
{
	const struct cgroup_sys sys = cgroup_host();
	AUTO_JSON struct json_object *o = NULL;
	struct cgroup cg;

	*ret = (struct cgroup_now){ -1, -1, -1, -1 };
	if (vmdir_read(vm, VMDIR_CGROUP, &o, NULL) < 0 ||
	    cgroup_from_json(&sys, o, vm->id, &cg) < 0)
		return;
	/* A group in which nobody is counts nothing of this VM. */
	if (cgroup_there(&cg))
		cgroup_now(&cg, ret);
	cgroup_done(&cg);
}

static int64_t known(int64_t a, int64_t b)
{
	return a >= 0 ? a : b;
}

static int64_t guest_memory(const struct vmdir *vm)
{
	AUTO_JSON struct json_object *spec = NULL;
	int64_t bytes = 0;

	if (vmdir_read(vm, "spec.json", &spec, NULL) < 0 ||
	    json_get_i64(spec, "memory", &bytes, NULL) < 0 || bytes <= 0)
		return -1;
	return bytes;
}

/* Of the control group; what that does not say, of the processes. */
static void measure(struct asked *a, struct vmstat *s)
{
	struct cgroup_now now;
	struct procuse sum;

	(void)vmdir_read(&a->vm, "state.json", &a->state, NULL);
	from_cgroup(&a->vm, &now);
	s->ns = timing_now();
	if ((now.cpu_usec < 0 || now.memory < 0 || now.pids <= 0) &&
	    processes(a->state, &sum)) {
		now.cpu_usec = known(now.cpu_usec, sum.cpu_usec);
		now.memory = known(now.memory, sum.memory);
		now.pids = now.pids > 0 ? now.pids : sum.threads;
	}
	s->cpu_usec = now.cpu_usec;
	s->memory = now.memory;
	s->memory_max = known(now.memory_max, guest_memory(&a->vm));
	s->pids = now.pids;
}

int vmstat_take(const struct manager *mgr, char *const *names, size_t nr_names,
		bool all, bool ask, struct vmstat_list *ret, struct err *err)
{
	struct taking t = { .mgr = mgr, .all = all, .ask = ask };
	int r = choose(&t, names, nr_names, err);

	if (r == 0 && ask)
		send_all(&t);
	for (size_t i = 0; r == 0 && i < t.list.n; i++)
		if (t.list.v[i].running)
			measure(t.asked[i], &t.list.v[i]);
	if (r == 0 && ask && hear_all(&t) < 0)
		r = err_set(err, ENOMEM, "keep what monitors say");
	for (size_t i = 0; i < t.list.n; i++)
		forget(t.asked[i]);
	free(t.asked);
	if (r < 0)
		vmstat_done(&t.list);
	else
		*ret = t.list;
	return r;
}

void vmstat_done(struct vmstat_list *list)
{
	for (size_t i = 0; i < list->n; i++)
		free(list->v[i].figure);
	free(list->v);
	*list = (struct vmstat_list){ 0 };
}

const struct vmstat *vmstat_same(const struct vmstat_list *list,
				 const struct vmstat *s)
{
	for (size_t i = 0; i < list->n; i++)
		if (strcmp(list->v[i].id, s->id) == 0)
			return &list->v[i];
	return NULL;
}

double vmstat_cpu(const struct vmstat *before, const struct vmstat *now)
{
	if (!before || before->cpu_usec < 0 || now->cpu_usec < 0 ||
	    now->ns <= before->ns || now->cpu_usec < before->cpu_usec)
		return -1;
	return (double)(now->cpu_usec - before->cpu_usec) * 1000.0 * 100.0 /
	       (double)(now->ns - before->ns);
}

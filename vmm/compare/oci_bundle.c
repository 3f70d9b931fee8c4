/* SPDX-License-Identifier: Apache-2.0 */
/*
 * oci_bundle.c - the config.json of a container (OCI runtime-spec 1.0,
 * config.md and config-linux.md): the namespaces, capabilities, mounts and
 * hidden paths that docker gives by default.  Docker's seccomp profile is left
 * out, which makes system calls of containers a little cheaper than docker's.
 */
#include <json-c/json.h>
#include <stdio.h>

#include "vmm/compare/peer.h"
#include "vmm/lib/json.h"

#define SHM_OPTIONS "size=67108864" /* docker's 64 MiB */

static const char *const capabilities[] = {
	"CAP_CHOWN",
	"CAP_DAC_OVERRIDE",
	"CAP_FSETID",
	"CAP_FOWNER",
	"CAP_MKNOD",
	"CAP_NET_RAW",
	"CAP_SETGID",
	"CAP_SETUID",
	"CAP_SETFCAP",
	"CAP_SETPCAP",
	"CAP_NET_BIND_SERVICE",
	"CAP_SYS_CHROOT",
	"CAP_KILL",
	"CAP_AUDIT_WRITE",
	NULL,
};

static const char *const masked[] = {
	"/proc/asound",
	"/proc/acpi",
	"/proc/kcore",
	"/proc/keys",
	"/proc/latency_stats",
	"/proc/timer_list",
	"/proc/timer_stats",
	"/proc/sched_debug",
	"/proc/scsi",
	"/sys/firmware",
	NULL,
};

static const char *const read_only[] = {
	"/proc/bus",	       "/proc/fs", "/proc/irq", "/proc/sys",
	"/proc/sysrq-trigger", NULL,
};

static const struct {
	const char *to, *type, *source;
	const char *options[8];
} mounts[] = {
	{ "/proc", "proc", "proc", { "nosuid", "noexec", "nodev" } },
	{ "/dev",
	  "tmpfs",
	  "tmpfs",
	  { "nosuid", "strictatime", "mode=755", "size=65536k" } },
	{ "/dev/pts",
	  "devpts",
	  "devpts",
	  { "nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620",
	    "gid=5" } },
	{ "/sys", "sysfs", "sysfs", { "nosuid", "noexec", "nodev", "ro" } },
	{ "/sys/fs/cgroup",
	  "cgroup",
	  "cgroup",
	  { "nosuid", "noexec", "nodev", "ro" } },
	{ "/dev/mqueue", "mqueue", "mqueue", { "nosuid", "noexec", "nodev" } },
	{ "/dev/shm",
	  "tmpfs",
	  "shm",
	  { "nosuid", "noexec", "nodev", "mode=1777", SHM_OPTIONS } },
};

static const char *const namespaces[] = {
	"pid", "mount", "ipc", "uts", "cgroup", NULL,
};

static struct json_object *put_obj(struct json_object *o, const char *key)
{
	struct json_object *child = json_object_new_object();

	(void)json_object_object_add(o, key, child);
	return child;
}

static struct json_object *strings(const char *const *v)
{
	struct json_object *a = json_object_new_array();

	for (; v && *v; v++)
		(void)json_object_array_add(a, json_object_new_string(*v));
	return a;
}

/* `char *const *` is a fine `const char *const *`, but not for C. */
static struct json_object *owned_strings(const struct strv *s)
{
	struct json_object *a = json_object_new_array();

	for (size_t i = 0; i < s->n; i++)
		(void)json_object_array_add(a, json_object_new_string(s->v[i]));
	return a;
}

static void add_capabilities(struct json_object *process)
{
	static const char *const sets[] = { "bounding", "effective",
					    "permitted", NULL };
	struct json_object *caps = put_obj(process, "capabilities");

	for (const char *const *set = sets; *set; set++)
		(void)json_object_object_add(caps, *set, strings(capabilities));
}

static void add_process(struct json_object *doc, const struct peer_world *w,
			const struct strv *args, const struct strv *env)
{
	struct json_object *process = put_obj(doc, "process");
	struct json_object *user = put_obj(process, "user");
	struct json_object *groups = json_object_new_array();
	const char *dir = w->image->config.working_dir;

	json_put_bool(process, "terminal", false);
	json_put_i64(user, "uid", w->user.uid);
	json_put_i64(user, "gid", w->user.gid);
	for (size_t i = 0; i < w->user.nr_groups; i++)
		(void)json_object_array_add(
			groups, json_object_new_int64(w->user.groups[i]));
	(void)json_object_object_add(user, "additionalGids", groups);
	(void)json_object_object_add(process, "args", owned_strings(args));
	(void)json_object_object_add(process, "env", owned_strings(env));
	json_put_str(process, "cwd", dir && dir[0] ? dir : "/");
	if (w->user.uid == 0)
		add_capabilities(process);
}

static struct json_object *all_mounts(void)
{
	struct json_object *a = json_object_new_array();

	for (size_t i = 0; i < sizeof(mounts) / sizeof(mounts[0]); i++) {
		struct json_object *m = json_object_new_object();

		json_put_str(m, "destination", mounts[i].to);
		json_put_str(m, "type", mounts[i].type);
		json_put_str(m, "source", mounts[i].source);
		(void)json_object_object_add(m, "options",
					     strings(mounts[i].options));
		(void)json_object_array_add(a, m);
	}
	return a;
}

/* One whose network the runner makes inherits it instead. */
static struct json_object *all_namespaces(bool own_network)
{
	struct json_object *a = json_object_new_array();

	for (const char *const *ns = namespaces; *ns; ns++) {
		struct json_object *o = json_object_new_object();

		json_put_str(o, "type", *ns);
		(void)json_object_array_add(a, o);
	}
	if (own_network) {
		struct json_object *o = json_object_new_object();

		json_put_str(o, "type", "network");
		(void)json_object_array_add(a, o);
	}
	return a;
}

static void add_linux(struct json_object *doc, const struct instance *inst,
		      const struct peer_job *job)
{
	struct json_object *l = put_obj(doc, "linux");
	struct json_object *resources = put_obj(l, "resources");
	struct json_object *devices = json_object_new_array();
	struct json_object *all = json_object_new_object();
	char path[64];

	/* All but those that the runtime itself always allows. */
	json_put_bool(all, "allow", false);
	json_put_str(all, "access", "rwm");
	(void)json_object_array_add(devices, all);
	(void)json_object_object_add(resources, "devices", devices);
	json_put_i64(put_obj(resources, "memory"), "limit",
		     (int64_t)job->memory);

	(void)snprintf(path, sizeof(path), "/belljar-%s", inst->id);
	json_put_str(l, "cgroupsPath", path);
	(void)json_object_object_add(l, "namespaces",
				     all_namespaces(!inst->net));
	(void)json_object_object_add(l, "maskedPaths", strings(masked));
	(void)json_object_object_add(l, "readonlyPaths", strings(read_only));
}

struct json_object *oci_bundle(const struct instance *inst,
			       const struct peer_world *w,
			       const struct peer_job *job)
{
	struct strv args = { 0 }, env = { 0 };
	struct json_object *doc = json_object_new_object();

	if (!doc || peer_args(w, job, &args, NULL) < 0 ||
	    peer_env(w, &env, NULL) < 0) {
		json_object_put(doc);
		doc = NULL;
	} else {
		struct json_object *root = put_obj(doc, "root");

		json_put_str(doc, "ociVersion", "1.0.2");
		json_put_str(doc, "hostname", inst->id);
		json_put_str(root, "path", "rootfs");
		json_put_bool(root, "readonly", false);
		add_process(doc, w, &args, &env);
		(void)json_object_object_add(doc, "mounts", all_mounts());
		add_linux(doc, inst, job);
	}
	strv_done(&args);
	strv_done(&env);
	return doc;
}

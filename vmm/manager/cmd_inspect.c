/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cmd_inspect.c - `belljar inspect`: what VMs are made of, and how they are,
 * under docker's names; all of spec.json below "Spec".
 */
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>

#include "vmm/lib/json.h"
#include "vmm/manager/cli.h"
#include "vmm/manager/cmd.h"
#include "vmm/manager/gpu.h"
#include "vmm/manager/vmdir.h"
#include "vmm/manager/vmlimits.h"

#define NANO 1e9

struct inspect {
	char **names;
	int nr_names;
};

static const struct argp_option options[] = { { 0 } };

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct inspect *in = state->input;

	(void)arg;
	if (key != ARGP_KEY_ARG)
		return ARGP_ERR_UNKNOWN;
	in->names = state->argv + state->next - 1;
	in->nr_names = state->argc - state->next + 1;
	state->next = state->argc;
	return 0;
}

static void put(struct json_object *to, const char *key, struct json_object *v)
{
	(void)json_object_object_add(to, key, v);
}

/* Member @key of @from as @as of @to; @otherwise (owned) when it is not there.
 */
static void copy(struct json_object *from, const char *key,
		 struct json_object *to, const char *as,
		 struct json_object *otherwise)
{
	struct json_object *v = NULL;

	if (!from || !json_object_object_get_ex(from, key, &v) || !v) {
		put(to, as, otherwise);
		return;
	}
	json_object_put(otherwise);
	put(to, as, json_object_get(v));
}

static struct json_object *zero(void)
{
	return json_object_new_int(0);
}

static struct json_object *empty(void)
{
	return json_object_new_string("");
}

static struct json_object *no(void)
{
	return json_object_new_boolean(false);
}

/* As RFC 3339; the folder's spec.json is written when the VM is made. */
static void put_created(struct json_object *to, const struct vmdir *vm)
{
	char path[PATH_MAX], text[32] = "";
	struct stat st;
	struct tm tm;

	vmdir_file(vm->path, "spec.json", path);
	if (stat(path, &st) == 0 && gmtime_r(&st.st_mtim.tv_sec, &tm))
		(void)strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm);
	json_put_str(to, "Created", text);
}

static struct json_object *state_of(const struct vmdir *vm, bool running)
{
	AUTO_JSON struct json_object *state = NULL;
	AUTO_JSON struct json_object *end = NULL;
	struct json_object *o = json_object_new_object();

	(void)vmdir_read(vm, running ? "state.json" : "exit.json",
			 running ? &state : &end, NULL);
	json_put_str(o, "Status", running ? "running" : "exited");
	put(o, "Running", json_object_new_boolean(running));
	copy(state, "monitor", o, "Pid", zero());
	copy(end, "status", o, "ExitCode",
	     running ? zero() : json_object_new_int(EXIT_BELLJAR));
	copy(end, "error", o, "Error", empty());
	return o;
}

static struct json_object *config_of(struct json_object *spec)
{
	struct json_object *o = json_object_new_object();

	copy(spec, "hostname", o, "Hostname", empty());
	copy(spec, "user", o, "User", empty());
	copy(spec, "tty", o, "Tty", no());
	copy(spec, "interactive", o, "OpenStdin", no());
	copy(spec, "env", o, "Env", json_object_new_array());
	copy(spec, "args", o, "Cmd", json_object_new_array());
	copy(spec, "image", o, "Image", empty());
	copy(spec, "cwd", o, "WorkingDir", empty());
	return o;
}

/* docker's Memory is the limit as it is now; spec.json has the VM's size. */
static struct json_object *host_of(const struct vmdir *vm,
				   struct json_object *spec)
{
	struct json_object *o = json_object_new_object();
	struct json_object *limits = NULL, *cpus = NULL;
	struct vmlimits now;

	vmlimits_read(vm, spec, &now);
	(void)json_get_obj(spec, "limits", &limits, NULL);
	(void)json_object_object_get_ex(limits, "cpus", &cpus);
	put(o, "Memory", json_object_new_uint64(now.memory));
	put(o, "NanoCpus",
	    json_object_new_int64(
		    (int64_t)(json_object_get_double(cpus) * NANO)));
	copy(limits, "cpu_shares", o, "CpuShares", zero());
	json_put_str(o, "CpusetCpus", now.cpus);
	copy(limits, "blkio_weight", o, "BlkioWeight", zero());
	copy(limits, "cgroup_parent", o, "CgroupParent", empty());
	copy(limits, "pids", o, "PidsLimit", zero());
	copy(spec, "network", o, "NetworkMode", empty());
	copy(spec, "read_only", o, "ReadonlyRootfs", no());
	copy(spec, "rm", o, "AutoRemove", no());
	copy(spec, "shm_size", o, "ShmSize", zero());
	return o;
}

/* Of a network by name; docker has both there too. */
static struct json_object *network_of(const struct vmdir *vm)
{
	AUTO_JSON struct json_object *state = NULL;
	struct json_object *o = json_object_new_object();

	(void)vmdir_read(vm, "state.json", &state, NULL);
	copy(state, "address", o, "IPAddress", empty());
	copy(state, "mac", o, "MacAddress", empty());
	return o;
}

static int add(struct manager *mgr, const char *name, struct json_object *list,
	       struct err *err)
{
	AUTO_JSON struct json_object *spec = NULL;
	struct vmdir vm = VMDIR_NONE;
	char slash[sizeof(vm.name) + 1];
	int r = vmdir_find(mgr, name, &vm, err);

	if (r == 0)
		r = vmdir_read(&vm, "spec.json", &spec, err);
	if (r < 0)
		return r;
	struct json_object *o = json_object_new_object();
	(void)snprintf(slash, sizeof(slash), "/%s", vm.name);
	json_put_str(o, "Id", vm.id);
	put_created(o, &vm);
	json_put_str(o, "Name", slash);
	copy(spec, "image_id", o, "Image", empty());
	put(o, "State", state_of(&vm, vmdir_running(&vm)));
	put(o, "Config", config_of(spec));
	put(o, "HostConfig", host_of(&vm, spec));
	put(o, "NetworkSettings", network_of(&vm));
	put(o, "Spec", json_object_get(spec));
	(void)json_object_array_add(list, o);
	return 0;
}

int cmd_inspect(struct manager *mgr, int argc, char **argv)
{
	const struct argp argp = {
		.options = options,
		.parser = parse,
		.args_doc = "VM...",
		.doc = "Print what VMs are made of and how they are, as JSON.",
	};
	struct inspect in = { 0 };
	struct err err;
	int status = 0;

	int r = cli_parse(&argp, "belljar inspect", argc, argv, &in, &err);
	if (r == CLI_HELPED)
		return 0;
	if (r == 0 && in.nr_names == 0)
		r = err_say(&err, EINVAL,
			    "no VM given; 'belljar ps -a' lists them");
	if (r == 0)
		r = vmdir_repair(mgr, &err);
	if (r == 0)
		gpu_repair(mgr);
	if (r < 0)
		return cmd_fail(&err);

	AUTO_JSON struct json_object *list = json_object_new_array();
	for (int i = 0; i < in.nr_names; i++)
		if (add(mgr, in.names[i], list, &err) < 0)
			status = cmd_fail(&err);
	(void)printf("%s\n",
		     json_object_to_json_string_ext(
			     list, JSON_C_TO_STRING_PRETTY |
					   JSON_C_TO_STRING_NOSLASHESCAPE));
	return status;
}

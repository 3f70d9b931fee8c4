/* SPDX-License-Identifier: Apache-2.0 */
/* spec.c - options and image become what runs. */
#include "vmm/manager/spec.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "vmm/abi/agent.h"
#include "vmm/lib/json.h"
#include "vmm/manager/devices.h"
#include "vmm/manager/image.h"
#include "vmm/manager/limits.h"
#include "vmm/manager/pin.h"

#define DEFAULT_PATH                                                           \
	"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
#define MIB		   ((uint64_t)1 << 20)
#define DEFAULT_MEMORY_MAX (2048 * MIB)

static int merge_args(const struct run_options *o, const struct image *img,
		      struct spec *s, struct err *err)
{
	const struct image_config *c = &img->config;
	int r = 0;

	if (!o->entrypoint)
		r = strv_add_all(&s->args, c->entrypoint);
	else if (o->entrypoint[0])
		r = strv_add(&s->args, "%s", o->entrypoint);

	char **rest = o->command;
	if (!rest[0] && !o->entrypoint)
		rest = c->cmd;
	if (r == 0)
		r = strv_add_all(&s->args, rest);
	if (r < 0)
		return err_set(err, -r, "put the command together");
	if (s->args.n == 0)
		return err_say(err, EINVAL,
			       "image '%s' names no command; give one behind "
			       "the image's name",
			       img->name);
	return 0;
}

static int merge_env(const struct run_options *o, const struct image *img,
		     struct spec *s, struct err *err)
{
	int r = strv_add(&s->env, DEFAULT_PATH);

	if (r == 0)
		r = strv_add(&s->env, "HOSTNAME=%s", s->hostname);
	if (r == 0 && o->tty)
		r = strv_add(&s->env, "TERM=xterm");
	for (char **e = img->config.env; r == 0 && *e; e++)
		r = strchr(*e, '=') ? strv_set_env(&s->env, *e) : 0;
	for (size_t i = 0; r == 0 && i < s->devices->env.n; i++)
		r = strv_set_env(&s->env, s->devices->env.v[i]);
	for (size_t i = 0; r == 0 && i < o->env_file.n; i++)
		r = strv_set_env(&s->env, o->env_file.v[i]);
	for (size_t i = 0; r == 0 && i < o->env.n; i++)
		r = strv_set_env(&s->env, o->env.v[i]);
	return r < 0 ? err_set(err, -r, "put the environment together") : 0;
}

/* Each setting travels in one record; *@sum is what all take together. */
static int check_lengths(const struct strv *list, const char *what, size_t *sum,
			 struct err *err)
{
	for (size_t i = 0; i < list->n; i++) {
		size_t len = strlen(list->v[i]);

		*sum += len;
		if (len > AGENT_MAX)
			return err_say(err, E2BIG,
				       "%s that begins with '%.20s' is longer "
				       "than %d bytes; pass it in a file",
				       what, list->v[i], AGENT_MAX);
	}
	return 0;
}

static int check_sizes(const struct spec *s, struct err *err)
{
	size_t sum = 4096; /* the rest: names, directories, addresses */
	int r = check_lengths(&s->args, "the argument", &sum, err);

	if (r == 0)
		r = check_lengths(&s->env, "the variable", &sum, err);
	if (r == 0 && sum > AGENT_SETTINGS)
		return err_say(err, E2BIG,
			       "arguments and environment are longer than %d "
			       "bytes together; pass some in a file",
			       AGENT_SETTINGS);
	return r;
}

uint64_t spec_default_memory(uint64_t host)
{
	return host / 2 < DEFAULT_MEMORY_MAX ? host / 2 : DEFAULT_MEMORY_MAX;
}

static int choose_memory(const struct run_options *o, uint64_t host,
			 struct spec *s, struct err *err)
{
	uint64_t least = s->kernel.min_memory;
	uint64_t memory = o->memory;

	if (!memory) {
		memory = spec_default_memory(host);
		if (memory < least)
			memory = least;
	}
	uint64_t rest = memory % (o->hugepages ? o->hugepages : MIB);
	if (rest && o->memory && o->hugepages)
		return err_say(err, ERANGE,
			       "--memory: %" PRIu64 " MiB are not whole pages "
			       "of --hugepages; give %" PRIu64 "m",
			       memory / MIB,
			       (memory - rest + o->hugepages) / MIB);
	memory -= rest;
	if (memory < least)
		return err_say(err, ERANGE,
			       "--memory: %" PRIu64 " MiB are too few for the "
			       "%s kernel; give it %" PRIu64 "m or more",
			       memory / MIB, s->kernel.flavour, least / MIB);
	if (memory > host)
		return err_say(err, ERANGE,
			       "--memory: %" PRIu64 " MiB are more than the "
			       "%" PRIu64 " MiB of this host; give less",
			       memory / MIB, host / MIB);
	s->memory = memory;
	return 0;
}

/* Why the VM's memory cannot grow; NULL: it can. */
static const char *why_fixed(const struct run_options *o, const struct spec *s)
{
	if (o->hugepages)
		return "huge pages are reserved when the VM starts";
	if (s->devices->set.nr)
		return "memory that devices of the host reach is fixed for "
		       "them at the start";
	if (s->devices->nr_numa)
		return "what is plugged in belongs to no NUMA node";
	return NULL;
}

static int choose_memory_max(const struct run_options *o, uint64_t host,
			     struct spec *s, struct err *err)
{
	uint64_t max = o->memory_max - o->memory_max % MIB;
	const char *why = why_fixed(o, s);

	if (!o->memory_max)
		return 0;
	if (why)
		return err_say(err, EINVAL,
			       "--memory-max: %s; leave it out, and give all "
			       "with -m",
			       why);
	if (max < s->memory + 2 * MIB)
		return err_say(err, ERANGE,
			       "--memory-max: %" PRIu64 " MiB are not more "
			       "than the %" PRIu64 " MiB that the VM starts "
			       "with; give %" PRIu64 "m or more, or less with "
			       "-m",
			       max / MIB, s->memory / MIB, s->memory / MIB + 2);
	if (max > host)
		return err_say(err, ERANGE,
			       "--memory-max: %" PRIu64 " MiB are more than "
			       "the %" PRIu64 " MiB of this host; give less",
			       max / MIB, host / MIB);
	s->memory_max = max;
	return 0;
}

static const char *first_of(const char *a, const char *b, const char *c)
{
	if (a && a[0])
		return a;
	return b && b[0] ? b : c;
}

int spec_make(const struct spec_parts *parts, struct spec *ret, struct err *err)
{
	const struct run_options *o = parts->options;
	const struct image *img = parts->image;
	struct spec *s = ret;

	*s = (struct spec){
		.options = o,
		.image_name = img->name,
		.image_id = img->id,
		.cwd = first_of(o->workdir, img->config.working_dir, "/"),
		.user = first_of(o->user, img->config.user, NULL),
		.cpus = o->cpus ? o->cpus : 1,
		.kernel = *parts->kernel,
		.devices = parts->devices,
		.allow = parts->allow,
		.log_max = o->log_max ? o->log_max : SPEC_LOG_MAX,
		.record = parts->record,
	};
	(void)snprintf(s->hostname, sizeof(s->hostname), "%s",
		       o->hostname ? o->hostname : parts->id);

	int r = merge_args(o, img, s, err);
	if (r == 0)
		r = merge_env(o, img, s, err);
	if (r == 0)
		r = check_sizes(s, err);
	if (r == 0)
		r = choose_memory(o, parts->host_memory, s, err);
	if (r == 0)
		r = choose_memory_max(o, parts->host_memory, s, err);
	return r;
}

void spec_done(struct spec *s)
{
	strv_done(&s->args);
	strv_done(&s->env);
}

static struct json_object *list_json(const struct strv *list)
{
	struct json_object *a = json_object_new_array();

	for (size_t i = 0; i < list->n; i++)
		(void)json_object_array_add(a,
					    json_object_new_string(list->v[i]));
	return a;
}

static void put_container(struct json_object *o, const struct spec *s)
{
	const struct run_options *opt = s->options;

	json_put_str(o, "image", s->image_name);
	json_put_str(o, "image_id", s->image_id);
	(void)json_object_object_add(o, "args", list_json(&s->args));
	(void)json_object_object_add(o, "env", list_json(&s->env));
	json_put_str(o, "cwd", s->cwd);
	json_put_str(o, "user", s->user);
	json_put_str(o, "hostname", s->hostname);
	json_put_bool(o, "interactive", opt->interactive);
	json_put_bool(o, "tty", opt->tty);
	json_put_bool(o, "read_only", opt->read_only);
	if (opt->shm_size)
		json_put_u64(o, "shm_size", opt->shm_size);
	if (opt->shares.n)
		(void)json_object_object_add(o, "shares",
					     shares_to_json(&opt->shares));
}

static void put_list(struct json_object *o, const char *key,
		     const struct strv *list)
{
	if (list->n)
		(void)json_object_object_add(o, key, list_json(list));
}

static void put_network(struct json_object *o, const struct network_options *n)
{
	json_put_str(o, "network", network_options_mode(n));
	json_put_str(o, "interface", network_options_interface(n));
	if (n->mtu)
		json_put_u64(o, "mtu", n->mtu);
	put_list(o, "ip", &n->addrs);
	put_list(o, "gateway", &n->gateways);
	put_list(o, "dns", &n->dns);
}

static void put_machine(struct json_object *o, const struct spec *s)
{
	const struct run_options *opt = s->options;
	const struct kernel *k = &s->kernel;

	json_put_u64(o, "cpus", s->cpus);
	json_put_u64(o, "memory", s->memory);
	if (s->memory_max)
		json_put_u64(o, "memory_max", s->memory_max);
	put_network(o, &opt->network);
	(void)json_object_object_add(o, "publish", list_json(&opt->publish));
	if (s->allow && s->allow->n)
		(void)json_object_object_add(o, "allow", pin_to_json(s->allow));
	json_put_str(o, "kernel", k->flavour);
	json_put_str(o, "kernel_image", k->image);
	json_put_str(o, "kernel_version", k->version[0] ? k->version : NULL);
	json_put_str(o, "modules", k->modules[0] ? k->modules : NULL);
	json_put_str(o, "kernel_modules", opt->kernel_modules);
	json_put_str(o, "kernel_firmware", opt->kernel_firmware);
	if (opt->kernel_module.n)
		(void)json_object_object_add(o, "kernel_module",
					     list_json(&opt->kernel_module));
	(void)json_object_object_add(o, "initrds", list_json(&opt->initrds));
	json_put_str(o, "hw", opt->fdt ? "fdt" : "acpi");
	json_put_str(o, "jail", jail_mode_name(opt->jail));
	json_put_bool(o, "serial", opt->serial);
}

static void put_devices(struct json_object *o, const struct spec *s)
{
	const struct devices *d = s->devices;

	if (s->options->hugepages)
		json_put_u64(o, "hugepages", s->options->hugepages);
	if (d->nr_numa) {
		struct json_object *nodes = json_object_new_array();

		for (unsigned i = 0; i < d->nr_numa; i++)
			(void)json_object_array_add(
				nodes, json_object_new_int((int)d->numa[i]));
		(void)json_object_object_add(o, "numa", nodes);
	}
	if (d->set.nr == 0)
		return;
	json_put_str(o, "pci_topology",
		     s->options->host_topology ? "host" : "flat");
	(void)json_object_object_add(o, "devices", devices_to_json(d));
}

struct json_object *spec_to_json(const struct spec *s)
{
	struct json_object *o = json_object_new_object();

	if (!o)
		return NULL;
	put_container(o, s);
	put_machine(o, s);
	put_devices(o, s);
	(void)json_object_object_add(o, "limits", limits_to_json(s));
	json_put_str(o, "profile", s->options->profile);
	json_put_str(o, "record", s->record);
	json_put_u64(o, "log_max", s->log_max);
	json_put_bool(o, "rm", s->options->rm);
	if (s->options->timeout)
		json_put_u64(o, "timeout", s->options->timeout);
	return o;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cmd_run.c - `belljar run`: check, resolve, make the VM's folder, fork the
 * keeper, attach to it.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "vmm/lib/auto.h"
#include "vmm/lib/json.h"
#include "vmm/lib/publish.h"
#include "vmm/manager/attach.h"
#include "vmm/manager/cli.h"
#include "vmm/manager/cmd.h"
#include "vmm/manager/cpuset.h"
#include "vmm/manager/devices.h"
#include "vmm/manager/gpu.h"
#include "vmm/manager/host.h"
#include "vmm/manager/image.h"
#include "vmm/manager/keeper.h"
#include "vmm/manager/kvm_check.h"
#include "vmm/manager/modules.h"
#include "vmm/manager/networks.h"
#include "vmm/manager/pin.h"
#include "vmm/manager/record.h"
#include "vmm/manager/run_options.h"
#include "vmm/manager/share_server.h"
#include "vmm/manager/store.h"
#include "vmm/manager/writable.h"

#define MIB ((uint64_t)1 << 20)

/* What is found out before anything is made. */
struct resolved {
	struct run_options options;
	struct store *store;
	struct image *image;
	struct devices devices;
	struct allow_list allow;
	struct spec spec;
	int modules; /* their disk, -1: none */
	char id[VMDIR_ID_LEN + 1];
	char record[PATH_MAX]; /* "": none */
	time_t started;
	struct timing timing;
};

static void resolved_done(struct resolved *r)
{
	spec_done(&r->spec);
	devices_done(&r->devices);
	image_free(r->image);
	if (r->modules >= 0)
		(void)close(r->modules);
	store_close(r->store);
	run_options_done(&r->options);
}

static void warn(const struct run_options *o, const char *text)
{
	if (!o->quiet)
		(void)fprintf(stderr, "belljar: %s\n", text);
}

static int check_kvm(const struct manager *mgr, const struct run_options *o,
		     struct err *err)
{
	AUTO_CLOSE int kvm = kvm_check_open(mgr->kvm, err);
	if (kvm < 0)
		return kvm;
	int r = kvm_check_caps(kvm, err);
	if (r == 0 && !o->no_kvm_check)
		r = kvm_check_hardware("/proc/cpuinfo", err);
	return r;
}

/* Sources of shares, and who would serve them. */
static int check_shares(struct run_options *o, struct err *err)
{
	char program[PATH_MAX];
	int r = shares_resolve(&o->shares, err);

	return r == 0 && o->shares.n > shares_images(&o->shares)
		       ? share_server_find(program, err)
		       : r;
}

static int check_options(struct run_options *o, struct err *err)
{
	struct publish p;
	int r = check_shares(o, err);

	if (o->interactive && o->tty && !isatty(STDIN_FILENO))
		return err_say(err, ENOTTY,
			       "the input device is not a TTY; leave out -t, "
			       "or run it from a terminal");
	for (size_t i = 0; r == 0 && i < o->publish.n; i++)
		r = publish_parse(o->publish.v[i], &p, err);
	return r;
}

/* Drivers of devices come as modules, which the minimal kernel takes none of.
 */
static int find_kernel(const struct manager *mgr, const struct run_options *o,
		       struct kernel *ret, struct err *err)
{
	if (!o->kernel && o->devices.n &&
	    kernel_installed(mgr->libdir, "stock", ret))
		return 0;
	return kernel_find(mgr->libdir, o->kernel, ret, err);
}

static bool has_modules(const struct run_options *o)
{
	return o->kernel_modules &&
	       strcmp(o->kernel_modules, MODULES_IMAGE) != 0;
}

/* That they are there, and some of them where --numa puts vCPUs. */
static int check_cpus(const struct manager *mgr, const struct resolved *res,
		      struct err *err)
{
	const char *cpus = res->options.limits.cpuset_cpus;
	const struct devices *d = &res->devices;
	int r = cpus ? cpuset_check(mgr->sys.root, cpus, err) : 0;

	return r == 0 && cpus ? cpuset_check_nodes(mgr->sys.root, cpus, d->numa,
						   d->nr_numa, err)
			      : r;
}

static int check_network(const struct manager *mgr, const struct run_options *o,
			 struct err *err)
{
	struct network net;

	if (o->network.kind != NETWORK_NAMED)
		return 0;
	int r = networks_open(mgr, o->network.name, false, &net, err);
	if (r == 0 && net.internal && o->publish.n)
		return err_say(err, EINVAL,
			       "-p %s needs a way in, and network '%s' is "
			       "internal; leave one out",
			       o->publish.v[0], net.name);
	return r;
}

static int resolve(const struct manager *mgr, struct resolved *res,
		   struct err *err)
{
	struct kernel kernel;
	int r = find_kernel(mgr, &res->options, &kernel, err);

	if (r == 0)
		r = check_network(mgr, &res->options, err);
	if (r == 0)
		r = shares_check_kernel(&res->options.shares, kernel.flavour,
					err);
	if (r == 0)
		r = store_open(mgr->data, &res->store, err);
	if (r == 0)
		r = image_find(res->store, res->options.image, &res->image,
			       err);
	if (r == 0 && has_modules(&res->options))
		r = modules_check(res->options.kernel_modules,
				  res->options.kernel_firmware, &kernel, err);
	if (r == 0)
		r = vmdir_new_id(res->id, err);
	if (r == 0)
		r = devices_choose(mgr, &res->options, &res->devices, err);
	if (r == 0)
		r = check_cpus(mgr, res, err);
	if (r == 0)
		r = pin_all(&res->options.allow, &res->allow, err);
	if (r == 0)
		r = record_path(mgr, &res->options, res->id, res->record, err);
	if (r < 0)
		return r;
	const struct spec_parts parts = {
		.options = &res->options,
		.image = res->image,
		.kernel = &kernel,
		.devices = &res->devices,
		.allow = &res->allow,
		.id = res->id,
		.host_memory = host_meminfo("MemTotal"),
		.record = res->record[0] ? res->record : NULL,
	};
	r = spec_make(&parts, &res->spec, err);
	if (r == 0)
		r = devices_check_memory(mgr, &res->devices, res->spec.memory,
					 res->options.hugepages, err);
	return r;
}

static int find_modules(struct resolved *res, struct err *err)
{
	const struct run_options *o = &res->options;

	if (!has_modules(o))
		return 0;
	int fd = modules_prepare(res->store, o->kernel_modules,
				 o->kernel_firmware, o->quiet,
				 &res->spec.kernel, err);
	if (fd < 0)
		return fd;
	res->modules = fd;
	return 0;
}

static int print_plan(const struct spec *spec, struct err *err)
{
	AUTO_JSON struct json_object *o = spec_to_json(spec);

	if (!o)
		return cmd_fail((err_set(err, ENOMEM, "print the plan"), err));
	(void)printf("%s\n",
		     json_object_to_json_string_ext(
			     o, JSON_C_TO_STRING_PRETTY |
					JSON_C_TO_STRING_NOSLASHESCAPE));
	return 0;
}

static int add_memory(const struct vmdir *vm, void *arg)
{
	AUTO_JSON struct json_object *spec = NULL;
	uint64_t *sum = arg;
	int64_t memory = 0;

	if (vmdir_running(vm) &&
	    vmdir_read(vm, "spec.json", &spec, NULL) == 0 &&
	    json_get_i64(spec, "memory", &memory, NULL) == 0)
		*sum += (uint64_t)memory;
	return 0;
}

/* Not an error: guests seldom touch all they may. */
static void warn_memory(const struct manager *mgr, const struct spec *spec)
{
	uint64_t host = host_meminfo("MemTotal");
	uint64_t sum = 0;

	(void)vmdir_walk(mgr, add_memory, &sum, NULL);
	if (!spec->options->quiet && sum + spec->memory > host)
		(void)fprintf(stderr,
			      "belljar: the VMs that run now may use %llu MiB "
			      "together with this one, more than the %llu MiB "
			      "of this host; -m gives one less\n",
			      (unsigned long long)((sum + spec->memory) / MIB),
			      (unsigned long long)(host / MIB));
}

/* What a person may not expect of a VM with devices, once. */
static void warn_devices(const struct resolved *res)
{
	const struct run_options *o = &res->options;
	const struct devices *d = &res->devices;
	char text[400];

	if (devices_given(d)) {
		(void)snprintf(text, sizeof(text),
			       "the VM's %llu MiB of memory are taken from the "
			       "host at once and until its end: its devices "
			       "may reach any of it",
			       (unsigned long long)(res->spec.memory / MIB));
		warn(o, text);
	}
	if (devices_given(d) && o->profile)
		warn(o,
		     "a device keeps its firmware and settings when the VM "
		     "ends: after an untrusted guest trust it no more than the "
		     "guest, or load its firmware anew");
	if (d->cdi_name) {
		(void)snprintf(text, sizeof(text),
			       "mounts and hooks of CDI device '%s' are left "
			       "out: they bring the host's driver, and the VM "
			       "has its own",
			       d->cdi_name);
		warn(o, text);
	}
}

static int make_folder(const struct manager *mgr, struct resolved *res,
		       struct vmdir *vm, struct err *err)
{
	char path[PATH_MAX];
	int r = vmdir_create(mgr, res->id, res->options.name, vm, err);
	if (r < 0)
		return r;

	AUTO_JSON struct json_object *o = spec_to_json(&res->spec);
	r = vmdir_write(vm, "spec.json", o, err);
	if (r == 0 && !res->options.read_only) {
		vmdir_file(vm->path, "layer.ext4", path);
		r = writable_create(mgr->data, path, err);
	}
	if (r < 0) {
		(void)vmdir_remove(vm, NULL);
		vmdir_close(vm);
	}
	return r;
}

/* A full disk can show at any step; the remedy is the same. */
static int say_full(const struct manager *mgr, struct err *err)
{
	if (err->code != ENOSPC && err->code != EDQUOT)
		return cmd_fail(err);
	(void)err_say(err, err->code,
		      "the store is full: no room for a VM in '%s'; free some "
		      "with 'belljar rm' and 'belljar rmi'",
		      mgr->data);
	return cmd_fail(err);
}

/* Keep @nr descriptors, renumbered from 3 on, and nothing else. */
static int keep_only(int *fds[], int nr)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	for (int i = 0; i < nr; i++) {
		*fds[i] = fcntl(*fds[i], F_DUPFD_CLOEXEC, 64);
		if (*fds[i] < 0)
			return -errno;
	}
	for (int i = 0; i < 3; i++)
		if (dup2(null, i) < 0)
			return -errno;
	for (int i = 0; i < nr; i++) {
		if (dup3(*fds[i], 3 + i, O_CLOEXEC) < 0)
			return -errno;
		*fds[i] = 3 + i;
	}
	return close_range((unsigned)(3 + nr), ~0U, 0) < 0 ? -errno : 0;
}

/* In the child: everything that a closing terminal could take along goes. */
static int be_keeper(const struct manager *mgr, struct resolved *res,
		     struct vmdir *vm, int cli)
{
	struct keeper_plan plan = {
		.mgr = mgr,
		.spec = &res->spec,
		.vm = vm,
		.rootfs = res->image->rootfs,
		.modules = res->modules,
		.size = attach_size(),
		.timing = res->timing,
		.started = res->started,
	};
	int *fds[] = { &cli, &vm->lock, &plan.rootfs, &plan.modules };

	plan.timing.spawn = timing_now();
	(void)setsid();
	if (keep_only(fds, plan.modules >= 0 ? 4 : 3) < 0)
		return EXIT_BELLJAR;
	res->image->rootfs = -1;
	res->modules = -1;
	return keeper_run(&plan, cli);
}

static int attach(const struct resolved *res, int keeper, pid_t pid)
{
	const struct run_options *o = &res->options;
	const struct attach a = {
		.interactive = o->interactive,
		.tty = o->tty,
		.quiet = o->quiet,
		.id = res->id,
	};
	AUTO_JSON struct json_object *times = NULL;
	int status = attach_run(&a, keeper, &times);

	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	if (o->timing && times)
		timing_print(times, stderr);
	return status;
}

static int start(const struct manager *mgr, struct resolved *res,
		 struct err *err)
{
	struct vmdir vm = VMDIR_NONE;
	int pair[2];

	int r = make_folder(mgr, res, &vm, err);
	if (r < 0)
		return say_full(mgr, err);
	res->started = time(NULL);
	r = record_write(&res->spec, &vm, res->started, NULL, err);
	if (r < 0) {
		(void)vmdir_remove(&vm, NULL);
		vmdir_close(&vm);
		return cmd_fail(err);
	}
	(void)fflush(NULL);
	pid_t pid = -1;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0) {
		pid = fork();
		if (pid == 0)
			return be_keeper(mgr, res, &vm, pair[1]);
		(void)close(pair[1]);
	}
	if (pid < 0) {
		(void)err_set(err, errno, "start the keeper");
		const struct record_end end = { .status = EXIT_BELLJAR,
						.error = err->msg };
		(void)record_write(&res->spec, &vm, res->started, &end, NULL);
		(void)vmdir_remove(&vm, NULL);
		vmdir_close(&vm);
		return cmd_fail(err);
	}
	/* The lock is the keeper's now: it is free when the keeper dies. */
	vmdir_close(&vm);
	return attach(res, pair[0], pid);
}

int cmd_run(struct manager *mgr, int argc, char **argv)
{
	__attribute__((cleanup(resolved_done))) struct resolved res = {
		.timing.begin = timing_now(),
		.options.jail = JAIL_DEFAULT,
		.modules = -1,
	};
	struct err err = { 0 };

	int r = run_options_parse(argc, argv, &res.options, &err);
	if (r == CLI_HELPED)
		return 0;
	if (r == 0)
		r = check_options(&res.options, &err);
	/* What a killed VM had is the host's again before we look at it. */
	if (r == 0 && !res.options.dry_run) {
		gpu_repair(mgr);
		r = vmdir_repair(mgr, &err);
	}
	if (r == 0)
		r = resolve(mgr, &res, &err);
	/* Last: who mistyped a name wants to hear of that first. */
	if (r == 0 && !res.options.dry_run)
		r = check_kvm(mgr, &res.options, &err);
	if (r < 0)
		return cmd_fail(&err);
	res.timing.image = timing_now();
	if (res.options.dry_run)
		return print_plan(&res.spec, &err);
	if (find_modules(&res, &err) < 0)
		return cmd_fail(&err);

	attach_block_signals();
	warn_memory(mgr, &res.spec);
	warn_devices(&res);
	return start(mgr, &res, &err);
}

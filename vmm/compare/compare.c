/* SPDX-License-Identifier: Apache-2.0 */
/* compare.c - the image, the peers, the rounds: one comparison. */
#include "vmm/compare/compare.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "vmm/compare/command.h"
#include "vmm/compare/machine.h"
#include "vmm/lib/auto.h"
#include "vmm/lib/json.h"
#include "vmm/manager/bundle.h"
#include "vmm/manager/host.h"
#include "vmm/manager/load.h"
#include "vmm/manager/spec.h"
#include "vmm/manager/store.h"

#define MIB	   ((uint64_t)1 << 20)
#define MEMORY_MIN (128 * MIB)
#define NO_GPU	   "no GPU was asked for: --gpus"

bool compare_any(const struct result *res)
{
	for (size_t row = 0; row < NR_ROWS; row++)
		for (size_t i = 0; i < res->nr_peers; i++)
			if (res->samples[row][i].n)
				return true;
	return false;
}

/* The image that the build made, in the store as it is now. */
static int load_builtin(const struct peer_world *w, bool quiet, struct err *err)
{
	AUTO_STORE_TMP struct store_tmp tmp = STORE_TMP_NONE;
	AUTO_BUNDLE struct bundle *bundle = NULL;
	AUTO_FCLOSE FILE *null = fopen("/dev/null", "we");
	struct progress progress;
	char path[PATH_MAX];

	if (!null)
		return err_set(err, errno, "open '/dev/null'");
	if (snprintf(path, sizeof(path), "%s/compare/image", w->mgr->libdir) >=
	    (int)sizeof(path))
		return err_set(err, ENAMETOOLONG, "'%s'", w->mgr->libdir);
	if (access(path, R_OK) < 0)
		return err_say(err, ENOENT,
			       "the built-in image '%s' is not there; build "
			       "it with 'make', or give an IMAGE",
			       path);
	progress_init(&progress, quiet);
	int r = store_tmp_new(w->store, &tmp, err);
	if (r == 0)
		r = bundle_from_dir(path, &bundle, err);
	if (r == 0)
		r = load_bundle(w->store, bundle, tmp.path, NULL, &progress,
				null, err);
	return r;
}

static int find_image(struct peer_world *w, const struct compare_plan *plan,
		      struct err *err)
{
	int r = plan->image ? 0 : load_builtin(w, plan->quiet, err);

	if (r == 0)
		r = image_find(w->store,
			       plan->image ? plan->image : SUITE_IMAGE,
			       &w->image, err);
	if (r == 0)
		store_image_path(w->store, w->image->id, "rootfs.squashfs",
				 w->rootfs);
	return r;
}

/* Of VMs that have the GPU. */
static int find_gpu_image(struct peer_world *w, const struct compare_plan *plan,
			  struct err *err)
{
	struct image *image = NULL;
	int r = 0;

	if (plan->gpu.image)
		r = image_find(w->store, plan->gpu.image, &image, err);
	if (r < 0)
		return err_wrap(err, "--gpu-image");
	if (image)
		(void)snprintf(w->gpu.image, sizeof(w->gpu.image), "%s",
			       image->id);
	image_free(image);
	return 0;
}

static int find_self(struct peer_world *w, struct err *err)
{
	ssize_t n = readlink("/proc/self/exe", w->self, sizeof(w->self) - 1);

	if (n < 0)
		return err_set(err, errno, "find this program");
	w->self[n] = '\0';
	return 0;
}

static int find_peer(struct runner *run, const struct peer_ops *ops)
{
	struct result_peer *p = &run->res->peers[run->res->nr_peers];
	struct err err = { 0 };
	int r = 0;

	(void)snprintf(p->name, sizeof(p->name), "%s", ops->name);
	if (ops->walls && geteuid() != 0)
		r = err_say(&err, EPERM,
			    "needs root, to mount its file system");
	if (r == 0)
		r = ops->find(ops, &run->world, p->version, &err);
	if (r == 0 && ops->unpacked) {
		r = peer_unpack(&run->world, &err);
		if (r == -EINTR)
			return r;
	}
	if (r == 0)
		run->peers[run->res->nr_peers] = ops;
	else
		(void)snprintf(p->absent, sizeof(p->absent), "%.*s",
			       RESULT_TEXT_MAX - 1, err.msg);
	run->res->nr_peers++;
	return 0;
}

/* All in one sentence: what was wanted, and why each of it is not here. */
static int nobody(const struct result *res, struct err *err)
{
	char why[400];
	size_t n = 0;

	why[0] = '\0';
	for (size_t i = 0; i < res->nr_peers && n < sizeof(why); i++)
		n += (size_t)snprintf(why + n, sizeof(why) - n, "%s%s: %s",
				      i ? "; " : "", res->peers[i].name,
				      res->peers[i].absent);
	return err_say(err, ENOENT, "nothing to compare: %s", why);
}

static int find_peers(struct runner *run, const struct compare_plan *plan,
		      struct err *err)
{
	size_t here = 0;

	for (size_t i = 0; peers_all[i]; i++) {
		if (plan->chosen && !plan->with[i])
			continue;
		if (find_peer(run, peers_all[i]) < 0)
			return err_say(err, EINTR, "interrupted");
		here += run->peers[run->res->nr_peers - 1] != NULL;
	}
	if (here == 0)
		return nobody(run->res, err);
	if (here == 1 && !plan->quiet)
		(void)fputs("belljar: only one of them is here: there is "
			    "nothing to compare it with\n",
			    stderr);
	return 0;
}

static void describe(struct runner *run, const struct compare_plan *plan)
{
	struct result *res = run->res;
	time_t now = time(NULL);
	size_t n = 0;
	struct tm tm;

	(void)snprintf(res->suite, sizeof(res->suite), "%s", run->suite->name);
	(void)snprintf(res->image, sizeof(res->image), "%s",
		       run->world.image->name);
	for (char *const *w = plan->image ? plan->command : NULL;
	     w && *w && n < sizeof(res->command); w++)
		n += (size_t)snprintf(res->command + n,
				      sizeof(res->command) - n, "%s%s",
				      n ? " " : "", *w);
	(void)gmtime_r(&now, &tm);
	(void)strftime(res->begun, sizeof(res->begun), "%Y-%m-%dT%H:%M:%SZ",
		       &tm);
	res->runs = plan->runs ? plan->runs : run->suite->runs;
	res->machine = machine_describe("", &res->emulated);
	if (run->world.gpu.bdf[0])
		json_put_str(res->machine, "gpu", run->world.gpu.name);
	else if (!plan->image)
		for (enum row row = ROW_GPU_COPY_IN; row <= ROW_GPU_STEP; row++)
			(void)snprintf(res->empty[row], sizeof(res->empty[row]),
				       NO_GPU);
}

static int check_memory(const struct runner *run, struct err *err)
{
	if (run->memory < MEMORY_MIN)
		return err_say(err, ERANGE,
			       "--memory: %llu MiB are too few for a VM; give "
			       "128m or more",
			       (unsigned long long)(run->memory / MIB));
	if (run->memory > host_meminfo("MemTotal"))
		return err_say(
			err, ERANGE,
			"--memory: this machine has less: %llu MiB",
			(unsigned long long)(host_meminfo("MemTotal") / MIB));
	return 0;
}

static int prepare(struct runner *run, const struct compare_plan *plan,
		   const char *scratch, struct err *err)
{
	int r = check_memory(run, err);

	if (r == 0)
		r = find_self(&run->world, err);
	if (r == 0)
		r = gpu_find(run->world.mgr, &plan->gpu, &run->world.gpu, err);
	if (r == 0)
		r = find_gpu_image(&run->world, plan, err);
	if (r == 0)
		r = find_image(&run->world, plan, err);
	if (r < 0)
		return r;
	(void)snprintf(run->world.scratch, sizeof(run->world.scratch), "%s",
		       scratch);
	r = find_peers(run, plan, err);
	if (r == 0)
		describe(run, plan);
	return r;
}

int compare_measure(struct manager *mgr, const struct compare_plan *plan,
		    int stop, struct result *res, struct err *err)
{
	AUTO_STORE struct store *store = NULL;
	AUTO_STORE_TMP struct store_tmp tmp = STORE_TMP_NONE;
	struct turn turns[RESULT_PEERS_MAX] = { 0 };
	AUTO_FREE struct runner *run = calloc(1, sizeof(*run));
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);

	if (!run)
		return err_set(err, ENOMEM, "compare");
	int r = store_open(mgr->data, &store, err);
	if (r == 0)
		r = store_tmp_new(store, &tmp, err);
	if (r < 0)
		return r;
	run->res = res;
	run->suite = plan->image   ? &suite_command
		     : plan->suite ? plan->suite
				   : suite_find("quick");
	run->command = plan->command;
	run->memory = plan->memory
			      ? plan->memory
			      : spec_default_memory(host_meminfo("MemTotal"));
	run->memory -= run->memory % MIB;
	run->cpus = cpus > 0 ? (unsigned)cpus : 1;
	run->stop = stop;
	run->quiet = plan->quiet;
	run->turns = turns;
	run->world.mgr = mgr;
	run->world.store = store;
	r = prepare(run, plan, tmp.path, err);
	if (r == 0)
		r = runner_run(run, res->runs);
	if (r == -EINTR)
		(void)err_say(err, EINTR, "interrupted");
	image_free(run->world.image);
	return r;
}

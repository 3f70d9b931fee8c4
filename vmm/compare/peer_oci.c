/* SPDX-License-Identifier: Apache-2.0 */
/* peer_oci.c - containers, by a runtime of the OCI: runc, crun, runsc. */
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include "vmm/compare/peer.h"
#include "vmm/lib/auto.h"
#include "vmm/lib/io.h"
#include "vmm/lib/json.h"

#define CGROUPS "/sys/fs/cgroup"
#define NO_LIBRARY                                                             \
	"the CDI file should mount it; 'nvidia-ctk cdi generate' writes one "  \
	"for the driver that is here"

static int write_bundle(const struct peer_world *w, const struct peer_job *job,
			struct instance *inst, struct err *err)
{
	AUTO_JSON struct json_object *doc = oci_bundle(inst, w, job);
	AUTO_JSON struct json_object *edits = NULL;
	char path[PATH_MAX + 16];
	size_t len;
	int r = 0;

	if (!doc)
		return err_set(err, ENOMEM, "write a container's config.json");
	if (job->gpu)
		r = gpu_edits(w->mgr, &w->gpu, &edits, err);
	if (r == 0 && edits)
		r = oci_edits_apply(doc, edits, err);
	if (r < 0)
		return r;
	const char *text = json_object_to_json_string_length(
		doc, JSON_C_TO_STRING_NOSLASHESCAPE, &len);
	(void)snprintf(path, sizeof(path), "%s/config.json", inst->dir);
	return io_write_file(path, text, len, err);
}

static int launch(const struct peer_world *w, const struct peer_job *job,
		  struct instance *inst, struct err *err)
{
	struct in_addr near;

	if (strv_add_all(&inst->env, environ) < 0 ||
	    strv_add(&inst->argv, "%s", inst->ops->program) < 0 ||
	    strv_add(&inst->argv, "--root") < 0 ||
	    strv_add(&inst->argv, "%s/state", inst->dir) < 0 ||
	    strv_add(&inst->argv, "run") < 0 ||
	    strv_add(&inst->argv, "--bundle") < 0 ||
	    strv_add(&inst->argv, "%s", inst->dir) < 0 ||
	    strv_add(&inst->argv, "%s", inst->id) < 0)
		return err_set(err, ENOMEM, "start a container");
	if (job->port) {
		inst->address.sin_family = AF_INET;
		inst->address.sin_port = htons(job->port);
		walls_address((unsigned)getpid() + w->next, &near,
			      &inst->address.sin_addr);
	}
	return write_bundle(w, job, inst, err);
}

static int enter(void *arg, struct err *err)
{
	const struct instance *inst = arg;
	int r = walls_mount(inst, err);

	if (r == 0 && inst->net)
		r = walls_network(inst, err);
	return r;
}

/*
 * crun refuses hosts that mount both versions of cgroups with controllers in
 * each.  Version 1 is what limits its containers there, so in its own mount
 * namespace the other is put away.
 */
static int enter_crun(void *arg, struct err *err)
{
	int r = enter(arg, err);

	if (r == 0)
		(void)umount2(CGROUPS "/unified", MNT_DETACH);
	return r;
}

/* Children first: a runtime may have made some below its own. */
static void remove_cgroup(const char *path)
{
	AUTO_DIR DIR *dir = opendir(path);
	const struct dirent *d;
	char child[PATH_MAX];

	while (dir &&
	       (d = readdir(dir)) != NULL) // NOLINT(concurrency-mt-unsafe)
		if (d->d_type == DT_DIR && d->d_name[0] != '.' &&
		    snprintf(child, sizeof(child), "%s/%s", path, d->d_name) <
			    (int)sizeof(child))
			(void)rmdir(child);
	(void)rmdir(path);
}

/*
 * A runtime that was killed leaves its cgroup, in the one hierarchy of version
 * 2 or in each of version 1; below the root of them, or below our own.
 */
static void clean_below(const char *hierarchy, const char *id)
{
	char path[PATH_MAX], own[PATH_MAX];

	(void)snprintf(path, sizeof(path), "%s/belljar-%s", hierarchy, id);
	remove_cgroup(path);
	AUTO_FCLOSE FILE *f = fopen("/proc/self/cgroup", "re");
	while (f && fgets(own, sizeof(own), f)) {
		const char *at = strrchr(own, ':');

		own[strcspn(own, "\n")] = '\0';
		if (!at || strcmp(at, ":/") == 0 ||
		    snprintf(path, sizeof(path), "%s%s/belljar-%s", hierarchy,
			     at + 1, id) >= (int)sizeof(path))
			continue;
		remove_cgroup(path);
	}
}

static void clean(void *arg)
{
	const struct instance *inst = arg;
	AUTO_DIR DIR *dir = opendir(CGROUPS);
	const struct dirent *d;
	char path[PATH_MAX];

	clean_below(CGROUPS, inst->id);
	while (dir &&
	       (d = readdir(dir)) != NULL) // NOLINT(concurrency-mt-unsafe)
		if (d->d_type == DT_DIR && d->d_name[0] != '.' &&
		    snprintf(path, sizeof(path), CGROUPS "/%s", d->d_name) <
			    (int)sizeof(path))
			clean_below(path, inst->id);
}

const struct peer_ops peer_runc = {
	.name = "runc",
	.program = "runc",
	.package = "runc",
	.walls = true,
	.unpacked = true,
	.host_gpu = true,
	.no_library = NO_LIBRARY,
	.find = peer_version,
	.launch = launch,
	.enter = enter,
	.clean = clean,
};

const struct peer_ops peer_crun = {
	.name = "crun",
	.program = "crun",
	.package = "crun",
	.walls = true,
	.unpacked = true,
	.host_gpu = true,
	.no_library = NO_LIBRARY,
	.find = peer_version,
	.launch = launch,
	.enter = enter_crun,
	.clean = clean,
};

const struct peer_ops peer_gvisor = {
	.name = "gvisor",
	.program = "runsc",
	.package = "gVisor",
	.walls = true,
	.unpacked = true,
	.no_gpu = "gVisor has GPUs by its nvproxy, which is not set up here",
	.find = peer_version,
	.launch = launch,
	.enter = enter,
	.clean = clean,
};

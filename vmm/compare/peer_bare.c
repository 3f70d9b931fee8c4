/* SPDX-License-Identifier: Apache-2.0 */
/*
 * peer_bare.c - no walls but another root directory: what the same machine
 * does with the same files.  A job with the GPU has not even that: the driver's
 * libraries are where the host's programs look for them.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "vmm/compare/peer.h"
#include "vmm/lib/io.h"

static int find(const struct peer_ops *ops, const struct peer_world *w,
		char version[PEER_VERSION_MAX], struct err *err)
{
	struct utsname u;

	(void)ops;
	(void)w;
	if (uname(&u) < 0)
		return err_set(err, errno, "ask for the kernel's version");
	(void)snprintf(version, PEER_VERSION_MAX, "Linux %.*s",
		       PEER_VERSION_MAX - 8, u.release);
	return 0;
}

/* The program lies in the unpacked image; its loader is the host's. */
static int host_args(const struct peer_world *w, const struct peer_job *job,
		     struct instance *inst, struct err *err)
{
	if (strv_add(&inst->argv, "%s%s", w->lower, job->args[0]) < 0 ||
	    strv_add_all(&inst->argv, job->args + 1) < 0)
		return err_set(err, ENOMEM, "prepare a job");
	return 0;
}

/* A driver that is nowhere usual is found as other programs find it. */
static int host_env(struct instance *inst, struct err *err)
{
	static const char name[] = "LD_LIBRARY_PATH";
	const char *path = getenv(name);

	if (path && strv_add(&inst->env, "%s=%s", name, path) < 0)
		return err_set(err, ENOMEM, "prepare a job");
	return 0;
}

static int launch(const struct peer_world *w, const struct peer_job *job,
		  struct instance *inst, struct err *err)
{
	int r = job->gpu ? host_args(w, job, inst, err)
			 : peer_args(w, job, &inst->argv, err);

	if (r == 0)
		r = peer_env(w, &inst->env, err);
	if (r == 0 && job->gpu)
		r = host_env(inst, err);
	if (r == 0 && job->port) {
		/* The host's network: the port is the job's own. */
		inst->address = (struct sockaddr_in){
			.sin_family = AF_INET,
			.sin_port = htons(job->port),
			.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
		};
	}
	return r;
}

/* The host's, as every process has them. */
static int mount_host(const char *root, struct err *err)
{
	static const char *const trees[] = { "proc", "sys", "dev" };
	char from[16], to[PATH_MAX];

	for (size_t i = 0; i < sizeof(trees) / sizeof(trees[0]); i++) {
		(void)snprintf(from, sizeof(from), "/%s", trees[i]);
		if (snprintf(to, sizeof(to), "%s/%s", root, trees[i]) >=
		    (int)sizeof(to))
			return err_set(err, ENAMETOOLONG, "'%s'", root);
		if (mkdir(to, 0755) < 0 && errno != EEXIST)
			return err_set(err, errno, "make directory '%s'", to);
		if (mount(from, to, NULL, MS_BIND | MS_REC, NULL) < 0)
			return err_set(err, errno, "mount '%s'", to);
	}
	return 0;
}

static int become(const struct peer_world *w, struct err *err)
{
	const struct user *u = &w->user;
	const char *dir = w->image->config.working_dir;

	if (!dir || !dir[0])
		dir = "/";
	/* docker makes the directory when the image lacks it */
	int r = io_mkdirs(dir, 0755, err);
	if (r < 0)
		return r;
	if (chdir(dir) < 0)
		return err_set(err, errno, "enter the directory '%s'", dir);
	if (setgroups(u->nr_groups, u->groups) < 0 || setgid(u->gid) < 0 ||
	    setuid(u->uid) < 0)
		return err_set(err, errno, "become user %u", u->uid);
	return 0;
}

static int enter(void *arg, struct err *err)
{
	const struct instance *inst = arg;
	char root[PATH_MAX];

	if (inst->gpu)
		return become(inst->world, err);
	int r = walls_mount(inst, err);
	if (r == 0 && snprintf(root, sizeof(root), "%s/rootfs", inst->dir) >=
			      (int)sizeof(root))
		return err_set(err, ENAMETOOLONG, "'%s'", inst->dir);
	if (r == 0)
		r = mount_host(root, err);
	if (r < 0)
		return r;
	if (chroot(root) < 0 || chdir("/") < 0)
		return err_set(err, errno, "enter '%s'", root);
	return become(inst->world, err);
}

const struct peer_ops peer_bare = {
	.name = "bare",
	.walls = true,
	.unpacked = true,
	.host_gpu = true,
	.no_library = "install the libraries of the GPU's driver (Debian: "
		      "libcuda1)",
	.find = find,
	.launch = launch,
	.enter = enter,
};

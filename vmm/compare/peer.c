/* SPDX-License-Identifier: Apache-2.0 */
/* peer.c - the list of peers, and what they have in common. */
#include "vmm/compare/peer.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vmm/lib/auto.h"
#include "vmm/lib/io.h"
#include "vmm/manager/timing.h"
#include "vmm/manager/tool.h"

#define PATH_DEFAULT                                                           \
	"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
#define NS_PER_S  1000000000ULL
#define VERSION_S 10

const struct peer_ops *const peers_all[] = {
	&peer_bare, &peer_runc,	  &peer_crun, &peer_belljar,
	&peer_qemu, &peer_gvisor, NULL,
};

const struct peer_ops *peer_find(const char *name)
{
	for (size_t i = 0; peers_all[i]; i++)
		if (strcmp(peers_all[i]->name, name) == 0)
			return peers_all[i];
	return NULL;
}

static int no_memory(struct err *err)
{
	return err_set(err, ENOMEM, "prepare a job");
}

int peer_args(const struct peer_world *w, const struct peer_job *job,
	      struct strv *ret, struct err *err)
{
	const struct image_config *c = &w->image->config;
	char *const *cmd = job->args && job->args[0] ? job->args : c->cmd;

	if (strv_add_all(ret, c->entrypoint) < 0 || strv_add_all(ret, cmd) < 0)
		return no_memory(err);
	if (ret->n == 0)
		return err_say(err, EINVAL,
			       "the image says no command; give one after it");
	return 0;
}

int peer_env(const struct peer_world *w, struct strv *ret, struct err *err)
{
	char home[sizeof(w->user.home) + 8];

	(void)snprintf(home, sizeof(home), "HOME=%s",
		       w->user.home[0] ? w->user.home : "/");
	if (strv_add(ret, "%s", PATH_DEFAULT) < 0 ||
	    strv_add(ret, "%s", home) < 0)
		return no_memory(err);
	for (char **e = w->image->config.env; *e; e++)
		if (strv_set_env(ret, *e) < 0)
			return no_memory(err);
	return 0;
}

int peer_unpack(struct peer_world *w, struct err *err)
{
	AUTO_TOOL struct tool tool = TOOL_NONE;
	char dir[PATH_MAX];

	if (w->lower[0])
		return 0;
	if (snprintf(dir, sizeof(dir), "%s/image", w->scratch) >=
	    (int)sizeof(dir))
		return err_set(err, ENAMETOOLONG, "'%s'", w->scratch);
	if (mkdir(dir, 0755) < 0 && errno != EEXIST)
		return err_set(err, errno, "make directory '%s'", dir);
	/* Owners, devices and attributes are root's to give. */
	const char *mode = geteuid() == 0 ? "-OX" : "-D";
	const char *argv[] = { "rdsquashfs", "-q", mode, "-C",	    "-T", "-p",
			       dir,	     "-u", "/",	 w->rootfs, NULL };
	int r = tool_start(&tool, argv, "squashfs-tools-ng", 0, err);
	if (r == 0)
		r = tool_wait(&tool, err);
	if (r == 0)
		r = user_find(dir, w->image->config.user, &w->user, err);
	if (r < 0)
		return err_wrap(err, "unpack the image");
	memcpy(w->lower, dir, sizeof(w->lower));
	return 0;
}

int peer_free_port(struct sockaddr_in *ret, struct err *err)
{
	struct sockaddr_in a = { .sin_family = AF_INET,
				 .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(a);

	AUTO_CLOSE int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof(a)) < 0 ||
	    getsockname(fd, (struct sockaddr *)&a, &len) < 0)
		return err_set(err, errno, "find a free TCP port");
	*ret = a;
	return 0;
}

/* "runc version 1.1.5+ds1" -> "1.1.5+ds1"; else the line as it is. */
static void shorten(const char *line, char version[PEER_VERSION_MAX])
{
	const char *v = strstr(line, "version ");

	(void)snprintf(version, PEER_VERSION_MAX, "%.*s", PEER_VERSION_MAX - 1,
		       v ? v + strlen("version ") : line);
	char *end = strpbrk(version, " ,(");
	if (v && end)
		*end = '\0';
}

int peer_version(const struct peer_ops *ops, const struct peer_world *w,
		 char version[PEER_VERSION_MAX], struct err *err)
{
	char option[] = "--version";
	char *argv[] = { (char *)(uintptr_t)ops->program, option, NULL };
	const struct job_spec spec = { .argv = argv, .lines = true };
	AUTO_JOB struct job *job = NULL;
	struct job_line line;
	struct err why;

	(void)w;
	int r = job_start(&spec, timing_now(), &job, err);
	if (r < 0)
		return r;
	r = job_expect(job, "", -1, timing_now() + VERSION_S * NS_PER_S, &line,
		       &why);
	if (r < 0 && job->failed[0])
		return err_say(err, ENOENT, "'%s' is not installed; install %s",
			       ops->program, ops->package);
	if (r < 0)
		return err_say(err, ENOENT, "'%s %s' says no version: %s",
			       ops->program, option, why.msg);
	shorten(line.text, version);
	return 0;
}

static int make_dir(struct peer_world *w, const struct peer_ops *ops,
		    struct instance *inst, struct err *err)
{
	unsigned n = w->next++;

	(void)snprintf(inst->id, sizeof(inst->id), "compare-%d-%u",
		       (int)getpid(), n);
	if (snprintf(inst->dir, sizeof(inst->dir), "%s/%s-%u", w->scratch,
		     ops->name, n) >= (int)sizeof(inst->dir))
		return err_set(err, ENAMETOOLONG, "'%s'", w->scratch);
	if (mkdir(inst->dir, 0700) < 0) {
		int code = errno;

		inst->dir[0] = '\0';
		return err_set(err, code, "make a directory in '%s'",
			       w->scratch);
	}
	return 0;
}

int instance_start(const struct peer_ops *ops, struct peer_world *w,
		   const struct peer_job *job, struct notify *notify,
		   bool lines, struct instance **ret, struct err *err)
{
	uint64_t begin = timing_now();
	struct instance *inst = calloc(1, sizeof(*inst));

	if (!inst)
		return no_memory(err);
	inst->ops = ops;
	inst->world = w;
	inst->net = job->port != 0;
	inst->gpu = job->gpu;
	int r = make_dir(w, ops, inst, err);
	if (r == 0)
		r = ops->launch(w, job, inst, err);
	if (r == 0) {
		const struct job_spec spec = {
			.argv = inst->argv.v,
			.env = inst->env.v,
			.enter = ops->enter,
			.clean = ops->clean,
			.arg = inst,
			.input = job->input,
			.lines = lines,
			.notify = notify,
		};
		r = job_start(&spec, begin, &inst->job, err);
	}
	if (r < 0) {
		instance_free(inst);
		return r;
	}
	*ret = inst;
	return 0;
}

int instance_status(struct instance *inst)
{
	const struct peer_ops *ops = inst->ops;
	struct job *job = inst->job;

	if (ops->status && job->exit && !inst->translated) {
		job->status = ops->status(job->status);
		inst->translated = true;
	}
	return job->status;
}

void instance_free(struct instance *inst)
{
	if (!inst)
		return;
	job_free(inst->job);
	if (inst->dir[0])
		(void)io_remove_tree(inst->dir, NULL);
	strv_done(&inst->argv);
	strv_done(&inst->env);
	free(inst);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * peer.h - one way to run an image: bare, in a container, in a VM.  Each is a
 * `struct peer_ops`, listed in peer.c; measurements know no more of it.
 */
#ifndef VMM_COMPARE_PEER_H
#define VMM_COMPARE_PEER_H

#include <limits.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

#include "vmm/compare/gpu.h"
#include "vmm/compare/job.h"
#include "vmm/compare/user.h"
#include "vmm/lib/err.h"
#include "vmm/manager/cmd.h"
#include "vmm/manager/image.h"
#include "vmm/manager/store.h"
#include "vmm/manager/strv.h"

#define PEER_VERSION_MAX 64

/* What all peers share; valid as long as any of them. */
struct peer_world {
	const struct manager *mgr;
	struct store *store;
	struct image *image;
	char self[PATH_MAX]; /* this program */
	char rootfs[STORE_PATH_MAX]; /* the image's squashfs */
	char scratch[STORE_PATH_MAX]; /* a directory, ours alone */
	char lower[PATH_MAX]; /* the image unpacked; "" until needed */
	struct user user; /* whom the image says; valid with @lower */
	struct gpu gpu;
	unsigned next; /* number of the next instance */
};

/* What one job is to be. */
struct peer_job {
	char *const *args; /* NULL: the image's own command */
	bool input; /* standard input is ours */
	uint16_t port; /* TCP port of it that we connect to, 0: none */
	uint64_t memory; /* bytes that it may use, or that the VM has */
	unsigned cpus; /* processors of a VM, at least 1 */
	bool gpu; /* it has the world's; not where a peer has no_gpu */
};

/* One job, and what a peer made for it. */
struct instance {
	struct job *job;
	struct strv argv, env;
	char dir[PATH_MAX]; /* of its own, "" while there is none */
	char id[48]; /* its name with the runtime */
	struct sockaddr_in address; /* of its port */
	bool net; /* wants a network that we reach */
	bool gpu;
	bool translated; /* the job's status is the command's */
	const struct peer_ops *ops;
	const struct peer_world *world;
};

struct peer_ops {
	const char *name;
	const char *program, *package; /* its runtime, and what has it */
	bool walls; /* needs root: chroot, overlayfs */
	bool unpacked; /* needs the image as files */
	bool host_gpu; /* has a GPU by the host's driver */
	const char *no_gpu; /* why it has none, or NULL */
	const char *no_library; /* what to do where libcuda.so.1 is missing */
	/* Is it here?  Its version, or -ENOENT with the sentence why not. */
	int (*find)(const struct peer_ops *ops, const struct peer_world *w,
		    char version[PEER_VERSION_MAX], struct err *err);
	/*
	 * Fill argv, env, address and what the directory needs for @job.
	 * @inst->dir is there and empty.
	 */
	int (*launch)(const struct peer_world *w, const struct peer_job *job,
		      struct instance *inst, struct err *err);
	/* In the child, before execve(); an instance is its argument. */
	int (*enter)(void *inst, struct err *err);
	/* Its exit status by that of argv[0].  NULL: the same. */
	int (*status)(int status);
	/*
	 * Nothing of it runs any more: remove what is left, but for its
	 * directory.  In the warden (job.h); an instance is its argument.
	 * May be NULL.
	 */
	void (*clean)(void *inst);
};

/* NULL-terminated, in the order of --with and of tables. */
extern const struct peer_ops *const peers_all[];

/* The one called @name, or NULL. */
const struct peer_ops *peer_find(const char *name);

/*
 * Start @job.  Time counts from before anything is done for it.  The caller
 * ends *@ret with instance_free().
 */
int instance_start(const struct peer_ops *ops, struct peer_world *w,
		   const struct peer_job *job, struct notify *notify,
		   bool lines, struct instance **ret, struct err *err);

/* Of the job, once it has ended; also put into @inst->job. */
int instance_status(struct instance *inst);

/* End what runs, and leave nothing.  Accepts NULL. */
void instance_free(struct instance *inst);

/* What @job runs: its own arguments, or what the image says. */
int peer_args(const struct peer_world *w, const struct peer_job *job,
	      struct strv *ret, struct err *err);

/* The image's variables, with the PATH and HOME that docker gives. */
int peer_env(const struct peer_world *w, struct strv *ret, struct err *err);

/* Unpack the image, once, for peers that want files. */
int peer_unpack(struct peer_world *w, struct err *err);

/* A TCP port of 127.0.0.1 that is free now; or -errno. */
int peer_free_port(struct sockaddr_in *ret, struct err *err);

/* A find(): the first line that `PROGRAM --version` prints. */
int peer_version(const struct peer_ops *ops, const struct peer_world *w,
		 char version[PEER_VERSION_MAX], struct err *err);

/*
 * Parts of enter(): a mount namespace of one's own with the root file system
 * of @inst, an overlay over the image, at DIR/rootfs.  The mounts end with the
 * last process in it.
 */
int walls_mount(const struct instance *inst, struct err *err);

/* A network namespace with one end of a veth pair; address is this end's. */
int walls_network(const struct instance *inst, struct err *err);

/* The two addresses of the pair; far is the job's. */
void walls_address(unsigned number, struct in_addr *near, struct in_addr *far);

/* The config.json of OCI bundles, as docker would write it. */
struct json_object *oci_bundle(const struct instance *inst,
			       const struct peer_world *w,
			       const struct peer_job *job);

extern const struct peer_ops peer_bare, peer_runc, peer_crun, peer_belljar,
	peer_qemu, peer_gvisor;

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * jail.h - the walls around a companion process, in four stages.  jail.c has
 * the theory of operation.
 */
#ifndef VMM_JAIL_JAIL_H
#define VMM_JAIL_JAIL_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/resource.h>
#include <sys/types.h>

#include "vmm/lib/err.h"

/* What happens when this host lacks a wall. */
enum jail_mode {
	JAIL_AUTO, /* go on without it, and say so */
	JAIL_REQUIRED, /* refuse to start */
	JAIL_OFF, /* no wall at all; debug builds only */
};

/* Sanitizers make system calls of their own, and read /proc at the end. */
#ifdef BELLJAR_DEBUG
#define JAIL_DEFAULT JAIL_OFF
#else
#define JAIL_DEFAULT JAIL_AUTO
#endif

#define JAIL_NO_UID ((uid_t)-1)

/* What a companion is told. */
struct jail_asked {
	enum jail_mode mode;
	bool born; /* who started it has made its namespaces */
	uid_t uid; /* to become if it is the host's root; JAIL_NO_UID */
};

#define JAIL_NOT_ASKED ((struct jail_asked){ JAIL_DEFAULT, false, JAIL_NO_UID })

/* "auto", "required"; "off" is refused unless this is a debug build. */
int jail_parse_mode(const char *text, enum jail_mode *ret, struct err *err);
const char *jail_mode_name(enum jail_mode mode);
/* MODE[,born][,uid=N], cut up on the way. */
int jail_parse(char *arg, struct jail_asked *ret, struct err *err);

/* A wall that may be missing: a bit for each. */
enum jail_wall {
	JAIL_USER_NS = 1 << 0, /* namespaces */
	JAIL_PID_NS = 1 << 1,
	JAIL_ROOT = 1 << 2, /* the empty root, in a mount namespace */
	JAIL_OTHER_NS = 1 << 3, /* net, ipc, uts and cgroup */
	JAIL_UID = 1 << 4, /* a user id that nothing else has */
	JAIL_LANDLOCK = 1 << 5,
	JAIL_WALLS = 6,
};

/*
 * What is lost without @wall, why (@errnum of what failed; 0: unknown), and
 * how to get it, in one sentence.
 */
void jail_sentence(enum jail_wall wall, int errnum, char *ret, size_t len);
/*
 * The walls of @missing (enum jail_wall), each logged as a warning, or, with
 * JAIL_REQUIRED, -EPERM with the sentence of the first.  None missing: 0.
 */
int jail_report(unsigned missing, int errnum, enum jail_mode mode,
		struct err *err);

/* -------- stage 2: birth, in whoever starts the companion. -------- */

struct jail_birth {
	/* Asked for. */
	bool keep_net; /* it is to use the host's network */
	bool keep_user; /* root's rights are needed until the enclosure */
	/*
	 * It serves files: users and groups are in its namespace who they are
	 * outside.  Who is not root can give only itself, as root, and its
	 * range of subordinate ids from 1 on.  @uid is not used.
	 */
	bool all_ids;
	uid_t uid; /* one of jail_ids_take(); JAIL_NO_UID: our own */
	int cgroup; /* a cgroup v2 directory to be born in, -1: none */
	/* Called before the child runs: 0 or -errno.  NULL: nothing. */
	int (*place)(void *arg, pid_t pid, bool in_cgroup);
	void *arg;
	/* What came of it. */
	unsigned missing; /* enum jail_wall */
	int errnum; /* why the first of them is, 0: nothing failed */
};

/*
 * fork(), but the child is born into new namespaces, as process 1, and
 * continues when its identities are mapped and taken: it is root of its user
 * namespace and @b->uid, or our own user, outside.  One thread only.
 *
 * Returns 0 in the child; its pid in the parent, with the pidfd in *@ret_pidfd;
 * -errno with a sentence.  A wall that this host does not give is left out and
 * noted in @b->missing.  In the child nothing is known of the parent by
 * getppid(): jail_orphaned() asks.
 */
pid_t jail_fork(struct jail_birth *b, int *ret_pidfd, struct err *err);

/* Has the other end of pipe @fd been closed? */
bool jail_orphaned(int fd);

/* A range of user ids that no other running VM has, for its companions. */
#define JAIL_UIDS 4
struct jail_ids {
	uid_t first; /* JAIL_NO_UID: there is none */
	int lock; /* held as long as they are in use; -1 */
};

/*
 * Find one: for root in the range of 'belljar' in /etc/subuid, or else from
 * 1879048192 on; for others in their range of /etc/subuid.  Where there is
 * none, or newuidmap is missing, @ret->first is JAIL_NO_UID.  jail_ids_done()
 * in every case.
 */
void jail_ids_take(struct jail_ids *ret);
void jail_ids_done(struct jail_ids *ids);

/* -------- stage 3: enclosure, in the companion itself. -------- */

struct jail_walls {
	/* Asked for. */
	struct jail_asked asked;
	const char *file; /* the one that stays readable, or NULL */
	rlim_t files; /* descriptors it may have; 0: as it is */
	/* What came of it. */
	unsigned missing; /* enum jail_wall */
	int errnum; /* why the first of them is, 0: nothing failed */
};

/*
 * Empty read-only root, no capabilities, no_new_privs, small limits, landlock.
 * Everything is open and no thread runs.  0, or -errno with a sentence; walls
 * that are missing are noted, or refused with JAIL_REQUIRED.  JAIL_OFF does
 * nothing.
 */
int jail_enclose(struct jail_walls *walls, struct err *err);

/* -------- stage 4: the filter, in each thread. -------- */

/* Threads by what they need of the kernel; seccomp_rules.h has the rows. */
enum jail_role {
	JAIL_MAIN, /* monitor: control socket, signals, the end */
	JAIL_VCPU,
	JAIL_LOOP, /* monitor: the devices' loop */
	JAIL_DISK, /* a disk without io_uring */
	JAIL_DISK_URING,
	JAIL_MAIN_VFIO, /* the same with functions of the host */
	JAIL_VCPU_VFIO,
	JAIL_NET, /* belljar-net */
	JAIL_SWITCH, /* belljar-switch */
	JAIL_ROLES,
};

/*
 * From here on this thread, and those that it starts, can make only the system
 * calls of @role; another one kills the process (SIGSYS).  A sanitizer's build
 * installs none.  Call jail_on() first: without it this does nothing.
 */
int jail_filter(enum jail_role role, struct err *err);

/* Remember for jail_filter() that walls are wanted.  Before threads start. */
void jail_on(void);

#endif

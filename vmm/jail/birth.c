/* SPDX-License-Identifier: Apache-2.0 */
/*
 * birth.c - stage 2: a child in namespaces of its own.
 *
 *   parent                          child
 *   clone3(new namespaces)  ----->  waits for the pipe
 *   cgroup, id maps
 *   writes "go"             ----->  takes its ids, is root of its namespaces
 *
 * The maps are the parent's to write (maps.c): a child may only map itself to
 * the user that it is already (user_namespaces(7)).
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/sched.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "vmm/jail/jail.h"
#include "vmm/jail/jail_priv.h"
#include "vmm/lib/auto.h"
#include "vmm/lib/io.h"

#define NS_OTHER (CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWCGROUP)

struct newborn {
	pid_t pid;
	int pidfd;
	bool placed; /* in its cgroup */
};

static int clone_with(unsigned long long flags, int cgroup, struct newborn *ret)
{
	struct clone_args args = {
		.flags = flags | CLONE_PIDFD,
		.pidfd = (uintptr_t)&ret->pidfd,
		.exit_signal = SIGCHLD,
	};

	if (cgroup >= 0) {
		args.flags |= CLONE_INTO_CGROUP;
		args.cgroup = (unsigned)cgroup;
	}
	long pid = syscall(SYS_clone3, &args, sizeof(args));
	if (pid < 0)
		return -errno;
	ret->pid = (pid_t)pid;
	ret->placed = cgroup >= 0;
	return 0;
}

/* A process that cannot be born in its cgroup can still be moved there. */
static int clone_into(unsigned long long flags, const struct jail_birth *b,
		      struct newborn *ret)
{
	int r = -EBADF;

	if (b->cgroup >= 0)
		r = clone_with(flags, b->cgroup, ret);
	return r < 0 ? clone_with(flags, -1, ret) : r;
}

static void note(struct jail_birth *b, unsigned walls, int r)
{
	b->missing |= walls;
	if (!b->errnum)
		b->errnum = -r;
}

/* All the namespaces that can be had: with a user namespace, by right, none. */
static int clone_child(struct jail_birth *b, struct newborn *ret)
{
	unsigned long long all = CLONE_NEWNS | CLONE_NEWPID | NS_OTHER;
	int r = -EPERM;

	if (!b->keep_net)
		all |= CLONE_NEWNET;
	if (!b->keep_user)
		r = clone_into(all | CLONE_NEWUSER, b, ret);
	if (r == 0)
		return 0;
	if (!b->keep_user)
		note(b, JAIL_USER_NS, r);
	r = clone_into(all, b, ret);
	if (r == 0)
		return 0;
	note(b, JAIL_PID_NS | JAIL_ROOT | JAIL_OTHER_NS, r);
	return clone_into(0, b, ret);
}

/* In the child: the ids that the maps give.  Without, the enclosure's turn. */
static int take_ids(const struct jail_birth *b)
{
	if (b->missing & JAIL_USER_NS || b->keep_user)
		return 0;
	/* Refused where only our own user is mapped: no others to give up. */
	(void)setgroups(0, NULL);
	if (setresgid(0, 0, 0) < 0 || setresuid(0, 0, 0) < 0)
		return -errno;
	return 0;
}

static void child(struct jail_birth *b, int go)
{
	unsigned char missing;

	/* No byte: the parent has failed, or is gone. */
	if (io_read_full(go, &missing, 1) != 1)
		_exit(127);
	b->missing = missing;
	if (take_ids(b) < 0)
		_exit(127);
}

/* Maps are written, the cgroup is entered: on it goes. */
static int let_go(struct jail_birth *b, const struct newborn *n, int go,
		  struct err *err)
{
	int r = jail_map_ids(b, n->pid);

	if (r < 0)
		return err_set(err, -r, "map the user of process %d", n->pid);
	if (b->uid == JAIL_NO_UID && !b->all_ids)
		b->missing |= JAIL_UID;
	r = b->place ? b->place(b->arg, n->pid, n->placed) : 0;
	if (r < 0)
		return err_set(err, -r, "place process %d", n->pid);
	unsigned char missing = (unsigned char)b->missing;
	r = io_write_full(go, &missing, 1);
	return r < 0 ? err_set(err, -r, "start process %d", n->pid) : 0;
}

pid_t jail_fork(struct jail_birth *b, int *ret_pidfd, struct err *err)
{
	struct newborn n = { .pid = -1, .pidfd = -1 };
	int p[2];

	if (pipe2(p, O_CLOEXEC) < 0)
		return err_set(err, errno, "create a pipe");
	AUTO_CLOSE int rd = p[0];
	AUTO_CLOSE int wr = p[1];
	b->missing = 0;
	b->errnum = 0;

	int r = clone_child(b, &n);
	if (r < 0)
		return err_set(err, -r, "create a process");
	if (n.pid == 0) {
		(void)close(TAKE_FD(wr));
		child(b, rd);
		return 0;
	}
	r = let_go(b, &n, wr, err);
	if (r < 0) {
		(void)kill(n.pid, SIGKILL);
		(void)waitpid(n.pid, NULL, 0);
		(void)close(n.pidfd);
		return r;
	}
	*ret_pidfd = n.pidfd;
	return n.pid;
}

bool jail_orphaned(int fd)
{
	struct pollfd p = { .fd = fd, .events = 0 };

	return poll(&p, 1, 0) > 0 && (p.revents & (POLLERR | POLLHUP));
}

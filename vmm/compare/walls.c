/* SPDX-License-Identifier: Apache-2.0 */
/*
 * walls.c - mounts and networks of jobs that are no VMs.  They are made by the
 * job's own process in namespaces of its own, so that the kernel takes them
 * away with it, whatever becomes of compare.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "vmm/compare/peer.h"
#include "vmm/lib/auto.h"
#include "vmm/lib/io.h"

/* 198.18.0.0/15 is for benchmarks of networks (RFC 2544), and in no use. */
#define NET_BASE 0xc6120000U
#define NET_STEP 4U
#define NET_MASK 0x1ffffU

static int make(const char *dir, const char *name, char path[PATH_MAX],
		struct err *err)
{
	if (snprintf(path, PATH_MAX, "%s/%s", dir, name) >= PATH_MAX)
		return err_set(err, ENAMETOOLONG, "'%s'", dir);
	if (mkdir(path, 0755) < 0)
		return err_set(err, errno, "make directory '%s'", path);
	return 0;
}

int walls_mount(const struct instance *inst, struct err *err)
{
	char root[PATH_MAX], upper[PATH_MAX], work[PATH_MAX];
	char options[3 * PATH_MAX + 64];
	int r = make(inst->dir, "rootfs", root, err);

	if (r == 0)
		r = make(inst->dir, "upper", upper, err);
	if (r == 0)
		r = make(inst->dir, "work", work, err);
	if (r < 0)
		return r;
	if (unshare(CLONE_NEWNS) < 0 ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return err_set(err, errno, "make a mount namespace");
	(void)snprintf(options, sizeof(options),
		       "lowerdir=%s,upperdir=%s,workdir=%s", inst->world->lower,
		       upper, work);
	if (mount("overlay", root, "overlay", 0, options) < 0)
		return err_set(err, errno,
			       "mount an overlay in '%s'; a store on a local "
			       "file system (--root) may help",
			       inst->dir);
	return 0;
}

void walls_address(unsigned number, struct in_addr *near, struct in_addr *far)
{
	uint32_t net = NET_BASE + ((number * NET_STEP) & NET_MASK);

	near->s_addr = htonl(net + 1);
	far->s_addr = htonl(net + 2);
}

/* The `ip` of iproute2 with a batch of commands, in the namespace @ns. */
static int run_ip(int ns, const char *batch, struct err *err)
{
	int pair[2];

	if (pipe2(pair, O_CLOEXEC) < 0)
		return err_set(err, errno, "create a pipe");
	pid_t pid = fork();
	if (pid == 0) {
		if (dup2(pair[0], 0) < 0 ||
		    (ns >= 0 && setns(ns, CLONE_NEWNET) < 0))
			_exit(1);
		(void)execlp("ip", "ip", "-batch", "-", (char *)NULL);
		_exit(127);
	}
	(void)close(pair[0]);
	if (pid > 0)
		(void)io_write_full(pair[1], batch, strlen(batch));
	(void)close(pair[1]);
	int status = -1;
	while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (status == 0)
		return 0;
	if (WIFEXITED(status) && WEXITSTATUS(status) == 127)
		return err_say(err, ENOENT,
			       "the network of a container needs 'ip'; install "
			       "iproute2");
	return err_say(err, EIO,
		       "make a pair of network interfaces: 'ip' "
		       "failed");
}

/*
 * The job's process enters a new namespace and has the interface put there
 * from outside, as the host's end must stay outside.
 */
int walls_network(const struct instance *inst, struct err *err)
{
	const struct in_addr far = inst->address.sin_addr;
	const struct in_addr near = { htonl(ntohl(far.s_addr) - 1) };
	char a[INET_ADDRSTRLEN], b[INET_ADDRSTRLEN], name[IFNAMSIZ];
	char batch[512];

	AUTO_CLOSE int host = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	if (host < 0 || unshare(CLONE_NEWNET) < 0)
		return err_set(err, errno, "make a network namespace");
	(void)inet_ntop(AF_INET, &near, a, sizeof(a));
	(void)inet_ntop(AF_INET, &far, b, sizeof(b));
	(void)snprintf(name, sizeof(name), "bj%08x", ntohl(near.s_addr));
	(void)snprintf(batch, sizeof(batch),
		       "link add %s type veth peer name eth0 netns %d\n"
		       "address add %s/30 dev %s\n"
		       "link set %s up\n",
		       name, (int)getpid(), a, name, name);
	int r = run_ip(host, batch, err);
	if (r < 0)
		return r;
	(void)snprintf(batch, sizeof(batch),
		       "link set lo up\n"
		       "address add %s/30 dev eth0\n"
		       "link set eth0 up\n"
		       "route add default via %s\n",
		       b, a);
	return run_ip(-1, batch, err);
}

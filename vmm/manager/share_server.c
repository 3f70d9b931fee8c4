/* SPDX-License-Identifier: Apache-2.0 */
/* share_server.c - start virtiofsd, which sees one share and nothing else. */
#include "vmm/manager/share_server.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "vmm/lib/auto.h"
#include "vmm/lib/io.h"
#include "vmm/manager/spawn.h"
#include "vmm/manager/timing.h"

/*
 * Where it finds the share: a directory that every Linux has and virtiofsd
 * does not need; in its mount namespace it is its own.
 */
#define AT	"/sys"
#define AT_FILE AT "/" SHARE_SERVER_FILE

#define NS_MS 1000000ULL

int share_server_find(char ret[PATH_MAX], struct err *err)
{
	static const char *const places[] = { "/usr/libexec/virtiofsd",
					      "/usr/lib/qemu/virtiofsd",
					      "/usr/lib/virtiofsd" };
	const char *set = getenv("BELLJAR_VIRTIOFSD");

	if (set && set[0]) {
		(void)snprintf(ret, PATH_MAX, "%s", set);
		if (access(ret, X_OK) == 0)
			return 0;
	}
	for (size_t i = 0; !set && i < sizeof(places) / sizeof(*places); i++) {
		(void)snprintf(ret, PATH_MAX, "%s", places[i]);
		if (access(ret, X_OK) == 0)
			return 0;
	}
	return err_say(err, ENOENT,
		       "%s%svirtiofsd, which serves shared directories, is "
		       "missing; install the package qemu-system-common "
		       "(Debian 12) or virtiofsd",
		       set ? set : "", set ? ": " : "");
}

/* A directory that nobody can write to, with the place for one file. */
static int make_place(void)
{
	if (mount("share", AT, "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC,
		  "mode=555,nr_inodes=4,size=4k") < 0)
		return -errno;
	AUTO_CLOSE int fd =
		open(AT_FILE, O_WRONLY | O_CREAT | O_CLOEXEC | O_EXCL, 0444);
	return fd < 0 ? -errno : 0;
}

static int seal(bool recursive, int fd, const char *path, uint64_t flags)
{
	struct mount_attr attr = { .attr_set = flags | MOUNT_ATTR_NOSUID |
					       MOUNT_ATTR_NODEV };
	unsigned how = recursive ? AT_EMPTY_PATH | AT_RECURSIVE : 0;

	return mount_setattr(fd, path, how, &attr, sizeof(attr)) < 0 ? -errno
								     : 0;
}

/* In the child, root of its namespaces: put the share where it is served. */
static int show(const struct share *share)
{
	uint64_t flags = share->readonly ? MOUNT_ATTR_RDONLY : 0;

	/* What the host mounts from now on is not seen, as under docker. */
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return -errno;
	AUTO_CLOSE int tree =
		open_tree(AT_FDCWD, share->source,
			  OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE);
	if (tree < 0)
		return -errno;
	int r = seal(true, tree, "", flags);
	if (r == 0 && share->file)
		r = make_place();
	if (r < 0)
		return r;
	if (move_mount(tree, "", AT_FDCWD, share->file ? AT_FILE : AT,
		       MOVE_MOUNT_F_EMPTY_PATH) < 0)
		return -errno;
	return share->file ? seal(false, AT_FDCWD, AT, MOUNT_ATTR_RDONLY) : 0;
}

static int prepare(void *arg)
{
	struct rlimit files;
	int r = show(arg);

	if (r < 0)
		return r;
	/* It holds a descriptor for each file that the guest knows. */
	if (prlimit(0, RLIMIT_NOFILE, NULL, &files) == 0) {
		files.rlim_cur = files.rlim_max;
		(void)prlimit(0, RLIMIT_NOFILE, &files, NULL);
	}
	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ? -errno : 0;
}

/*
 * It wants a listening socket and takes one connection: ours, which waits in
 * the backlog.  Then the name can go.
 */
static int make_sockets(const char *dir, int *ret_listen, int *ret_sock,
			struct err *err)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };

	if (snprintf(sun.sun_path, sizeof(sun.sun_path), "%s/share.sock",
		     dir) >= (int)sizeof(sun.sun_path))
		return err_say(err, ENAMETOOLONG,
			       "the path '%s' is too long for a socket", dir);
	AUTO_CLOSE int listener = io_unix_listen(sun.sun_path, err);
	if (listener < 0)
		return listener;
	AUTO_CLOSE int sock = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int r = 0;
	if (sock < 0 || connect(sock, (struct sockaddr *)&sun, sizeof(sun)) < 0)
		r = err_set(err, errno, "connect to '%s'", sun.sun_path);
	(void)unlink(sun.sun_path);
	if (r < 0)
		return r;
	*ret_listen = TAKE_FD(listener);
	*ret_sock = TAKE_FD(sock);
	return 0;
}

/* Both programs of that name take these; requests are served in order. */
static int add_args(struct spawn *s, int listener)
{
	static const char *const fixed[] = {
		"-o",	      "sandbox=namespace",    "-o",
		"cache=auto", "--thread-pool-size=0", "--rlimit-nofile=0",
	};
	int r = strv_add(&s->args, "--fd=%d", spawn_fd(s, listener));

	if (r == 0)
		r = strv_add(&s->args, "-o");
	if (r == 0)
		r = strv_add(&s->args, "source=%s", AT);
	for (size_t i = 0; r == 0 && i < sizeof(fixed) / sizeof(*fixed); i++)
		r = strv_add(&s->args, "%s", fixed[i]);
	return r;
}

static int say_why(const struct share *share, int r, struct err *err)
{
	if (r == -EPERM)
		return err_say(err, EPERM,
			       "%s: sharing '%s' takes mount namespaces, which "
			       "this host gives only to root; start belljar as "
			       "root, or allow user namespaces (sysctl "
			       "user.max_user_namespaces, "
			       "kernel.unprivileged_userns_clone)",
			       share->option, share->source);
	return err_wrap(err, "%s", share->option);
}

int share_server_start(const char *program, const struct share *share,
		       const char *dir, struct jail_birth *birth,
		       struct share_server *ret, struct err *err)
{
	AUTO_CLOSE int listener = -1;
	AUTO_CLOSE int sock = -1;
	AUTO_SPAWN struct spawn s;
	char what[PATH_MAX];
	int p[2];

	spawn_init(&s, program, "virtiofsd");
	int r = make_sockets(dir, &listener, &sock, err);
	if (r < 0)
		return r;
	if (pipe2(p, O_CLOEXEC) < 0)
		return err_set(err, errno, "create a pipe");
	AUTO_CLOSE int rd = p[0];
	AUTO_CLOSE int wr = p[1];

	if (add_args(&s, listener) < 0)
		return err_set(err, ENOMEM, "start virtiofsd");
	(void)snprintf(what, sizeof(what), "share '%s'", share->source);
	birth->all_ids = true;
	birth->uid = JAIL_NO_UID;
	s.err = wr;
	s.birth = birth;
	s.prepare = prepare;
	s.arg = (void *)(uintptr_t)share;
	s.prepares = what;
	r = spawn_start(&s, &ret->pid, &ret->pidfd, err);
	if (r < 0)
		return say_why(share, r, err);
	(void)io_set_nonblock(rd, true);
	ret->err = TAKE_FD(rd);
	ret->sock = TAKE_FD(sock);
	return 0;
}

/* vhost-user: a header of request, flags and size. */
#define GET_FEATURES 1
#define VERSION	     1
#define REPLY	     (VERSION | 4)
#define PAYLOAD	     8
#define ANSWER	     (12 + PAYLOAD)

int share_server_wait(const struct share_server *s, int ms)
{
	const uint32_t ask[3] = { GET_FEATURES, VERSION, 0 };
	uint64_t end = timing_now() + (unsigned)ms * NS_MS;
	uint32_t answer[ANSWER / 4];
	size_t len = 0;

	if (io_send(s->sock, ask, sizeof(ask), MSG_NOSIGNAL) != sizeof(ask))
		return -EPIPE;
	while (len < ANSWER) {
		struct pollfd fds[] = { { s->sock, POLLIN, 0 },
					{ s->pidfd, POLLIN, 0 } };
		uint64_t now = timing_now();

		if (now >= end)
			return -ETIMEDOUT;
		(void)poll(fds, 2, (int)((end - now) / NS_MS) + 1);
		ssize_t n = io_recv(s->sock, (char *)answer + len, ANSWER - len,
				    MSG_DONTWAIT);
		if (n > 0)
			len += (size_t)n;
		else if (n == 0 || (errno != EAGAIN && errno != EINTR) ||
			 fds[1].revents)
			return -EPIPE;
	}
	return answer[0] == GET_FEATURES && answer[1] == REPLY &&
			       answer[2] == PAYLOAD
		       ? 0
		       : -EPROTO;
}

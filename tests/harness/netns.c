/* SPDX-License-Identifier: Apache-2.0 */
/* netns.c - belljar-net between two network namespaces of our own. */
#include "tests/harness/netns.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "vmm/abi/net.h"
#include "vmm/lib/io.h"

#define PATIENCE_S 20

static const char resolv_conf[] = "nameserver 127.0.0.53\nnameserver ::1\n";

int netns_write_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	int r = io_write_full(fd, text, strlen(text));
	(void)close(fd);
	return r;
}

int netns_become_root(void)
{
	char map[64];
	uid_t uid = geteuid();
	gid_t gid = getegid();

	if (uid == 0)
		return 0;
	if (unshare(CLONE_NEWUSER) < 0)
		return -errno;
	(void)netns_write_text("/proc/self/setgroups", "deny");
	(void)snprintf(map, sizeof(map), "0 %u 1", uid);
	int r = netns_write_text("/proc/self/uid_map", map);
	(void)snprintf(map, sizeof(map), "0 %u 1", gid);
	return r < 0 ? r : netns_write_text("/proc/self/gid_map", map);
}

static int new_netns(void)
{
	if (unshare(CLONE_NEWNET) < 0)
		return -errno;
	int fd = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

static int ip(const char *args)
{
	char cmd[256];

	(void)snprintf(cmd, sizeof(cmd), "ip %s", args);
	/* NOLINTNEXTLINE(cert-env33-c): constant text, in a test */
	return system(cmd) == 0 ? 0 : -EIO;
}

static int make_tap(struct netns *n)
{
	struct ifreq ifr = { .ifr_flags = IFF_TAP | IFF_NO_PI };

	n->tap = open("/dev/net/tun", O_RDWR | O_CLOEXEC | O_NONBLOCK);
	if (n->tap < 0)
		return -errno;
	(void)snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "tap0");
	return ioctl(n->tap, TUNSETIFF, &ifr) < 0 ? -errno : 0;
}

/* As our init does it. */
static int configure_guest(void)
{
	static const char *const steps[] = {
		"link set lo up",
		"link set tap0 up",
		"addr add " NET_GUEST4 "/24 dev tap0",
		"route add default via " NET_GATEWAY4,
		"addr add " NET_GUEST6 "/64 dev tap0 nodad",
		"route add default via " NET_GATEWAY6 " dev tap0",
	};

	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++)
		if (ip(steps[i]) < 0)
			return -EIO;
	return 0;
}

static int configure_host(void)
{
	return ip("link set lo up") < 0 ||
			       ip("addr add " HOST4 "/32 dev lo") < 0 ||
			       ip("addr add " HOST6 "/128 dev lo nodad") < 0
		       ? -EIO
		       : 0;
}

/* A resolver on the loopback interface, as many machines have it. */
static int replace_resolv_conf(struct netns *n)
{
	int fd = mkostemp(n->resolv, O_CLOEXEC);

	if (fd < 0)
		return -errno;
	int r = io_write_full(fd, resolv_conf, strlen(resolv_conf));
	(void)close(fd);
	if (r == 0 &&
	    (unshare(CLONE_NEWNS) < 0 ||
	     mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	     mount(n->resolv, "/etc/resolv.conf", NULL, MS_BIND, NULL) < 0))
		r = -errno;
	/* The mount keeps it. */
	(void)unlink(n->resolv);
	return r;
}

int netns_init(struct netns *n, const char **ret_step)
{
	*n = (struct netns){
		.host = -1,
		.guest = -1,
		.tap = -1,
		.wire = -1,
		.resolv = "/tmp/belljar-resolv-XXXXXX",
		.gate = PTHREAD_MUTEX_INITIALIZER,
	};

	*ret_step = "become root of a user namespace";
	int r = netns_become_root();
	if (r < 0)
		return r;
	*ret_step = "make a network namespace";
	n->guest = new_netns();
	if (n->guest < 0)
		return n->guest;
	*ret_step = "make a tap device";
	r = make_tap(n);
	if (r < 0)
		return r;
	*ret_step = "configure the guest's namespace";
	r = configure_guest();
	if (r < 0)
		return r;
	n->host = new_netns();
	*ret_step = "configure the host's namespace";
	r = n->host < 0 ? n->host : configure_host();
	if (r < 0)
		return r;
	*ret_step = "replace resolv.conf in a mount namespace";
	return replace_resolv_conf(n);
}

void netns_done(struct netns *n)
{
	(void)close(n->tap);
	(void)close(n->guest);
	(void)close(n->host);
}

void netns_mtu(struct netns *n, unsigned mtu)
{
	char args[64];

	(void)snprintf(args, sizeof(args), "link set tap0 mtu %u", mtu);
	assert(setns(n->guest, CLONE_NEWNET) == 0);
	int r = ip(args);
	assert(setns(n->host, CLONE_NEWNET) == 0 && r == 0);
}

unsigned netns_crossed(const struct netns *n)
{
	return __atomic_load_n(&n->crossed, __ATOMIC_RELAXED);
}

size_t netns_longest(const struct netns *n)
{
	return __atomic_load_n(&n->longest, __ATOMIC_RELAXED);
}

static void cross(struct netns *n, int from, int to)
{
	char frame[65600];

	(void)pthread_mutex_lock(&n->gate);
	ssize_t len = read(from, frame, sizeof(frame));
	if (len > 0)
		(void)!write(to, frame, (size_t)len);
	(void)__atomic_add_fetch(&n->crossed, len > 0, __ATOMIC_RELAXED);
	if (to == n->tap && len > 0 && (size_t)len > n->longest)
		__atomic_store_n(&n->longest, (size_t)len, __ATOMIC_RELAXED);
	(void)pthread_mutex_unlock(&n->gate);
}

static void *bridge_main(void *arg)
{
	struct netns *n = arg;
	struct pollfd p[] = { { n->tap, POLLIN, 0 }, { n->wire, POLLIN, 0 } };

	while (poll(p, 2, -1) > 0 && !(p[1].revents & POLLHUP)) {
		if (p[0].revents & POLLIN)
			cross(n, n->tap, n->wire);
		if (p[1].revents & POLLIN)
			cross(n, n->wire, n->tap);
	}
	return NULL;
}

static void exec_net(int wire, int out, bool ready, const char *const *publish,
		     size_t nofile)
{
	const char *dir = getenv("BELLJAR_BUILD");
	char path[4096];
	char frames_arg[32];
	char ready_arg[32];
	char publish_arg[] = "--publish";
	char *argv[3 + 2 + 2 * PUBLISH_MAX + 1] = { path, frames_arg };
	size_t argc = 2;

	(void)snprintf(path, sizeof(path), "%s/belljar-net",
		       dir ? dir : "build");
	(void)snprintf(frames_arg, sizeof(frames_arg), "--frames=fd:%d", wire);
	(void)snprintf(ready_arg, sizeof(ready_arg), "--ready=fd:%d", out);
	(void)io_set_cloexec(wire, false);
	(void)io_set_cloexec(out, false);
	if (ready)
		argv[argc++] = ready_arg;
	else
		(void)dup2(out, STDERR_FILENO);
	for (; publish && *publish; publish++) {
		if (strncmp(*publish, "--", 2) != 0)
			argv[argc++] = publish_arg;
		/* execv() does not write to it. */
		argv[argc++] = (char *)(uintptr_t)*publish;
	}
	if (nofile) {
		struct rlimit lim = { nofile, nofile };
		(void)setrlimit(RLIMIT_NOFILE, &lim);
	}
	(void)execv(path, argv);
	_exit(99);
}

/* Start it; collect what it writes until it closes that descriptor. */
static void spawn(struct netns *n, bool ready, const char *const *publish,
		  size_t nofile)
{
	int wire[2];
	int out[2];

	assert(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, wire) ==
	       0);
	assert(pipe2(out, O_CLOEXEC) == 0);
	n->pid = fork();
	assert(n->pid >= 0);
	if (n->pid == 0)
		exec_net(wire[1], out[1], ready, publish, nofile);
	(void)close(wire[1]);
	(void)close(out[1]);
	ssize_t len = io_read_full(out[0], n->output, sizeof(n->output) - 1);
	n->output[len > 0 ? len : 0] = '\0';
	(void)close(out[0]);
	n->wire = wire[0];
}

static int reap(struct netns *n)
{
	int status = 0;

	(void)close(n->wire);
	n->wire = -1;
	assert(waitpid(n->pid, &status, 0) == n->pid);
	n->pid = -1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

void netns_start(struct netns *n, const char *const *publish, size_t nofile)
{
	n->longest = 0;
	spawn(n, true, publish, nofile);
	assert(strstr(n->output, "ready\n"));
	(void)io_set_nonblock(n->wire, true);
	assert(pthread_create(&n->bridge, NULL, bridge_main, n) == 0);
	n->bridged = true;
}

int netns_stop(struct netns *n)
{
	(void)shutdown(n->wire, SHUT_RDWR);
	if (n->bridged)
		(void)pthread_join(n->bridge, NULL);
	n->bridged = false;
	return reap(n);
}

int netns_fail(struct netns *n, const char *const *publish)
{
	spawn(n, false, publish, 0);
	return reap(n);
}

uint16_t netns_port(const struct netns *n, unsigned i)
{
	const char *line = n->output;

	while (i-- > 0) {
		line = strchr(line, '\n');
		assert(line);
		line++;
	}
	const char *arrow = strstr(line, " -> ");
	assert(arrow);
	while (arrow[-1] != ':')
		arrow--;
	return (uint16_t)strtoul(arrow, NULL, 10);
}

long netns_cpu_ms(const struct netns *n)
{
	clockid_t clock;
	struct timespec ts;

	assert(clock_getcpuclockid(n->pid, &clock) == 0);
	assert(clock_gettime(clock, &ts) == 0);
	return ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

union publish_addr netns_addr(const char *ip_text, uint16_t port)
{
	union publish_addr a = { .v4.sin_family = AF_INET };

	if (strchr(ip_text, ':')) {
		a.v6.sin6_family = AF_INET6;
		assert(inet_pton(AF_INET6, ip_text, &a.v6.sin6_addr) == 1);
	} else {
		assert(inet_pton(AF_INET, ip_text, &a.v4.sin_addr) == 1);
	}
	a.v4.sin_port = htons(port);
	return a;
}

int netns_socket(struct netns *n, enum place where, int family, int type)
{
	const struct timeval patience = { .tv_sec = PATIENCE_S };

	assert(setns(where == IN_GUEST ? n->guest : n->host, CLONE_NEWNET) ==
	       0);
	int fd = socket(family, type | SOCK_CLOEXEC, 0);
	assert(setns(n->host, CLONE_NEWNET) == 0);
	assert(fd >= 0);
	assert(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience,
			  sizeof(patience)) == 0);
	assert(setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience,
			  sizeof(patience)) == 0);
	return fd;
}

int netns_listen(struct netns *n, enum place where, int type,
		 const char *ip_text, uint16_t port)
{
	union publish_addr a = netns_addr(ip_text, port);
	int on = 1;
	int fd = netns_socket(n, where, a.any.sa_family, type);

	/* Connections of the test before may linger. */
	if (type == SOCK_STREAM)
		assert(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on,
				  sizeof(on)) == 0);
	if (a.any.sa_family == AF_INET6)
		assert(setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on,
				  sizeof(on)) == 0);
	assert(bind(fd, &a.any, publish_addr_len(&a)) == 0);
	if (type == SOCK_STREAM)
		assert(listen(fd, 64) == 0);
	return fd;
}

int netns_connect(struct netns *n, enum place where, int type,
		  const char *ip_text, uint16_t port)
{
	union publish_addr a = netns_addr(ip_text, port);
	int fd = netns_socket(n, where, a.any.sa_family, type);

	if (connect(fd, &a.any, publish_addr_len(&a)) == 0)
		return fd;
	int r = -errno;
	(void)close(fd);
	return r;
}

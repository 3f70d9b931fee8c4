/* SPDX-License-Identifier: Apache-2.0 */
/*
 * netns.h - belljar-net between two network namespaces of our own.
 *
 *   "host" namespace            belljar-net             "guest" namespace
 *   lo: 127.0.0.1 ::1     <-->  (runs in "host")  <-->  tap: 10.0.2.15
 *       192.0.2.1 2001:db8::1     frames, bridged            fd00:...::15
 *
 * The calling thread lives in "host"; guest sockets are made by stepping over
 * for a moment.  Nothing of the machine's own network is touched.
 */
#ifndef TESTS_HARNESS_NETNS_H
#define TESTS_HARNESS_NETNS_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "vmm/lib/publish.h"

#define HOST4 "192.0.2.1"
#define HOST6 "2001:db8::1"

struct netns {
	int host;
	int guest;
	int tap;
	const char *missing; /* what this machine lacks, or NULL */
	int missing_errno;
	char resolv[64]; /* what the host namespace has as resolv.conf */

	/* One run of belljar-net. */
	pid_t pid;
	int wire; /* the monitor's end */
	bool bridged;
	unsigned crossed; /* atomic */
	size_t longest; /* atomic; of the frames to the guest */
	pthread_t bridge;
	pthread_mutex_t gate; /* held: nothing crosses the bridge */
	char output[4096]; /* what it said on --ready, or on stderr */
};

enum place { ON_HOST, IN_GUEST };

/* 0, or -errno with the step that failed in @ret_step. */
int netns_init(struct netns *n, const char **ret_step);
void netns_done(struct netns *n);

/*
 * Start belljar-net with @publish (NULL-terminated, or NULL; what begins with
 * "--" is an option of its own), at most @nofile descriptors (0: no limit), and
 * wait until it is ready.
 */
void netns_start(struct netns *n, const char *const *publish, size_t nofile);

/* The MTU of the guest's interface; 1500 at first. */
void netns_mtu(struct netns *n, unsigned mtu);

/* Frames that have crossed so far, both ways. */
unsigned netns_crossed(const struct netns *n);

/* Bytes of the longest frame that the guest has got in this run. */
size_t netns_longest(const struct netns *n);

/* The monitor goes away.  Returns the exit status. */
int netns_stop(struct netns *n);

/* Run it where it is expected to fail; its stderr is in n->output. */
int netns_fail(struct netns *n, const char *const *publish);

/* The host port that line @i of the report names. */
uint16_t netns_port(const struct netns *n, unsigned i);

/* CPU time of belljar-net in milliseconds. */
long netns_cpu_ms(const struct netns *n);

/* Sockets.  All of them give up after 20 seconds. */
union publish_addr netns_addr(const char *ip, uint16_t port);
int netns_socket(struct netns *n, enum place where, int family, int type);
int netns_listen(struct netns *n, enum place where, int type, const char *ip,
		 uint16_t port);
/* Connected, or -errno. */
int netns_connect(struct netns *n, enum place where, int type, const char *ip,
		  uint16_t port);

/* Without root, become root of a user namespace.  0 or -errno. */
int netns_become_root(void);
/* Write @text to a file of the kernel's.  0 or -errno. */
int netns_write_text(const char *path, const char *text);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * share_server.h - virtiofsd for one share: found, born behind walls, started,
 * asked whether it serves.
 *
 * It is handed the share alone.  Its mount namespace has the directory (or a
 * read-only directory with the one file in it) at a fixed place, with the
 * rights that the share gives, and virtiofsd makes that its root before it
 * hears the guest.  So what is read-only is so by the host's kernel, and what
 * is not shared is not there.
 */
#ifndef VMM_MANAGER_SHARE_SERVER_H
#define VMM_MANAGER_SHARE_SERVER_H

#include <limits.h>
#include <sys/types.h>

#include "vmm/jail/jail.h"
#include "vmm/lib/err.h"
#include "vmm/manager/shares.h"

/* What the one file is called in its share. */
#define SHARE_SERVER_FILE "file"

/*
 * The program: $BELLJAR_VIRTIOFSD, or where distributions have it.  -ENOENT
 * with a sentence that names the packages.
 */
int share_server_find(char ret[PATH_MAX], struct err *err);

/* What is known of a server that was started; the caller owns all of it. */
struct share_server {
	pid_t pid; /* to be reaped */
	int pidfd;
	int sock; /* for the monitor: vhost-user */
	int err; /* read end of its stderr */
};

/*
 * Start @program for @share, born as @birth says (namespaces and ids are
 * decided here).  @dir is a directory of ours for a socket that has no name
 * any more on return.  -errno with a sentence, and @ret untouched.
 */
int share_server_start(const char *program, const struct share *share,
		       const char *dir, struct jail_birth *birth,
		       struct share_server *ret, struct err *err);

/*
 * Wait until it answers, @ms at most: 0, -EPIPE when it has ended, -EPROTO,
 * -ETIMEDOUT.  Before anybody else uses the socket.
 */
int share_server_wait(const struct share_server *s, int ms);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * session.h - one conversation with the keeper, from HELLO to EXIT.  The
 * transport is any stream socket and the root any mount point, so that a test
 * can hold it without a machine.
 */
#ifndef IMAGES_INIT_SESSION_H
#define IMAGES_INIT_SESSION_H

#include "images/init/settings.h"
#include "images/init/wire.h"

struct session {
	struct wire wire;
	struct settings settings;
	struct agent_times times;
};

/*
 * Say HELLO on the blocking socket @fd, which the caller keeps, and read the
 * settings.  session_done also after a failure.
 */
int session_open(struct session *s, int fd, struct err *err);
void session_done(struct session *s);

/* Where session_run finds what differs between a machine and a test. */
struct session_place {
	const char *root; /* path of the container's root, a mount point */
	const char *etc; /* directory for the files of etc.h */
	const char *shares; /* directory for single files, see shares.h */
	const char *dev_type; /* see mounts_container */
};

/*
 * Make @place the container's and run its process to the end.  0 when EXIT or
 * FAILED was sent; else the caller says session_fail.
 */
int session_run(struct session *s, const struct session_place *place,
		struct err *err);

/* Tell the keeper that it did not work, unless the wire is what broke. */
void session_fail(struct session *s, const struct err *err);

/*
 * After EXIT or FAILED: end our direction and wait until the keeper has
 * closed, AGENT_LINGER_MS at most.
 */
void session_linger(struct session *s);

#endif

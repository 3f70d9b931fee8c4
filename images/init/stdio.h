/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stdio.h - the three descriptors of the container's process and init's ends
 * of them: pipes, or one terminal.
 */
#ifndef IMAGES_INIT_STDIO_H
#define IMAGES_INIT_STDIO_H

#include "images/init/settings.h"

struct stdio {
	int child[3]; /* the process's 0, 1, 2; -1 with a terminal */
	int in, out, err; /* init's, non-blocking; -1: none, or closed */
	bool tty;
	char terminal[32]; /* its path in the container */
};

/* Nothing open yet; stdio_done is safe from here on. */
void stdio_init(struct stdio *io);
void stdio_done(struct stdio *io);

/*
 * Open what @s asks for.  A terminal comes from /dev/pts below @root (a
 * descriptor) and is also bound over its /dev/console.
 */
int stdio_open(struct stdio *io, int root, const struct settings *s,
	       struct err *err);

/*
 * In the process, its root being the container's: make them 0, 1 and 2 of a
 * new session.  A terminal is opened only here, because a descriptor of
 * init's mount namespace has no name in the container's: ttyname would fail.
 */
int stdio_take(const struct stdio *io, struct err *err);

/* Close the process's ends, once it has them. */
void stdio_close_child(struct stdio *io);

/* Window size of the terminal; without one, nothing. */
void stdio_resize(const struct stdio *io, struct agent_size size);

#endif

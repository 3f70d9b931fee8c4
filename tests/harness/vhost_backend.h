/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vhost_backend.h - the backend's half of a vhost-user connection, by hand: a
 * test says in one line what came and what it answers.  One connection at a
 * time; what fails here fails the test.
 */
#ifndef TESTS_HARNESS_VHOST_BACKEND_H
#define TESTS_HARNESS_VHOST_BACKEND_H

#include <stdbool.h>
#include <stdint.h>

enum {
	GET_FEATURES = 1,
	SET_FEATURES = 2,
	SET_OWNER = 3,
	SET_MEM_TABLE = 5,
	NUM = 8,
	ADDR = 9,
	BASE = 10,
	STOP = 11,
	KICK = 12,
	CALL = 13,
	REPLY = 5, /* flags: version 1, an answer */
};

struct backend_message {
	uint32_t request, flags, size;
	uint32_t word[32];
	int fd[4];
	unsigned nr_fds;
};

extern int backend_fd; /* our end; -1: closed */
extern int backend_theirs; /* the device's, as a descriptor of our own */

/* Connect: the device's end, which is the caller's. */
int backend_connect(void);

/* The next message of the device; false when none is there. */
bool backend_next(struct backend_message *m);
/* It is there, and is this request. */
void backend_expect(uint32_t request, struct backend_message *m);
/* Eight bytes of its payload, from the @word-th four on. */
uint64_t backend_u64(const struct backend_message *m, unsigned word);
void backend_drop(const struct backend_message *m);
/* Take all that is there. */
void backend_skip(void);

/* Say something with eight bytes of payload. */
void backend_answer(uint32_t request, uint32_t flags, uint32_t low,
		    uint32_t high);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * keeper.h - the keeper's side of a session with init, for tests that need no
 * machine: init's session runs in namespaces of this kernel, over a
 * socketpair, in a root of tmpfs, overlayfs and busybox.  Needs root.
 *
 * Everything asserts: a test says what it sends and reads what came back.
 */
#ifndef TESTS_INIT_KEEPER_H
#define TESTS_INIT_KEEPER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "vmm/abi/agent.h"

#define KEEPER_TEXT (8U << 20)

struct keeper {
	int fd;
	pid_t pid; /* of the process that plays the machine */
	char base[64]; /* temporary directory */
	char *out, *err; /* what came, NUL-terminated; KEEPER_TEXT at most */
	size_t out_len, err_len;
	uint32_t type; /* of the last record */
	uint32_t status; /* of EXIT or FAILED */
	char sentence[600]; /* of FAILED */
	uint32_t credit; /* stdin bytes that may be sent now */
	struct agent_times times;
	bool started;
};

/* Whether this can work here at all; says why not. */
bool keeper_possible(void);

/* Start a session, HELLO being read. */
void keeper_start(struct keeper *k);

/* Send one record. */
void keeper_send(struct keeper *k, uint32_t type, const void *data, size_t len);
void keeper_text(struct keeper *k, uint32_t type, const char *text);
void keeper_u32(struct keeper *k, uint32_t type, uint32_t value);
void keeper_size(struct keeper *k, uint32_t type, uint16_t rows, uint16_t cols);

/* ARG for each of the NULL-terminated @argv, and START. */
void keeper_run(struct keeper *k, const char *const *argv);
void keeper_sh(struct keeper *k, const char *script);

/* Read one record into @k. */
void keeper_read(struct keeper *k);

/* Read until stdout holds @text. */
void keeper_expect(struct keeper *k, const char *text);

/* Read until EXIT or FAILED, end the session, clean up.  Returns @status. */
uint32_t keeper_finish(struct keeper *k);

/* Break the connection instead; the machine must end by itself. */
void keeper_hang_up(struct keeper *k);

/* Free the text; end what a failed test left. */
void keeper_done(struct keeper *k);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * client.h - the manager's end of a monitor's control socket
 * (vmm/abi/control.h): one request, one answer.
 *
 * A monitor may be its guest's: an answer has a largest size and a time in
 * which it must come, and its words are made harmless for a terminal.
 */
#ifndef VMM_MANAGER_CLIENT_H
#define VMM_MANAGER_CLIENT_H

#include <json-c/json.h>
#include <stddef.h>

#include "vmm/lib/err.h"
#include "vmm/manager/vmdir.h"

#define CLIENT_ANSWER_MAX (128 << 10) /* bytes, with the newline */
#define CLIENT_ANSWER_MS  10000

struct client {
	int fd; /* -1: not connected */
	unsigned answer_ms; /* how long an answer may take */
	const char *name; /* of the VM, for sentences; borrowed */
	size_t len;
	char buf[CLIENT_ANSWER_MAX]; /* received, not yet used */
};

#define CLIENT_NONE                                                            \
	{                                                                      \
		.fd = -1                                                       \
	}

/*
 * Connect to the monitor of @vm, which outlives @ret.  -errno with a sentence:
 * the VM has ended, or is about to start or end.
 */
int client_open(const struct vmdir *vm, struct client *ret, struct err *err);
/* The same for a connected, non-blocking socket, which passes to @ret. */
void client_init(struct client *ret, int fd, const char *name);
void client_close(struct client *c);

#define AUTO_CLIENT __attribute__((cleanup(client_close)))

/*
 * Send "@request", which has no newline, and wait for its answer until @until
 * (ns, timing_now()): for who asks several at once.  As client_ask() fails.
 */
int client_send(const struct client *c, const char *request, struct err *err);
int client_wait(struct client *c, uint64_t until, struct json_object **ret,
		struct err *err);

/*
 * Ask "@request", which has no newline.  The caller owns *@ret.  -errno with a
 * sentence: no answer (-ETIMEDOUT), the end of the VM (-EPIPE), nonsense
 * (-EPROTO), or "ok" false (-EREMOTEIO: the monitor's own sentence).
 */
int client_ask(struct client *c, const char *request, struct json_object **ret,
	       struct err *err);

#endif

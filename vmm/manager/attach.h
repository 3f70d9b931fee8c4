/* SPDX-License-Identifier: Apache-2.0 */
/* attach.h - the CLI's side of a run: terminal, signals, stdin and stdout. */
#ifndef VMM_MANAGER_ATTACH_H
#define VMM_MANAGER_ATTACH_H

#include <json-c/json.h>
#include <stdbool.h>
#include <sys/types.h>

#include "vmm/abi/agent.h"
#include "vmm/lib/err.h"

struct attach {
	bool interactive; /* pass stdin on */
	bool tty; /* with interactive: make the terminal raw */
	bool quiet; /* no notes */
	const char *id; /* of the VM, for messages */
};

/* Size of the terminal on stdout or stdin; 0x0 when there is none. */
struct agent_size attach_size(void);

/*
 * Block the signals that attach_run() passes on, from now on: one that comes
 * while the VM is being made waits for it.
 */
void attach_block_signals(void);

/*
 * Serve until the keeper at the other end of @keeper (taken over) has said
 * KEEPER_END or died.  The terminal is as it was when this returns.  Returns
 * the exit status; *@ret_times is NULL or the caller's.  Sentences go to
 * stderr.
 */
int attach_run(const struct attach *a, int keeper,
	       struct json_object **ret_times);

#endif

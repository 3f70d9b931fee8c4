/* SPDX-License-Identifier: Apache-2.0 */
/* control.h - the control socket and the events; see vmm/abi/control.h. */
#ifndef VMM_MONITOR_CONTROL_H
#define VMM_MONITOR_CONTROL_H

#include "vmm/abi/control.h"
#include "vmm/monitor/vm.h"

#define CONTROL_CLIENTS 8

struct control {
	struct vm *vm;
	struct loop *loop;
	struct loop_fd listener;
	struct control_client {
		struct control *control;
		struct loop_fd src;
		char line[CONTROL_MAX_REQUEST];
		size_t len;
	} client[CONTROL_CLIENTS];
};

/* Serve @listen_fd (-1: nobody; stays the caller's) on @loop. */
int control_init(struct control *c, struct vm *vm, struct loop *loop,
		 int listen_fd, struct err *err);
void control_done(struct control *c);

/* One line on @fd (-1: none); a reader that is gone or slow is ignored. */
void control_event(int fd, const char *event, const char *reason);

/* "memory", if RAM was populated. */
void control_event_memory(int fd, const struct gmem *gm, uint64_t map_ns);

/* "jail", if a wall is missing. */
void control_event_jail(int fd, const struct jail_walls *walls);

/* "device-lost": function @bdf of the host; @why as in vmm/abi/control.h. */
void control_event_lost(int fd, const char *bdf, const char *why);

/* The word for it in events and answers. */
const char *control_end_name(enum vm_end end);

#endif

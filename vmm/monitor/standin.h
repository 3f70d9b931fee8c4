/* SPDX-License-Identifier: Apache-2.0 */
/*
 * standin.h - a monitor that a person starts has no keeper.  The process that
 * was started stands in for one: the VM runs in a child of it that is born
 * into the jail, and the parent waits, passes signals on, removes the sockets
 * that were made and ends as the child did.
 */
#ifndef VMM_MONITOR_STANDIN_H
#define VMM_MONITOR_STANDIN_H

#include <signal.h>

#include "vmm/monitor/config.h"

/* The signals that end a VM: both processes block them and read a signalfd. */
void standin_signals(sigset_t *ret);

/*
 * Become two.  0: this is the child, go on; 1: this was the parent, all is
 * over and *@ret_status is known; -errno with a sentence.  With the jail off,
 * or a keeper that did it: 0 and no second process.  One thread only.
 */
int standin_fork(struct config *c, int *ret_status, struct err *err);

#endif

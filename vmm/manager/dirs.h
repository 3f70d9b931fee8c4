/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VMM_MANAGER_DIRS_H
#define VMM_MANAGER_DIRS_H

#include "vmm/lib/err.h"
#include "vmm/manager/cmd.h"

/*
 * Fill the paths of @mgr.  @root (of --root or $BELLJAR_ROOT) puts data and
 * run under one directory; NULL: /var/lib and /run for root, the XDG
 * directories for anyone else.  @runroot (of --runroot or $BELLJAR_RUNROOT) is
 * where run goes in any case: Unix sockets need a local file system.  Nothing
 * is created.
 */
int dirs_init(struct manager *mgr, const char *root, const char *runroot,
	      struct err *err);
void dirs_done(struct manager *mgr);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* checks_jail.h - the question of `belljar doctor` about the jail. */
#ifndef VMM_MANAGER_CHECKS_JAIL_H
#define VMM_MANAGER_CHECKS_JAIL_H

#include "vmm/manager/checks.h"

void ask_jail(const struct manager *mgr, struct check *ret);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* control_stats.h - the answer to the control request "stats". */
#ifndef VMM_MONITOR_CONTROL_STATS_H
#define VMM_MONITOR_CONTROL_STATS_H

#include <json-c/json.h>

#include "vmm/monitor/vm.h"

/*
 * Add "devices" and "vcpus" to @answer (vmm/abi/control.h).  The main thread;
 * no lock is taken, so a device that hangs in its backend is asked, too.
 */
void control_stats(const struct vm *vm, struct json_object *answer);

#endif

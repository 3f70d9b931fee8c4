/* SPDX-License-Identifier: Apache-2.0 */
/* host.h - what this machine has. */
#ifndef VMM_MANAGER_HOST_H
#define VMM_MANAGER_HOST_H

#include <stdint.h>

/* A line of /proc/meminfo ("MemTotal") in bytes; 0 when there is none. */
uint64_t host_meminfo(const char *key);

#endif

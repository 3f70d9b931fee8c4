/* SPDX-License-Identifier: Apache-2.0 */
/*
 * profile.h - `--profile NAME`: a set of options under one name.  What a user
 * gives beside it wins where it is a number or makes the VM stricter; what
 * would open a wall of the profile is refused.
 */
#ifndef VMM_MANAGER_PROFILE_H
#define VMM_MANAGER_PROFILE_H

#include "vmm/lib/err.h"

struct run_options;

/* `untrusted`: what it sets unless told otherwise; docs/untrusted.md. */
#define PROFILE_CPUS	    1U
#define PROFILE_CPU	    1000U /* thousandths of a processor */
#define PROFILE_TIMEOUT	    3600U /* seconds */
#define PROFILE_DISK_BPS    (100ULL << 20)
#define PROFILE_DISK_IOPS   2000U
#define PROFILE_NET_BPS	    (10ULL << 20)
#define PROFILE_NET_PPS	    10000U
#define PROFILE_CONSOLE_BPS (64ULL << 10)
#define PROFILE_LOG_MAX	    (16ULL << 20) /* bytes of each log */

/*
 * Complete @o, in which everything given has been read, by the profile that it
 * names; none named: nothing happens.  0, or -EINVAL with a sentence: no such
 * profile, or an option that contradicts it.
 */
int profile_apply(struct run_options *o, struct err *err);

#endif

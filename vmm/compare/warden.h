/* SPDX-License-Identifier: Apache-2.0 */
/* warden.h - the process above a job; see job.h. */
#ifndef VMM_COMPARE_WARDEN_H
#define VMM_COMPARE_WARDEN_H

#include <stdint.h>

#include "vmm/compare/job.h"

/* What it tells compare over a pipe, each in one write(). */
enum warden_kind {
	WARDEN_FAILED = 1, /* text: why the command was not executed */
	WARDEN_EXIT, /* the command ended: status, ns */
	WARDEN_GONE, /* nothing is left: cpu_ns */
};

struct warden_report {
	enum warden_kind kind;
	int status;
	uint64_t ns;
	uint64_t cpu_ns;
	char text[JOB_WHY_MAX];
};

/* Descriptors for it.  Compare's ends are closed in it. */
struct warden_fds {
	int in, out, err;
	int life; /* end of file: end the job */
	int report;
	int handover; /* for notify.h, or -1 */
};

/* In a fork of compare's: never returns. */
__attribute__((noreturn)) void warden_run(const struct job_spec *spec,
					  const struct warden_fds *fds);

#endif

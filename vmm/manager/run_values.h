/* SPDX-License-Identifier: Apache-2.0 */
/* run_values.h - the values that options of `belljar run` take. */
#ifndef VMM_MANAGER_RUN_VALUES_H
#define VMM_MANAGER_RUN_VALUES_H

#include <stdint.h>

#include "vmm/lib/err.h"
#include "vmm/manager/strv.h"

/* All return 0 or -errno with a sentence. */

/*
 * "1.5" processors: vCPUs are whole, so it is rounded up; *@ret_milli is what
 * they may take together, in thousandths.
 */
int run_value_cpus(const char *text, unsigned *ret, unsigned *ret_milli,
		   struct err *err);

/* "90", "90s", "5m", "2h", "1d": seconds, at least one. */
int run_value_timeout(const char *text, uint64_t *ret, struct err *err);

/* NAME=VALUE as it is; NAME is looked up in our own environment. */
int run_value_env(const char *text, struct strv *ret, struct err *err);

/* A file of such lines; blank lines and those that begin with # are skipped. */
int run_value_env_file(const char *path, struct strv *ret, struct err *err);

/* docker's rule for names: [a-zA-Z0-9][a-zA-Z0-9_.-]* */
int run_value_name(const char *text, struct err *err);

/* RFC 1123 letters, 63 at most. */
int run_value_hostname(const char *text, struct err *err);

/* A module's name, and parameters behind a blank. */
int run_value_module(const char *text, struct strv *ret, struct err *err);

#endif

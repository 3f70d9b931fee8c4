/* SPDX-License-Identifier: Apache-2.0 */
/*
 * checks.h - the questions of `belljar doctor`: each gives one line, and those
 * that fail mean that no VM can run.
 */
#ifndef VMM_MANAGER_CHECKS_H
#define VMM_MANAGER_CHECKS_H

#include "vmm/manager/cmd.h"

enum check_level { CHECK_OK, CHECK_WARN, CHECK_FAIL };

struct check {
	enum check_level level;
	char fact[512];
	char remedy[256]; /* "" when there is nothing to do */
};

struct check_question {
	const char *thing;
	void (*ask)(const struct manager *mgr, struct check *ret);
};

/* Fill one in; what is too long is cut. */
void check_fact(struct check *c, enum check_level level, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
void check_remedy(struct check *c, const char *text);

/* Ended by an entry whose thing is NULL. */
extern const struct check_question check_questions[];

#endif

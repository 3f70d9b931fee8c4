/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rows.c - print the rows of the jail's filters, for rows.py: role, number and
 * name of the call, the request of an ioctl() or "-", and "seldom" for those
 * that no test can count on.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "vmm/jail/seccomp_rules.h"

static void print_row(const char *role, const struct seccomp_rule *rule)
{
	const char *how = strncmp(rule->why, "seldom:", 7) ? "often" : "seldom";

	if (rule->nr == SYS_ioctl)
		printf("%s %d %s %" PRIx64 " %s\n", role, rule->nr, rule->name,
		       rule->value, how);
	else
		printf("%s %d %s - %s\n", role, rule->nr, rule->name, how);
}

int main(void)
{
	const size_t nr = sizeof(seccomp_rules) / sizeof(seccomp_rules[0]);

	for (enum jail_role role = 0; role < JAIL_ROLES; role++)
		for (size_t i = 0; i < nr; i++)
			if (seccomp_rules[i].roles & 1U << role)
				print_row(seccomp_role(role),
					  &seccomp_rules[i]);
	return 0;
}

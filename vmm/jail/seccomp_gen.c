/* SPDX-License-Identifier: Apache-2.0 */
/*
 * seccomp_gen.c - run while belljar is built: compiles the rows of
 * seccomp_rules.h into filters and prints them as C, for seccomp.c to include.
 *
 * So a companion needs no compiler of filters in its memory, and takes no
 * time for it when a VM starts.
 */
#include <errno.h>
#include <linux/filter.h>
#include <seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "vmm/jail/seccomp_rules.h"

#define NR_RULES (sizeof(seccomp_rules) / sizeof(seccomp_rules[0]))

static int add(scmp_filter_ctx ctx, const struct seccomp_rule *rule)
{
	struct scmp_arg_cmp cmp = {
		.arg = rule->arg,
		.op = SCMP_CMP_MASKED_EQ,
		.datum_a = rule->mask,
		.datum_b = rule->value,
	};

	return seccomp_rule_add_array(ctx, SCMP_ACT_ALLOW, rule->nr,
				      rule->mask ? 1 : 0, &cmp);
}

/* One role's filter as an initialiser: { code, jt, jf, k }, ... */
static int print_filter(enum jail_role role)
{
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_KILL_PROCESS);
	FILE *tmp = tmpfile();
	struct sock_filter insn;
	int r = ctx && tmp ? 0 : -ENOMEM;

	/* Other numbers, those of x32 too, would only end the thread. */
	if (r == 0)
		r = seccomp_attr_set(ctx, SCMP_FLTATR_ACT_BADARCH,
				     SCMP_ACT_KILL_PROCESS);
	for (size_t i = 0; r == 0 && i < NR_RULES; i++)
		if (seccomp_rules[i].roles & 1U << role)
			r = add(ctx, &seccomp_rules[i]);
	if (r == 0)
		r = seccomp_export_bpf(ctx, fileno(tmp));
	if (r < 0)
		return r;
	rewind(tmp);
	printf("static const struct sock_filter filter_%s[] = {\n",
	       seccomp_role(role));
	while (fread(&insn, sizeof(insn), 1, tmp) == 1)
		printf("\t{ 0x%02x, %u, %u, 0x%08x },\n", insn.code, insn.jt,
		       insn.jf, insn.k);
	printf("};\n");
	(void)fclose(tmp);
	seccomp_release(ctx);
	return 0;
}

int main(void)
{
	for (enum jail_role role = 0; role < JAIL_ROLES; role++) {
		int r = print_filter(role);

		if (r < 0) {
			(void)fprintf(stderr, "seccomp_gen: %s: %s\n",
				      seccomp_role(role), strerror(-r));
			return 1;
		}
	}
	return 0;
}

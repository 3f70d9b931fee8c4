/* SPDX-License-Identifier: Apache-2.0 */
/* --profile: what it sets, what a user may change, what it refuses. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "vmm/manager/profile.h"
#include "vmm/manager/run_options.h"

#define WORDS_MAX 32

struct line {
	char text[512];
	char *argv[WORDS_MAX + 1];
	int argc;
	struct run_options o;
	struct err err;
	int r;
};

static void parse(struct line *l, const char *text)
{
	char *next = l->text;

	*l = (struct line){ .argc = 0 };
	(void)snprintf(l->text, sizeof(l->text), "run %s", text);
	for (char *w; (w = strsep(&next, " ")) != NULL;)
		l->argv[l->argc++] = w;
	l->r = run_options_parse(l->argc, l->argv, &l->o, &l->err);
}

static void without_a_profile_nothing_changes(void **state)
{
	const struct limit_options none = { .cpu = 0 };
	struct line l;

	(void)state;
	parse(&l, "img");
	assert_int_equal(l.r, 0);
	assert_false(l.o.network.kind == NETWORK_NONE || l.o.read_only);
	assert_int_equal(l.o.jail, JAIL_AUTO);
	assert_int_equal(l.o.timeout, 0);
	assert_int_equal(l.o.log_max, 0);
	assert_memory_equal(&l.o.limits, &none, sizeof(none));
	run_options_done(&l.o);
}

static void untrusted_closes_all(void **state)
{
	struct line l;

	(void)state;
	parse(&l, "--profile untrusted img");
	assert_int_equal(l.r, 0);
	assert_true(l.o.network.kind == NETWORK_NONE && l.o.read_only);
	assert_int_equal(l.o.jail, JAIL_REQUIRED);
	assert_true(l.o.limits.required);
	assert_int_equal(l.o.cpus, 1);
	assert_int_equal(l.o.limits.cpu, 1000);
	assert_int_equal(l.o.memory, 0);
	assert_int_equal(l.o.timeout, 3600);
	assert_int_equal(l.o.log_max, 16 << 20);
	assert_int_equal(l.o.limits.disk_bps, 100 << 20);
	assert_int_equal(l.o.limits.disk_iops, 2000);
	/* It has neither. */
	assert_int_equal(l.o.limits.net_bps, 0);
	assert_int_equal(l.o.limits.net_pps, 0);
	assert_int_equal(l.o.limits.console_bps, 0);
	run_options_done(&l.o);

	parse(&l, "--serial --profile untrusted img");
	assert_int_equal(l.r, 0);
	assert_int_equal(l.o.limits.console_bps, 64 << 10);
	run_options_done(&l.o);
}

static void doors_are_named_one_by_one(void **state)
{
	static const char *const lines[] = {
		"--profile untrusted --allow a.test:443 img",
		"--network user --allow a.test:443 --profile untrusted img",
	};
	struct line l;

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		parse(&l, lines[i]);
		assert_int_equal(l.r, 0);
		assert_int_equal(l.o.network.kind, NETWORK_USER);
		assert_true(l.o.read_only);
		assert_int_equal(l.o.allow.n, 1);
		assert_int_equal(l.o.limits.net_bps, 10 << 20);
		assert_int_equal(l.o.limits.net_pps, 10000);
		run_options_done(&l.o);
	}
}

static void numbers_are_the_user_s(void **state)
{
	struct line l;

	(void)state;
	parse(&l,
	      "--cpus 1.5 -m 8g --timeout 2d --disk-bps 1g --disk-iops 9 "
	      "--net-bps 5k --net-pps 3 --serial --console-bps 7 --read-only "
	      "--jail required --allow 192.0.2.1:1 --profile untrusted img");
	assert_int_equal(l.r, 0);
	assert_int_equal(l.o.cpus, 2);
	assert_int_equal(l.o.limits.cpu, 1500);
	assert_int_equal(l.o.memory, 8ULL << 30);
	assert_int_equal(l.o.timeout, 2 * 86400);
	assert_int_equal(l.o.limits.disk_bps, 1 << 30);
	assert_int_equal(l.o.limits.disk_iops, 9);
	assert_int_equal(l.o.limits.net_bps, 5 << 10);
	assert_int_equal(l.o.limits.net_pps, 3);
	assert_int_equal(l.o.limits.console_bps, 7);
	run_options_done(&l.o);
}

static void contradictions_are_one_sentence(void **state)
{
	static const struct {
		const char *args, *said;
	} cases[] = {
		{ "--profile trusted img",
		  "there is no profile 'trusted'; these exist: untrusted" },
		{ "--profile= img", "there is no profile ''" },
		{ "--profile", "needs a value" },
		{ "--profile untrusted --network user img",
		  "--network user contradicts --profile untrusted" },
		{ "--network user --profile untrusted img", "--allow" },
		{ "--profile untrusted --jail auto img",
		  "--jail auto contradicts --profile untrusted" },
		{ "--jail auto --profile untrusted img", "leave it out" },
		{ "--jail off --profile untrusted img", "--jail" },
		{ "--profile untrusted -p 1:1 img", "-p 1:1 contradicts" },
		{ "--profile untrusted -p 1:1 --allow a.test:1 img",
		  "-p 1:1 contradicts" },
		{ "--profile untrusted -v /srv/a:/a:ro img",
		  "-v /srv/a contradicts --profile untrusted" },
		{ "--profile untrusted --mount type=bind,src=/a,dst=/a img",
		  "--mount /a contradicts" },
		{ "--profile untrusted --net-bps 1m img",
		  "--net-bps: a VM of --profile untrusted has no network" },
		{ "--profile untrusted --net-pps 1 img", "--net-pps" },
		{ "--profile untrusted --network none --allow a.test:1 img",
		  "leave out --network none" },
		{ "--profile untrusted --console-bps 9 img", "needs --serial" },
		{ "--record= img", "--record: the name of the file is empty" },
	};
	struct line l;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		parse(&l, cases[i].args);
		if (l.r >= 0 || !strstr(l.err.msg, cases[i].said) ||
		    strchr(l.err.msg, '\n'))
			fail_msg("'%s' gave %d: %s", cases[i].args, l.r,
				 l.err.msg);
		run_options_done(&l.o);
	}
}

/* Not only with the profile. */
static void a_required_jail_requires_limits(void **state)
{
	struct line l;

	(void)state;
	parse(&l, "--jail required img");
	assert_int_equal(l.r, 0);
	assert_true(l.o.limits.required);
	assert_int_equal(l.o.network.kind, NETWORK_USER);
	run_options_done(&l.o);
	parse(&l, "--jail auto img");
	assert_int_equal(l.r, 0);
	assert_false(l.o.limits.required);
	run_options_done(&l.o);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_a_profile_nothing_changes),
		cmocka_unit_test(untrusted_closes_all),
		cmocka_unit_test(doors_are_named_one_by_one),
		cmocka_unit_test(numbers_are_the_user_s),
		cmocka_unit_test(contradictions_are_one_sentence),
		cmocka_unit_test(a_required_jail_requires_limits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

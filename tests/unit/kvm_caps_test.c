/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kvm_caps_test.c - a KVM without something that belljar needs.  No machine
 * at hand lacks any of it, so this program has an ioctl() of its own, which
 * answers as such a KVM would.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <linux/kvm.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>

#include "vmm/core/kvm.h"
#include "vmm/manager/kvm_check.h"

#define FAKE_FD	 7
#define NR_ASKED 64

/* What the KVM of the moment is. */
static struct {
	int version;
	long lacks; /* a KVM_CAP_*, or -1 */
	long asked[NR_ASKED];
	unsigned nr_asked;
} kvm;

/* The C library's has a prototype with "...". */
int ioctl(int fd, unsigned long cmd, ...)
{
	va_list ap;

	va_start(ap, cmd);
	long arg = va_arg(ap, long);
	va_end(ap);
	assert_int_equal(fd, FAKE_FD);
	switch (cmd) {
	case KVM_GET_API_VERSION:
		if (kvm.version < 0)
			errno = ENOTTY;
		return kvm.version;
	case KVM_CHECK_EXTENSION:
		assert_true(kvm.nr_asked < NR_ASKED);
		kvm.asked[kvm.nr_asked++] = arg;
		return arg == kvm.lacks ? 0 : 1;
	default:
		errno = EINVAL;
		return -1;
	}
}

static void kvm_with(int version, long lacks)
{
	memset(&kvm, 0, sizeof(kvm));
	kvm.version = version;
	kvm.lacks = lacks;
}

typedef int check_fn(int fd, struct err *err);

/* Whatever is asked for, its absence is an error that names it. */
static unsigned each_absence_is_named(check_fn *check)
{
	char seen[NR_ASKED][sizeof(((struct err *)0)->msg)];
	long asked[NR_ASKED];
	struct err err = { 0 };

	kvm_with(KVM_API_VERSION, -1);
	assert_int_equal(check(FAKE_FD, &err), 0);
	unsigned nr = kvm.nr_asked;
	memcpy(asked, kvm.asked, sizeof(asked));

	for (unsigned i = 0; i < nr; i++) {
		kvm_with(KVM_API_VERSION, asked[i]);
		assert_int_equal(check(FAKE_FD, &err), -ENOTSUP);
		assert_non_null(strstr(err.msg, "lacks KVM_CAP_"));
		assert_non_null(strstr(err.msg, "; use a"));
		assert_null(strchr(err.msg, '\n'));
		(void)snprintf(seen[i], sizeof(seen[i]), "%s", err.msg);
		for (unsigned j = 0; j < i; j++)
			assert_string_not_equal(seen[i], seen[j]);
	}
	return nr;
}

static void manager_names_what_is_missing(void **state)
{
	(void)state;
	assert_true(each_absence_is_named(kvm_check_caps) >= 8);
}

static void monitor_names_what_is_missing(void **state)
{
	(void)state;
	assert_true(each_absence_is_named(kvm_check) >= 8);
}

/* Else the manager would start a monitor that then refuses. */
static void manager_asks_for_all_that_the_monitor_needs(void **state)
{
	long asked[NR_ASKED];
	struct err err = { 0 };

	(void)state;
	kvm_with(KVM_API_VERSION, -1);
	assert_int_equal(kvm_check(FAKE_FD, &err), 0);
	unsigned nr = kvm.nr_asked;
	memcpy(asked, kvm.asked, sizeof(asked));
	for (unsigned i = 0; i < nr; i++) {
		kvm_with(KVM_API_VERSION, asked[i]);
		assert_int_equal(kvm_check_caps(FAKE_FD, &err), -ENOTSUP);
	}
}

static void other_versions_are_refused(void **state)
{
	struct err err = { 0 };

	(void)state;
	kvm_with(11, -1);
	assert_int_equal(kvm_check(FAKE_FD, &err), -ENOTSUP);
	assert_non_null(strstr(err.msg, "version 11"));
	kvm_with(-1, -1);
	assert_int_equal(kvm_check(FAKE_FD, &err), -ENOTTY);
	assert_non_null(strstr(err.msg, "is not KVM"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(manager_names_what_is_missing),
		cmocka_unit_test(monitor_names_what_is_missing),
		cmocka_unit_test(manager_asks_for_all_that_the_monitor_needs),
		cmocka_unit_test(other_versions_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

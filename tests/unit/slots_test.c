/* SPDX-License-Identifier: Apache-2.0 */
/* slots_test.c - slot numbers: handed out once, given back, never exceeded. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <pthread.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "vmm/core/slots.h"

#define PAGE  UINT64_C(4096)
#define TURNS 2000

static unsigned char host[2 * PAGE] __attribute__((aligned(4096)));

static int setup(void **state)
{
	static struct slots s;

	assert_int_equal(slots_init(&s, -1, NULL), 0);
	*state = &s;
	return 0;
}

static int teardown(void **state)
{
	slots_done(*state);
	slots_done(*state);
	return 0;
}

static void a_number_given_back_is_used_again(void **state)
{
	struct slots *s = *state;
	unsigned a, b, c;

	assert_int_equal(slots_add(s, 0, PAGE, host, 0, &a, NULL), 0);
	assert_int_equal(slots_add(s, PAGE, PAGE, host, 0, &b, NULL), 0);
	assert_int_not_equal(a, b);
	assert_int_equal(slots_remove(s, a), 0);
	assert_int_equal(s->slot[a].size, 0);
	assert_int_equal(
		slots_add(s, 8 * PAGE, PAGE, host, KVM_MEM_READONLY, &c, NULL),
		0);
	assert_int_equal(c, a);
	assert_int_equal(s->slot[c].gpa, 8 * PAGE);
	assert_int_equal(s->slot[c].flags, KVM_MEM_READONLY);
	assert_int_equal(s->slot[b].gpa, PAGE);
}

static void what_overlaps_is_refused(void **state)
{
	static const struct {
		gpa_t gpa;
		uint64_t size;
		int r;
	} cases[] = {
		{ 4 * PAGE, 2 * PAGE, -EEXIST }, { 3 * PAGE, PAGE, 0 },
		{ 3 * PAGE, 2 * PAGE, -EEXIST }, { 5 * PAGE, PAGE, -EEXIST },
		{ 0, 64 * PAGE, -EEXIST },	 { 6 * PAGE, PAGE, 0 },
	};
	struct slots *s = *state;

	unsigned id = 77;

	assert_int_equal(slots_add(s, 4 * PAGE, 2 * PAGE, host, 0, &id, NULL),
			 0);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct err err = { 0 };

		id = 77;
		assert_int_equal(slots_add(s, cases[i].gpa, cases[i].size, host,
					   0, &id, &err),
				 cases[i].r);
		if (cases[i].r == 0) {
			assert_int_equal(slots_remove(s, id), 0);
			continue;
		}
		assert_int_equal(id, 77);
		assert_non_null(strstr(err.msg, "is taken already"));
	}
}

static void what_is_not_whole_pages_is_refused(void **state)
{
	static const struct {
		gpa_t gpa;
		uint64_t size, off;
	} cases[] = {
		{ 0, 0, 0 },
		{ 16, PAGE, 0 },
		{ 0, PAGE + 16, 0 },
		{ 0, PAGE, 16 },
		{ UINT64_MAX - PAGE + 1, 2 * PAGE, 0 },
	};
	struct slots *s = *state;
	unsigned id = 77;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(slots_add(s, cases[i].gpa, cases[i].size,
					   host + cases[i].off, 0, &id, NULL),
				 -EINVAL);
	assert_int_equal(id, 77);
	/* The last page there is. */
	assert_int_equal(
		slots_add(s, UINT64_MAX - PAGE + 1, PAGE, host, 0, &id, NULL),
		0);
}

static void the_last_one_is_said(void **state)
{
	struct slots *s = *state;
	struct err err = { 0 };
	unsigned id;

	for (unsigned i = 0; i < SLOTS_MAX; i++) {
		assert_int_equal(
			slots_add(s, i * PAGE, PAGE, host, 0, &id, &err), 0);
		assert_int_equal(id, i);
	}
	assert_int_equal(
		slots_add(s, SLOTS_MAX * PAGE, PAGE, host, 0, &id, &err),
		-ENOSPC);
	assert_non_null(strstr(err.msg, "1024 of them; give the VM fewer"));
	assert_int_equal(slots_remove(s, 500), 0);
	assert_int_equal(
		slots_add(s, SLOTS_MAX * PAGE, PAGE, host, 0, &id, &err), 0);
	assert_int_equal(id, 500);
}

static void *add_and_remove(void *arg)
{
	struct slots *s = arg;
	unsigned id;

	/* One page for all threads: who gets it has it alone. */
	for (unsigned i = 0; i < TURNS;) {
		int r = slots_add(s, 0, PAGE, host, 0, &id, NULL);

		if (r == -EEXIST)
			continue;
		if (r < 0 || slots_remove(s, id) < 0)
			return s;
		i++;
	}
	return NULL;
}

static void threads_do_not_share_a_number(void **state)
{
	struct slots *s = *state;
	pthread_t t[4];
	void *failed;
	unsigned id;

	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&t[i], NULL, add_and_remove, s),
				 0);
	for (unsigned i = 0; i < 4; i++) {
		assert_int_equal(pthread_join(t[i], &failed), 0);
		assert_null(failed);
	}
	assert_int_equal(slots_add(s, 0, PAGE, host, 0, &id, NULL), 0);
	assert_int_equal(id, 0);
}

/* The same books with KVM behind them. */
static void kvm_agrees(void **state)
{
	struct slots s;
	struct err err = { 0 };
	unsigned a, b;

	(void)state;
	int kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	if (kvm < 0)
		skip();
	int vm = ioctl(kvm, KVM_CREATE_VM, 0);
	assert_true(vm >= 0);
	assert_int_equal(slots_init(&s, vm, &err), 0);
	assert_in_range(s.max, 32, SLOTS_MAX);
	assert_int_equal(slots_add(&s, 0, PAGE, host, 0, &a, &err), 0);
	assert_int_equal(slots_add(&s, PAGE, PAGE, host + PAGE,
				   KVM_MEM_READONLY, &b, &err),
			 0);
	assert_int_equal(slots_remove(&s, a), 0);
	/* KVM has forgotten it, or this would be EEXIST or EINVAL. */
	assert_int_equal(slots_add(&s, 0, PAGE, host + PAGE, 0, &a, &err), 0);
	/* What KVM refuses costs no number. */
	assert_true(slots_add(&s, UINT64_C(1) << 62, PAGE, (void *)-PAGE, 0, &b,
			      &err) < 0);
	assert_non_null(strstr(err.msg, "KVM_SET_USER_MEMORY_REGION"));
	assert_int_equal(s.slot[2].size, 0);
	slots_done(&s);
	assert_int_equal(close(vm), 0);
	assert_int_equal(close(kvm), 0);
}

/* Not a VM's descriptor: the request fails, and is told as it did. */
static void a_removal_that_fails_keeps_the_slot(void **state)
{
	struct slots *s = *state;
	unsigned id;

	assert_int_equal(slots_add(s, 0, PAGE, host, 0, &id, NULL), 0);
	s->vm_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	assert_int_equal(slots_remove(s, id), -ENOTTY);
	assert_int_equal(s->slot[id].size, PAGE);
	assert_int_equal(close(s->vm_fd), 0);
	s->vm_fd = -1;
	assert_int_equal(slots_remove(s, id), 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_number_given_back_is_used_again),
		TEST(what_overlaps_is_refused),
		TEST(what_is_not_whole_pages_is_refused),
		TEST(the_last_one_is_said),
		TEST(threads_do_not_share_a_number),
		TEST(a_removal_that_fails_keeps_the_slot),
		cmocka_unit_test(kvm_agrees),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vfio_hostile_test.c - what neither a guest nor a device may do through VFIO:
 * write what outlives the VM, cost the host time before it is refused, keep
 * what the host wants back.
 */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "devices/vfio/priv.h"
#include "tests/harness/vfio_rig.h"

static struct vfio_rig rig;
static struct fake_function *fn = &rig.kernel.fn[0];

static int teardown(void **state)
{
	(void)state;
	vfio_rig_close(&rig);
	return 0;
}

/* A function that @change made different; not started. */
static void open_changed(void (*change)(void))
{
	struct vfio_pci_config cfg = { 0 };

	vfio_rig_init(&rig, 1);
	vfio_kernel_endpoint(&rig.kernel, 0, 5);
	if (change)
		change();
	assert_int_equal(vfio_rig_space(&rig, VFIO_API_GROUP), 0);
	cfg.fd = vfio_kernel_group(&rig.kernel, 0);
	assert_int_equal(vfio_rig_add(&rig, 0, &cfg), 0);
}

/* 2 GiB, 32 bits wide: more than there is below 4 GiB. */
static void much_too_large(void)
{
	fn->region[2].size = UINT64_C(1) << 31;
	fn->region[2].no_mmap = true;
}

/* Locking hundreds of GiB only to say no would take minutes. */
static void a_bar_without_room_costs_nothing(void **state)
{
	(void)state;
	open_changed(much_too_large);
	assert_int_equal(vfio_rig_start(&rig), -ENOSPC);
	assert_non_null(strstr(rig.err.msg, "0000:01:00.0"));
	assert_int_equal(rig.kernel.map_calls, 0);
	assert_int_equal(fn->resets, 0);
	assert_int_equal(fn->mode, -1);
}

#define TEST(name) cmocka_unit_test_teardown(name, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_bar_without_room_costs_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

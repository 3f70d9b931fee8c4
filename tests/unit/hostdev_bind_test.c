/* SPDX-License-Identifier: Apache-2.0 */
/* Taking functions and giving them back. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/harness/host_world.h"
#include "vmm/hostdev/journal.h"
#include "vmm/lib/auto.h"
#include "vmm/lib/io.h"

static void a_gpu_goes_with_its_audio_and_comes_back(void **state)
{
	struct world *w = *state;
	struct hostdev_hold hold = { .nr = 0 };
	char vm[64];

	assert_int_equal(world_take(w, "aabbccddeeff", GPU, &hold), 0);
	assert_int_equal(hold.nr, 2);
	world_assert_bound(w, GPU, "vfio-pci", "vfio-pci");
	world_assert_bound(w, AUDIO, "vfio-pci", "vfio-pci");
	world_assert_bound(w, DISK, "nvme", "");
	hostdev_owner(w->data, GPU, vm, sizeof(vm));
	assert_string_equal(vm, "aabbccddeeff");
	hostdev_owner(w->data, AUDIO, vm, sizeof(vm));
	assert_string_equal(vm, "aabbccddeeff");

	assert_int_equal(world_give_back(w, &hold), 0);
	assert_int_equal(hold.nr, 0);
	world_assert_untouched(w);
	hostdev_owner(w->data, GPU, vm, sizeof(vm));
	assert_string_equal(vm, "");
}

static void a_former_override_is_restored(void **state)
{
	struct world *w = *state;
	struct hostdev_hold hold = { .nr = 0 };

	fake_host_file(&w->h, "nvme\n",
		       "sys/bus/pci/devices/" DISK "/driver_override");
	assert_int_equal(world_take(w, "a", DISK, &hold), 0);
	assert_int_equal(world_give_back(w, &hold), 0);
	world_assert_bound(w, DISK, "nvme", "nvme");
}

static void two_vms_cannot_have_one_function(void **state)
{
	struct world *w = *state;
	struct hostdev_hold one = { .nr = 0 }, two = { .nr = 0 };

	assert_int_equal(world_take(w, "first", GPU, &one), 0);
	assert_int_equal(world_take(w, "second", GPU, &two), -EBUSY);
	assert_non_null(strstr(w->err.msg, "is used by VM first"));
	/* Another member of the group is no way round. */
	assert_int_equal(world_take(w, "second", AUDIO, &two), -EBUSY);
	assert_non_null(strstr(w->err.msg, "is used by VM first"));
	assert_int_equal(two.nr, 0);
	assert_int_equal(world_take(w, "second", DISK, &two), 0);
	assert_int_equal(world_repair(w), 0);
	world_assert_bound(w, GPU, "vfio-pci", "vfio-pci");
	world_assert_bound(w, DISK, "vfio-pci", "vfio-pci");
	assert_int_equal(world_give_back(w, &one), 0);
	assert_int_equal(world_give_back(w, &two), 0);
	world_assert_untouched(w);
}

static void what_vfio_had_stays_with_vfio(void **state)
{
	struct world *w = *state;
	struct hostdev_hold hold = { .nr = 0 };

	fake_host_link(&w->h, "../drivers/vfio-pci",
		       "sys/bus/pci/devices/" DISK "/driver");
	world_list(w);
	assert_int_equal(world_take(w, "a", DISK, &hold), 0);
	assert_false(world_has_entry(w, DISK));
	assert_int_equal(world_give_back(w, &hold), 0);
	world_assert_bound(w, DISK, "vfio-pci", "");
}

static void a_driverless_function_becomes_so_again(void **state)
{
	struct world *w = *state;
	struct hostdev_hold hold = { .nr = 0 };

	fake_host_remove(&w->h, "sys/bus/pci/devices/" DISK "/driver");
	world_list(w);
	assert_int_equal(world_take(w, "a", DISK, &hold), 0);
	world_assert_bound(w, DISK, "vfio-pci", "vfio-pci");
	assert_int_equal(world_give_back(w, &hold), 0);
	world_assert_bound(w, DISK, "", "");
	assert_false(world_has_entry(w, DISK));
}

static void a_refusal_leaves_all_as_it_was(void **state)
{
	struct world *w = *state;
	struct hostdev_hold hold = { .nr = 0 };

	w->h.refuses = "vfio-pci";
	assert_int_equal(world_take(w, "a", GPU, &hold), -ENODEV);
	assert_non_null(
		strstr(w->err.msg, "the driver vfio-pci does not take " GPU));
	assert_int_equal(hold.nr, 0);
	w->h.refuses = NULL;
	world_assert_untouched(w);
	/* The locks are free again. */
	assert_int_equal(world_take(w, "a", GPU, &hold), 0);
	assert_int_equal(world_give_back(w, &hold), 0);
}

static void a_driver_that_went_is_said_once(void **state)
{
	struct world *w = *state;
	struct hostdev_hold hold = { .nr = 0 };

	assert_int_equal(world_take(w, "a", DISK, &hold), 0);
	fake_host_drop_driver(&w->h, "nvme");
	assert_int_equal(world_give_back(w, &hold), -ENODEV);
	assert_non_null(strstr(w->err.msg, "driver nvme, which is gone"));
	world_assert_bound(w, DISK, "", "");
	assert_false(world_has_entry(w, DISK));
	assert_int_equal(world_repair(w), 0);
}

static void a_driver_that_went_is_loaded_again(void **state)
{
	struct world *w = *state;
	struct hostdev_hold hold = { .nr = 0 };

	assert_int_equal(world_take(w, "a", DISK, &hold), 0);
	fake_host_drop_driver(&w->h, "nvme");
	w->h.loadable = "nvme";
	assert_int_equal(world_give_back(w, &hold), 0);
	world_assert_untouched(w);
}

static void the_dead_give_back_by_repair(void **state)
{
	struct world *w = *state;
	struct hostdev_hold hold = { .nr = 0 };

	assert_int_equal(world_take(w, "a", GPU, &hold), 0);
	hostdev_hold_close(&hold);
	assert_int_equal(world_repair(w), 0);
	world_assert_untouched(w);
}

static void locks_are_shared_with_children(void **state)
{
	struct world *w = *state;
	struct hostdev_hold hold = { .nr = 0 };
	int go[2], status;

	assert_int_equal(world_take(w, "a", GPU, &hold), 0);
	assert_int_equal(pipe(go), 0);
	pid_t child = fork();
	if (child == 0) {
		char c;

		(void)close(go[1]);
		_exit(read(go[0], &c, 1) == 0 ? 0 : 1);
	}
	hostdev_hold_close(&hold);
	assert_int_equal(world_repair(w), 0);
	world_assert_bound(w, GPU, "vfio-pci", "vfio-pci");

	(void)close(go[1]);
	(void)close(go[0]);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	assert_int_equal(world_repair(w), 0);
	world_assert_untouched(w);
}

static void bound_by_hand_outlives_vms(void **state)
{
	struct world *w = *state;
	struct hostdev_hold hold = { .nr = 0 };

	assert_int_equal(world_bind(w, GPU), 0);
	assert_int_equal(world_bind(w, GPU), 0);
	assert_int_equal(world_repair(w), 0);
	world_assert_bound(w, GPU, "vfio-pci", "vfio-pci");
	world_list(w);
	assert_int_equal(world_take(w, "a", GPU, &hold), 0);
	/* Not while a VM has it. */
	assert_int_equal(world_unbind(w, GPU), -EBUSY);
	assert_non_null(strstr(w->err.msg, "used by VM a"));
	assert_int_equal(world_give_back(w, &hold), 0);
	world_assert_bound(w, GPU, "vfio-pci", "vfio-pci");
	world_assert_bound(w, AUDIO, "vfio-pci", "vfio-pci");
	assert_int_equal(world_unbind(w, GPU), 0);
	world_assert_untouched(w);
	/* And once more does nothing. */
	assert_int_equal(world_unbind(w, GPU), 0);
}

static void bound_by_others_is_not_unbound(void **state)
{
	struct world *w = *state;

	fake_host_link(&w->h, "../drivers/vfio-pci",
		       "sys/bus/pci/devices/" DISK "/driver");
	world_list(w);
	assert_int_equal(world_unbind(w, DISK), -EINVAL);
	assert_non_null(strstr(w->err.msg, "was not given to vfio-pci by"));
	world_assert_bound(w, DISK, "vfio-pci", "");
}

static void a_reboot_makes_entries_void(void **state)
{
	struct world *w = *state;
	struct hostdev_hold hold = { .nr = 0 };

	assert_int_equal(world_take(w, "a", DISK, &hold), 0);
	hostdev_hold_close(&hold);
	fake_host_file(&w->h, "boot-2\n", "proc/sys/kernel/random/boot_id");
	/* The new boot has chosen something else. */
	fake_host_file(&w->h, "(null)\n",
		       "sys/bus/pci/devices/" DISK "/driver_override");
	fake_host_remove(&w->h, "sys/bus/pci/devices/" DISK "/driver");
	assert_int_equal(world_repair(w), 0);
	world_assert_bound(w, DISK, "", "");
	assert_false(world_has_entry(w, DISK));
}

static void another_card_in_the_slot_is_left_alone(void **state)
{
	struct world *w = *state;
	struct hostdev_hold hold = { .nr = 0 };

	assert_int_equal(world_take(w, "a", DISK, &hold), 0);
	hostdev_hold_close(&hold);
	fake_host_file(&w->h, "0x4242\n",
		       "sys/bus/pci/devices/" DISK "/device");
	assert_int_equal(world_repair(w), 0);
	assert_false(world_has_entry(w, DISK));
	world_assert_bound(w, DISK, "vfio-pci", "vfio-pci");

	/* And one that was pulled out. */
	assert_int_equal(world_take(w, "a", GPU, &hold), 0);
	hostdev_hold_close(&hold);
	fake_host_remove(&w->h, "sys/devices/pci0000:00/0000:00:01.0");
	assert_int_equal(world_repair(w), 0);
	assert_false(world_has_entry(w, GPU));
}

static void a_half_written_entry_is_swept(void **state)
{
	struct world *w = *state;

	fake_host_file(&w->h, "{\"former", "data/devices/" GPU ".json.Xy12zZ");
	assert_int_equal(world_repair(w), 0);
	assert_false(
		fake_host_there(&w->h, "data/devices/" GPU ".json.Xy12zZ"));
	/* A spoiled one is named, and does not stop the others. */
	struct hostdev_hold hold = { .nr = 0 };
	assert_int_equal(world_take(w, "a", DISK, &hold), 0);
	hostdev_hold_close(&hold);
	fake_host_file(&w->h, "{}", "data/devices/" GPU ".json");
	assert_int_equal(world_repair(w), -EINVAL);
	assert_non_null(strstr(w->err.msg, GPU ".json"));
	world_assert_bound(w, DISK, "nvme", "");
}

static void busy_functions_wait_for_their_user(void **state)
{
	struct world *w = *state;
	struct hostdev_hold hold = { .nr = 0 };

	assert_int_equal(world_take(w, "a", DISK, &hold), 0);
	hostdev_hold_close(&hold);
	fake_host_file(&w->h, "qemu\n", "proc/4242/comm");
	fake_host_link(&w->h, "/dev/vfio/13", "proc/4242/fd/7");
	assert_int_equal(world_repair(w), -EBUSY);
	assert_non_null(strstr(w->err.msg,
			       "process 4242 (qemu) has '/dev/vfio/13' open"));
	assert_true(world_has_entry(w, DISK));
	fake_host_remove(&w->h, "proc/4242");
	assert_int_equal(world_repair(w), 0);
	world_assert_untouched(w);
}

/* What somebody planted there is neither emptied nor written to. */
static void a_lock_that_is_a_link_is_not_followed(void **state)
{
	struct world *w = *state;
	struct hostdev_hold hold = { .nr = 0 };
	char dir[96], link[128], file[128], text[16] = "";

	(void)snprintf(dir, sizeof(dir), "%s/devices", w->data);
	(void)snprintf(file, sizeof(file), "%s/precious", w->data);
	(void)snprintf(link, sizeof(link), "%s/%s.lock", dir, DISK);
	assert_int_equal(io_mkdirs(dir, 0700, NULL), 0);
	assert_int_equal(io_write_file(file, "precious", 8, NULL), 0);
	assert_int_equal(symlink(file, link), 0);
	assert_int_equal(world_take(w, "a", DISK, &hold), -ELOOP);
	AUTO_CLOSE int fd = open(file, O_RDONLY | O_CLOEXEC);
	assert_int_equal(io_read_full(fd, text, sizeof(text) - 1), 8);
	assert_string_equal(text, "precious");
	assert_int_equal(unlink(link), 0);
	assert_int_equal(unlink(file), 0);
	world_assert_untouched(w);
}

/* A driver hangs in another command: `ps` and the like do not, too. */
static void repair_does_not_wait_for_ever(void **state)
{
	struct world *w = *state;
	struct hostdev_hold hold = { .nr = 0 };

	assert_int_equal(world_take(w, "dead", DISK, &hold), 0);
	hostdev_hold_close(&hold);
	int lock = journal_begin(w->data, 0, &w->err);
	assert_true(lock >= 0);
	(void)alarm(30);
	assert_int_equal(world_repair(w), 0);
	assert_true(world_has_entry(w, DISK));
	assert_int_equal(journal_begin(w->data, 100, &w->err), -EBUSY);
	assert_non_null(strstr(w->err.msg, "another belljar command"));
	(void)alarm(0);
	(void)close(lock);
	assert_int_equal(world_repair(w), 0);
	world_assert_untouched(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WORLD(a_lock_that_is_a_link_is_not_followed),
		WORLD(repair_does_not_wait_for_ever),
		WORLD(a_gpu_goes_with_its_audio_and_comes_back),
		WORLD(a_former_override_is_restored),
		WORLD(two_vms_cannot_have_one_function),
		WORLD(what_vfio_had_stays_with_vfio),
		WORLD(a_driverless_function_becomes_so_again),
		WORLD(a_refusal_leaves_all_as_it_was),
		WORLD(a_driver_that_went_is_said_once),
		WORLD(a_driver_that_went_is_loaded_again),
		WORLD(the_dead_give_back_by_repair),
		WORLD(locks_are_shared_with_children),
		WORLD(bound_by_hand_outlives_vms),
		WORLD(bound_by_others_is_not_unbound),
		WORLD(a_reboot_makes_entries_void),
		WORLD(another_card_in_the_slot_is_left_alone),
		WORLD(a_half_written_entry_is_swept),
		WORLD(busy_functions_wait_for_their_user),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

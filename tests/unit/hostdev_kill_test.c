/* SPDX-License-Identifier: Apache-2.0 */
/* Death between any two writes to sysfs, and what repair makes of it. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/harness/host_world.h"

static int do_take(struct world *w)
{
	struct hostdev_hold hold = { .nr = 0 };

	return world_take(w, "a", GPU, &hold);
}

static int do_take_and_give(struct world *w)
{
	struct hostdev_hold hold = { .nr = 0 };
	int r = world_take(w, "a", GPU, &hold);

	return r < 0 ? r : world_give_back(w, &hold);
}

static int do_bind(struct world *w)
{
	return world_bind(w, GPU);
}

static int do_bind_and_unbind(struct world *w)
{
	int r = world_bind(w, GPU);

	return r < 0 ? r : world_unbind(w, GPU);
}

/* Kill @work instead of its @at-th write.  False: it had none. */
static bool killed_at(struct world *w, int (*work)(struct world *w), int at)
{
	int status;
	pid_t child = fork();

	if (child == 0) {
		w->h.writes = 0;
		w->h.die_at = at;
		_exit(work(w) < 0 ? 1 : 0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	assert_true(WEXITSTATUS(status) == 0 || WEXITSTATUS(status) == 9);
	return WEXITSTATUS(status) == 9;
}

/* Also when repair itself is killed, anywhere. */
static void repaired_wherever_killed(struct world *w,
				     int (*work)(struct world *w), int writes)
{
	int at = 0;

	for (; killed_at(w, work, at); at++) {
		for (int in = 0; killed_at(w, world_repair, in); in++)
			assert_true(in < 50);
		assert_int_equal(world_repair(w), 0);
		world_assert_untouched(w);
	}
	assert_int_equal(at, writes);
}

static void a_kill_while_taking_is_repaired(void **state)
{
	repaired_wherever_killed(*state, do_take, 6);
}

static void a_kill_while_giving_back_is_repaired(void **state)
{
	repaired_wherever_killed(*state, do_take_and_give, 14);
	world_assert_untouched(*state);
}

/* Half bound means not bound; bound stays until told otherwise. */
static void a_kill_while_binding_is_repaired(void **state)
{
	struct world *w = *state;

	for (int at = 0; killed_at(w, do_bind, at); at++) {
		assert_int_equal(world_repair(w), 0);
		for (int i = 0; i < 2; i++) {
			const char *bdf = i ? AUDIO : GPU;
			const char *now = fake_host_bound(&w->h, bdf);

			assert_true(now[0]);
			assert_int_equal(strcmp(now, "vfio-pci") == 0,
					 world_has_entry(w, bdf));
		}
		assert_int_equal(world_bind(w, GPU), 0);
		world_assert_bound(w, AUDIO, "vfio-pci", "vfio-pci");
		assert_int_equal(do_bind_and_unbind(w), 0);
		world_assert_untouched(w);
	}
}

static void a_kill_while_unbinding_is_repaired(void **state)
{
	struct world *w = *state;

	for (int at = 6; killed_at(w, do_bind_and_unbind, at); at++) {
		assert_int_equal(world_repair(w), 0);
		assert_true(fake_host_bound(&w->h, GPU)[0]);
		assert_true(fake_host_bound(&w->h, AUDIO)[0]);
		assert_int_equal(do_bind_and_unbind(w), 0);
		world_assert_untouched(w);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WORLD(a_kill_while_taking_is_repaired),
		WORLD(a_kill_while_giving_back_is_repaired),
		WORLD(a_kill_while_binding_is_repaired),
		WORLD(a_kill_while_unbinding_is_repaired),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

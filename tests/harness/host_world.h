/* SPDX-License-Identifier: Apache-2.0 */
/*
 * host_world.h - what tests of vmm/hostdev begin with: a host of files with a
 * GPU, its audio function and a disk, and a data directory of the manager.
 * The functions that end a test on failure need cmocka's headers.
 */
#ifndef TESTS_HARNESS_HOST_WORLD_H
#define TESTS_HARNESS_HOST_WORLD_H

#include "tests/harness/fake_sysfs.h"
#include "vmm/hostdev/hostdev_bind.h"

#define GPU   "0000:01:00.0"
#define AUDIO "0000:01:00.1"
#define DISK  "0000:02:00.0"
#define PORT  "0000:00:02.0" /* above DISK */
#define BELOW "sys/devices/pci0000:00/" PORT "/" DISK

extern const struct fake_function world_gpu, world_audio, world_disk;

struct world {
	struct fake_host h;
	char data[64];
	struct hostdev_list all; /* as world_list() read it */
	struct hostdev_set set; /* as world_check() asked */
	struct err err;
};

/* For cmocka: an empty host, or one with the three functions. */
int world_setup_empty(void **state);
int world_setup(void **state);
int world_teardown(void **state);

void world_list(struct world *w);

/* hostdev_check() of one or two functions, of the host as it is now. */
int world_check(struct world *w, const char *one, const char *two);

/* It must refuse with @code and a sentence that has these words in it. */
void world_refused(struct world *w, const char *bdf, int code,
		   const char *reason, const char *remedy);

int world_take(struct world *w, const char *vm, const char *bdf,
	       struct hostdev_hold *hold);
int world_give_back(struct world *w, struct hostdev_hold *hold);
int world_repair(struct world *w);
int world_bind(struct world *w, const char *bdf);
int world_unbind(struct world *w, const char *bdf);

bool world_has_entry(struct world *w, const char *bdf);
void world_assert_bound(struct world *w, const char *bdf, const char *driver,
			const char *override);
/* As it was before anything of ours. */
void world_assert_untouched(struct world *w);

#define WORLD(test)                                                            \
	cmocka_unit_test_setup_teardown(test, world_setup, world_teardown)
#define EMPTY_WORLD(test)                                                      \
	cmocka_unit_test_setup_teardown(test, world_setup_empty, world_teardown)

#endif

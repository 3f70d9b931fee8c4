/* SPDX-License-Identifier: Apache-2.0 */
/*
 * attack.h - a hostile guest is a list of attacks.  After each one it tells
 * the runner and sleeps, so that the runner can look at the monitor and at the
 * VM beside it, until the runner sends a byte.
 *
 *   ready          the guest is up; before the first attack
 *   done NAME      an attack is over, and the guest asleep
 *   host WORD      it wants something of the runner (suite.py), and sleeps
 *   pass           nothing else follows but the end
 */
#ifndef TESTS_HOSTILE_LIB_ATTACK_H
#define TESTS_HOSTILE_LIB_ATTACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/guest/lib/guest.h"

#define ELEMENTS(array) (sizeof(array) / sizeof((array)[0]))

/* RAM nobody uses: for whatever a device may be made to write. */
#define SCRATCH	     UINT64_C(0x2000000)
#define SCRATCH_SIZE UINT64_C(0x100000)
/* And some that no request is for: rings may be moved there. */
#define SCRATCH_RINGS UINT64_C(0x3000000)

struct attack {
	const char *name;
	void (*run)(void);
};

/* Say "ready" and wait. */
void attack_begin(const struct start_info *si);
/* Run them all, each reported as "WHAT: name". */
void attack_all(const char *what, const struct attack *list, unsigned nr);
/* "done WHAT: NAME", and wait. */
void attack_done(const char *what, const char *name);
/* "host WORD", and wait until that is done. */
void attack_host(const char *word);
/* A byte of the runner's; asleep until it comes. */
char attack_get(void);
/* "pass", and the end. */
void attack_end(void) __attribute__((noreturn));

/* The first address behind the last byte of RAM. */
uint64_t ram_end(void);
/* The next of a fixed sequence of numbers that look like any. */
uint32_t any(void);

/*
 * The second processor runs @body again and again, between go and stop; it
 * sleeps otherwise.  Needs --cpus 2; attack_begin() starts it when it is there.
 */
void second_go(void (*body)(void));
/* Returns when it is asleep. */
void second_stop(void);

#endif

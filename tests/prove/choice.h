/* SPDX-License-Identifier: Apache-2.0 */
/*
 * choice.h - walk every path of a test case.  A case asks choose(n) wherever
 * it could go n ways; explore() runs it again and again until each way of each
 * question was taken in each context.  Depth first, nothing at random.
 */
#ifndef TESTS_PROVE_CHOICE_H
#define TESTS_PROVE_CHOICE_H

#include <stdbool.h>

#define CHOICE_MAX 4096 /* questions in one case */

/* 0 ... @of - 1, each in its turn. */
unsigned choose(unsigned of);

/* This case is wrong; the first sentence is kept. */
void case_fail(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
bool case_failed(void);

/*
 * Run @one until nothing is left to choose or a case failed.  Prints one line,
 * "ok - NAME: N cases" or "not ok - NAME: what, and the choices".
 */
bool explore(const char *name, void (*one)(void));

#endif

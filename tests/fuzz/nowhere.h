/* SPDX-License-Identifier: Apache-2.0 */
/* nowhere.h - a network namespace with a loopback interface and nothing else.
 */
#ifndef TESTS_FUZZ_NOWHERE_H
#define TESTS_FUZZ_NOWHERE_H

/*
 * Enter it, for the life of the process; before any thread.  Ends the process
 * with a sentence when it can't be had: a fuzzer must not reach the network.
 */
void nowhere_enter(void);

#endif

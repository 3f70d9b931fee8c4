/* SPDX-License-Identifier: Apache-2.0 */
/* machine.h - what init finds when it is tested without a machine. */
#ifndef TESTS_INIT_MACHINE_H
#define TESTS_INIT_MACHINE_H

/*
 * In new namespaces: make an image below @base, run a session over @fd, and
 * return the exit status: 0 when the session ended as it should.
 */
int machine_main(int fd, const char *base);

#endif

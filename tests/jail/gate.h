/* SPDX-License-Identifier: Apache-2.0 */
/* gate.h - registers of the gate (gate.c), for its guest. */
#ifndef TESTS_JAIL_GATE_H
#define TESTS_JAIL_GATE_H

#define GATE_PORT 0x5c00
#define GATE_SIZE 16

/* 32-bit registers. */
#define GATE_RESET 0 /* write: the next word is the first */
#define GATE_WORD  4 /* write: number and arguments, low and high halves */
#define GATE_OPEN  8 /* write: enum gate_thread; read: who has yet to call */
#define GATE_GOT   12 /* read: the result, or -errno */

#define GATE_WORDS   7 /* number, six arguments */
#define GATE_POINTER (1ULL << 62) /* of the guest's RAM */

enum gate_thread {
	GATE_NOBODY,
	GATE_VCPU,
	GATE_LOOP,
	GATE_MAIN,
	GATE_DISK,
};

#endif

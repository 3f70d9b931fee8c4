/* SPDX-License-Identifier: Apache-2.0 */
/*
 * first.S - an init whose first instructions end the machine: it asks for the
 * I/O ports of the power registers and writes "power off" to the first.
 * Under QEMU an isa-debug-exit device sits at the same port.
 */
#define SYS_ioperm 173
#define POWER	   0x600
#define OFF	   0x34 /* SLP_EN | 5 << 2 */
#define KEYBOARD   0x64
#define RESET	   0xfe

	.macro write port, value
	mov $SYS_ioperm, %eax
	mov $\port, %edi
	mov $1, %esi
	mov $1, %edx
	syscall
	mov $\port, %dx
	mov $\value, %al
	out %al, %dx
	.endm

	.globl _start
_start:
	write POWER, OFF
	/* And the keyboard controller's reset, for one without either. */
	write KEYBOARD, RESET
1:	pause
	jmp 1b
	.section .note.GNU-stack, "", @progbits

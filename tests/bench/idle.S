/* SPDX-License-Identifier: Apache-2.0 */
/* idle.S - an init that says "ready" on the console, then waits for ever. */
#define SYS_write 1
#define SYS_pause 34

	.globl _start
_start:
	mov $SYS_write, %eax
	mov $1, %edi
	lea text(%rip), %rsi
	mov $6, %edx
	syscall
1:	mov $SYS_pause, %eax
	syscall
	jmp 1b
text:	.ascii "ready\n"
	.section .note.GNU-stack, "", @progbits

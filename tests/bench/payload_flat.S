/* SPDX-License-Identifier: Apache-2.0 */
/*
 * payload_flat.S - what payload.S does, for a monitor that knows no ELF: a
 * memory image, entered in real mode.
 */
#define COM1 0x3f8

	.text
	.code16
	.globl	_start
_start:
	mov	$COM1, %dx
	mov	$'!', %al
	out	%al, %dx
1:	cli
	hlt
	jmp	1b
	.section .note.GNU-stack, "", @progbits

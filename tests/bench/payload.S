/* SPDX-License-Identifier: Apache-2.0 */
/*
 * payload.S - a guest whose first instructions print '!': by the PVH entry, or
 * with FLAT, for a monitor that knows no ELF, a memory image that is entered in
 * real mode.
 */
#define COM1 0x3f8

#ifdef FLAT
	.code16
#else
	.section .note.pvh, "a", @note
	.balign	4
	.long	4, 4, 18	/* XEN_ELFNOTE_PHYS32_ENTRY */
	.asciz	"Xen"
	.long	_start

	.code32
#endif
	.text
	.globl	_start
_start:
	mov	$COM1, %dx
	mov	$'!', %al
	out	%al, %dx
1:	cli
	hlt
	jmp	1b
	.section .note.GNU-stack, "", @progbits

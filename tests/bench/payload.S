/* SPDX-License-Identifier: Apache-2.0 */
/* payload.S - a guest by the PVH entry whose first instructions print '!'. */
#define COM1 0x3f8

	.section .note.pvh, "a", @note
	.balign	4
	.long	4, 4, 18	/* XEN_ELFNOTE_PHYS32_ENTRY */
	.asciz	"Xen"
	.long	_start

	.text
	.code32
	.globl	_start
_start:
	mov	$COM1, %dx
	mov	$'!', %al
	out	%al, %dx
1:	cli
	hlt
	jmp	1b
	.section .note.GNU-stack, "", @progbits

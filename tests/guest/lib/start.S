/* SPDX-License-Identifier: Apache-2.0 */
/*
 * start.S - from the PVH entry (32-bit protected mode, paging off) or that of
 * the 64-bit boot protocol to C in 64-bit mode, for the first processor and,
 * through a real-mode trampoline, for the others.  The page tables are data: ring 0 may be emulated slowly.
 */
#define CODE64	0x08
#define CODE32	0x10
#define DATA	0x18
#define CR4_PAE 0x20
#define CR0_PE	0x1
#define CR0_PG	0x80000000
#define EFER	0xc0000080
#define LME	0x100
#define STACK	4096
#define MAX_CPU 64
#define GIB_MAP 16

	.section .note.pvh, "a", @note
	.balign	4
	.long	4, 4, 18		/* XEN_ELFNOTE_PHYS32_ENTRY */
	.asciz	"Xen"
	.long	start32

/* %ebx: start info. */
	.section .text.start, "ax"
	.code32
	.globl	start32
start32:
	cld
	lgdt	gdt_ptr
	mov	%ebx, %edi
	xor	%ebp, %ebp		/* processor 0 */
to_long:
	mov	$DATA, %eax
	mov	%eax, %ds
	mov	%eax, %es
	mov	%eax, %ss
	mov	%cr4, %eax
	or	$CR4_PAE, %eax
	mov	%eax, %cr4
	mov	$pml4, %eax
	mov	%eax, %cr3
	mov	$EFER, %ecx
	rdmsr
	or	$LME, %eax
	wrmsr
	mov	%cr0, %eax
	or	$CR0_PG, %eax
	mov	%eax, %cr0
	ljmp	$CODE64, $start64

/* The 64-bit boot protocol: paging is on, %rsi is boot_params. */
	.code64
	.globl	start_long
start_long:
	cld
	lgdt	gdt_ptr
	mov	$pml4, %eax
	mov	%rax, %cr3
	mov	$DATA, %eax
	mov	%eax, %ds
	mov	%eax, %es
	mov	%eax, %ss
	lea	stacks + STACK, %rsp
	mov	%rsi, %rdi
	push	$CODE64
	push	$guest_start_long
	lretq

start64:
	mov	%ebp, %eax
	inc	%eax
	shl	$12, %eax
	lea	stacks(%rax), %rsp
	test	%ebp, %ebp
	jnz	1f
	call	guest_start
1:	mov	%ebp, %edi
	call	ap_start
2:	hlt
	jmp	2b

	.code32
ap32:
	mov	$DATA, %eax
	mov	%eax, %ds
	mov	$1, %ebp
	lock xadd %ebp, ap_next
	jmp	to_long

/* Copied to AP_TRAMPOLINE, a page below 1 MiB; cs is that page. */
	.code16
	.globl	ap_trampoline, ap_trampoline_end
ap_trampoline:
	cli
	mov	%cs, %ax
	mov	%ax, %ds
	lgdtl	gdt_ptr_low - ap_trampoline
	mov	%cr0, %eax
	or	$CR0_PE, %al
	mov	%eax, %cr0
	ljmpl	$CODE32, $ap32
gdt_ptr_low:
	.word	gdt_end - gdt - 1
	.long	gdt
ap_trampoline_end:

/*
 * One entry stub for each interrupt vector, 16 bytes apart: push the vector,
 * having put a zero where the processor pushes no error code itself.
 */
	.code64
	.globl	irq_stubs
	.balign	16
irq_stubs:
	.set	vector, 0
	.rept	48
	.balign	16
	.if	(vector == 8) || (vector >= 10 && vector <= 14) || (vector == 17)
	.else
	push	$0
	.endif
	push	$vector
	jmp	irq_common
	.set	vector, vector + 1
	.endr

irq_common:
	push	%rax
	push	%rcx
	push	%rdx
	push	%rsi
	push	%rdi
	push	%r8
	push	%r9
	push	%r10
	push	%r11
	mov	72(%rsp), %rdi		/* vector */
	mov	80(%rsp), %rsi		/* error code */
	mov	88(%rsp), %rdx		/* rip */
	/*
	 * Not behind hlt but before it: a processor that forgets the shadow of
	 * sti, see tests/lab/README.md.  What was waited for is here.
	 */
	cmp	$irq_hlt, %rdx
	jne	1f
	incq	88(%rsp)
1:	cld
	call	irq_entry
	pop	%r11
	pop	%r10
	pop	%r9
	pop	%r8
	pop	%rdi
	pop	%rsi
	pop	%rdx
	pop	%rcx
	pop	%rax
	add	$16, %rsp
	iretq

/* void irq_sleep(void): called with interrupts off, returns behind one. */
	.globl	irq_sleep
irq_sleep:
	sti
irq_hlt:
	hlt
	cli
	ret

	.data
	.balign	8
	.globl	ap_next
ap_next:
	.long	1
	.balign	8
gdt:
	.quad	0
	.quad	0x00af9b000000ffff	/* CODE64 */
	.quad	0x00cf9b000000ffff	/* CODE32 */
	.quad	0x00cf93000000ffff	/* DATA */
gdt_end:
gdt_ptr:
	.word	gdt_end - gdt - 1
	.quad	gdt

/* 2 MiB pages, one to one: RAM, the hole with its devices, and beyond. */
	.balign	4096
pml4:
	.quad	pdpt + 3
	.fill	511, 8, 0
pdpt:
	.set	i, 0
	.rept	GIB_MAP
	.quad	pages + i * 4096 + 3
	.set	i, i + 1
	.endr
	.fill	512 - GIB_MAP, 8, 0
pages:
	.set	i, 0
	.rept	GIB_MAP * 512
	.quad	(i << 21) + 0x83
	.set	i, i + 1
	.endr

	.bss
	.balign	4096
stacks:
	.skip	MAX_CPU * STACK
	.section .note.GNU-stack, "", @progbits

/* void pier_switch(void **from, void *to): System V AMD64 psABI §3.2.1, callee-saved registers only.
 * MXCSR and the x87 control word are the thread's; fibers share them. */
#if defined(__x86_64__) && !defined(PIER_UCONTEXT)
	.text
	.globl pier_switch
	.hidden pier_switch
	.type pier_switch, @function
	.p2align 4
pier_switch:
	.cfi_startproc
	endbr64
	pushq %rbp
	.cfi_def_cfa_offset 16
	.cfi_offset rbp, -16
	pushq %rbx
	.cfi_def_cfa_offset 24
	pushq %r12
	.cfi_def_cfa_offset 32
	pushq %r13
	.cfi_def_cfa_offset 40
	pushq %r14
	.cfi_def_cfa_offset 48
	pushq %r15
	.cfi_def_cfa_offset 56
	movq %rsp, (%rdi)
	/* The frame there looks the same, so what is said above holds on both sides. */
	movq %rsi, %rsp
	popq %r15
	.cfi_def_cfa_offset 48
	popq %r14
	.cfi_def_cfa_offset 40
	popq %r13
	.cfi_def_cfa_offset 32
	popq %r12
	.cfi_def_cfa_offset 24
	popq %rbx
	.cfi_def_cfa_offset 16
	popq %rbp
	.cfi_restore rbp
	.cfi_def_cfa_offset 8
	ret
	.cfi_endproc
	.size pier_switch, . - pier_switch

/* The first frame of a fiber: pier_switch "returns" here, the fiber in r12. Unwinders stop. */
	.globl pier_switch_entry
	.hidden pier_switch_entry
	.type pier_switch_entry, @function
	.p2align 4
pier_switch_entry:
	.cfi_startproc
	.cfi_undefined rip
	endbr64
	movq %r12, %rdi
	call pier_fiber_main
	ud2
	.cfi_endproc
	.size pier_switch_entry, . - pier_switch_entry

#endif
	.section .note.GNU-stack, "", %progbits

/* void pier_switch(void **from, void *to): AAPCS64 §6.1, callee-saved x19-x30, d8-d15. */
#if defined(__aarch64__) && !defined(PIER_UCONTEXT)
	.text
	.globl pier_switch
	.hidden pier_switch
	.type pier_switch, %function
	.p2align 4
pier_switch:
	.cfi_startproc
	hint #34 /* bti c */
	sub sp, sp, #160
	.cfi_def_cfa_offset 160
	stp x19, x20, [sp, #0]
	stp x21, x22, [sp, #16]
	stp x23, x24, [sp, #32]
	stp x25, x26, [sp, #48]
	stp x27, x28, [sp, #64]
	stp x29, x30, [sp, #80]
	.cfi_offset x29, -80
	.cfi_offset x30, -72
	stp d8, d9, [sp, #96]
	stp d10, d11, [sp, #112]
	stp d12, d13, [sp, #128]
	stp d14, d15, [sp, #144]
	mov x9, sp
	str x9, [x0]
	/* The frame there looks the same, so what is said above holds on both sides. */
	mov sp, x1
	ldp x19, x20, [sp, #0]
	ldp x21, x22, [sp, #16]
	ldp x23, x24, [sp, #32]
	ldp x25, x26, [sp, #48]
	ldp x27, x28, [sp, #64]
	ldp x29, x30, [sp, #80]
	.cfi_restore x29
	.cfi_restore x30
	ldp d8, d9, [sp, #96]
	ldp d10, d11, [sp, #112]
	ldp d12, d13, [sp, #128]
	ldp d14, d15, [sp, #144]
	add sp, sp, #160
	.cfi_def_cfa_offset 0
	ret
	.cfi_endproc
	.size pier_switch, . - pier_switch

/* The first frame of a fiber: pier_switch "returns" here, the fiber in x19. Unwinders stop. */
	.globl pier_switch_entry
	.hidden pier_switch_entry
	.type pier_switch_entry, %function
	.p2align 4
pier_switch_entry:
	.cfi_startproc
	.cfi_undefined x30
	hint #36 /* bti j */
	mov x0, x19
	mov x29, xzr
	bl pier_fiber_main
	brk #1
	.cfi_endproc
	.size pier_switch_entry, . - pier_switch_entry

#endif
	.section .note.GNU-stack, "", %progbits

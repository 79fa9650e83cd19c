/* void pier_switch(void **from, void *to): RISC-V psABI, register conventions, LP64D: callee-saved s0-s11, fs0-fs11. The
 * rounding mode and the exceptions in fcsr are the thread's; fibers share them. */
#if defined(__riscv) && __riscv_xlen == 64 && defined(__riscv_float_abi_double) && !defined(PIER_UCONTEXT)
	.text
	.globl pier_switch
	.hidden pier_switch
	.type pier_switch, @function
	.p2align 2
pier_switch:
	.cfi_startproc
	addi sp, sp, -208
	.cfi_def_cfa_offset 208
	sd ra, 0(sp)
	.cfi_offset ra, -208
	sd s0, 8(sp)
	.cfi_offset s0, -200
	sd s1, 16(sp)
	sd s2, 24(sp)
	sd s3, 32(sp)
	sd s4, 40(sp)
	sd s5, 48(sp)
	sd s6, 56(sp)
	sd s7, 64(sp)
	sd s8, 72(sp)
	sd s9, 80(sp)
	sd s10, 88(sp)
	sd s11, 96(sp)
	fsd fs0, 104(sp)
	fsd fs1, 112(sp)
	fsd fs2, 120(sp)
	fsd fs3, 128(sp)
	fsd fs4, 136(sp)
	fsd fs5, 144(sp)
	fsd fs6, 152(sp)
	fsd fs7, 160(sp)
	fsd fs8, 168(sp)
	fsd fs9, 176(sp)
	fsd fs10, 184(sp)
	fsd fs11, 192(sp)
	sd sp, 0(a0)
	/* The frame there looks the same, so what is said above holds on both sides. */
	mv sp, a1
	ld ra, 0(sp)
	.cfi_restore ra
	ld s0, 8(sp)
	.cfi_restore s0
	ld s1, 16(sp)
	ld s2, 24(sp)
	ld s3, 32(sp)
	ld s4, 40(sp)
	ld s5, 48(sp)
	ld s6, 56(sp)
	ld s7, 64(sp)
	ld s8, 72(sp)
	ld s9, 80(sp)
	ld s10, 88(sp)
	ld s11, 96(sp)
	fld fs0, 104(sp)
	fld fs1, 112(sp)
	fld fs2, 120(sp)
	fld fs3, 128(sp)
	fld fs4, 136(sp)
	fld fs5, 144(sp)
	fld fs6, 152(sp)
	fld fs7, 160(sp)
	fld fs8, 168(sp)
	fld fs9, 176(sp)
	fld fs10, 184(sp)
	fld fs11, 192(sp)
	addi sp, sp, 208
	.cfi_def_cfa_offset 0
	ret
	.cfi_endproc
	.size pier_switch, . - pier_switch

/* The first frame of a fiber: pier_switch "returns" here, the fiber in s1. Unwinders stop. */
	.globl pier_switch_entry
	.hidden pier_switch_entry
	.type pier_switch_entry, @function
	.p2align 2
pier_switch_entry:
	.cfi_startproc
	.cfi_undefined ra
	mv a0, s1
	call pier_fiber_main
	unimp
	.cfi_endproc
	.size pier_switch_entry, . - pier_switch_entry

#endif
	.section .note.GNU-stack, "", %progbits

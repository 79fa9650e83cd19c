/* SIGINT, SIGTERM and SIGHUP as something a fiber waits for, so that what must be put right is put
 * right: a unix path removed, a terminal's modes restored. */
#ifndef CLI_INTERRUPT_H
#define CLI_INTERRUPT_H

/* Waits (fiber) for one of the signals; returns its number, or a negative error. One fiber a
 * process. */
int interrupt_wait(void);

/* Dies of the signal, as if it had not been caught: the shell then knows why. */
_Noreturn void interrupt_die(int sig);

#endif

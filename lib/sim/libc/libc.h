/* libc, as code of a simulated node finds it. These files are an archive of their own (libpier-sim), which only programs of
 * scenarios link: its functions take the place of libc's in all of such a program, its shared libraries included. Called
 * by a task of a simulation they answer as its world would; by anybody else, they do what libc does.
 * docs/decisions/0063-libc-in-the-box.md
 *
 *	clock.c      what time it is; sleep
 *	chance.c     numbers that nobody could foresee, had they not a seed
 *	openssl.c    the same, as OpenSSL wants them */
#ifndef SIM_LIBC_H
#define SIM_LIBC_H

#include "sim/world.h"

#include <dlfcn.h>

/* The task that calls; NULL: real code, as is the world itself. */
static inline struct task *libc_task(void)
{
	return pier_io_kernel && pier_world ? pier_world->task : NULL;
}

/* What would have been called without us, of the same type: libc's, or a sanitizer's. For functions that are more than a
 * system call; NULL in a static program. */
#define LIBC_REAL(function) ((__typeof__(&function))dlsym(RTLD_NEXT, #function))

#endif

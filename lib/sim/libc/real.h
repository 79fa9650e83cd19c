/* What would have been called without us: the definition after ours, libc's or a sanitizer's. A static program has no
 * dlsym; there it is the name that musl has beside the one of POSIX. */
#ifndef SIM_LIBC_REAL_H
#define SIM_LIBC_REAL_H

#include <dlfcn.h>

#define REAL(function, beside)                                                                     \
	({                                                                                         \
		static void *_Atomic found_;                                                       \
		__typeof__(function) *real_ = (beside);                                            \
		if (!found_)                                                                       \
			found_ = dlsym(RTLD_NEXT, #function);                                      \
		if (found_)                                                                        \
			*(void **)&real_ = found_;                                                 \
		real_;                                                                             \
	})

#define BESIDE(function) extern __typeof__(function) __##function __attribute__((weak))

#endif

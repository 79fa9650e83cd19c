/* openat2(2) with RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS, for kernels before 5.6 and emulators that have it not. */
#ifndef IO_BENEATH_H
#define IO_BENEATH_H

#include <sys/types.h>

/* Stricter than the kernel: every symbolic link and every ".." is -EXDEV, for from here nobody can tell, without a
 * race, where they lead. Returns a descriptor or an error. */
int pier_io_open_beneath(int dir, const char *path, int flags, mode_t mode);

#endif

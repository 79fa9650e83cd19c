/* What the functions of files share. */
#ifndef SIM_LIBC_DISK_H
#define SIM_LIBC_DISK_H

/* The names of libc are to be ours as they are written, and those of large files beside them. */
#undef _FILE_OFFSET_BITS

#include "libc.h"
#include "sim/disk/disk.h"

#include <errno.h>

#if __has_attribute(copy)
#define AS(function) __attribute__((alias(#function), copy(function)))
#else
#define AS(function) __attribute__((alias(#function)))
#endif
/* The same function by another name. */
#define ALSO(function, name)                                                                       \
	extern __typeof__(function) function##_##name __asm__(#name) AS(function)

/* The node of who asks for a path, after a little time, in which others may run; NULL: it is the real one's to answer,
 * also what lies beneath a real folder. */
struct node *libc_node_for(int at, const char *path);
/* The file of a descriptor, in the same way; NULL: it is the real one's, also when there is none. */
struct file *libc_file_for(int fd);
/* The same, at once. */
struct file *libc_file(int fd);
/* Opens it, on that node. A descriptor, or -1. */
int libc_open(struct node *n, int at, const char *path, int flags, mode_t mode);

/* As libc tells it. */
static inline int64_t libc_said(int64_t result)
{
	if (result >= 0)
		return result;
	errno = (int)-result;
	return -1;
}

#endif

/* Listening sockets that whoever started this process opened for it: sd_listen_fds(3). */
#ifndef IO_INHERITED_H
#define IO_INHERITED_H

#include <pier/bytes.h>

#define INHERITED_FIRST 3

/* Those passed to this process (LISTEN_PID, LISTEN_FDS) under `name` (LISTEN_FDNAMES), or all when it is empty;
 * at most `max`. They are made CLOEXEC. How many; 0 when there are none; -EINVAL when the variables make no
 * sense. */
int pier_io_inherited(pier_bytes name, int *out, unsigned max);

/* Makes a descriptor that another process opened fit for here: it must not block. 0 or an error. */
int pier_io_unblock(int fd);

#endif

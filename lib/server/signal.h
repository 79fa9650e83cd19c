/* The next signal that came to the process, as a message to a fiber. signalfd(2) */
#ifndef SERVER_SIGNAL_H
#define SERVER_SIGNAL_H

#include "fiber/worker.h"

/* Waits for it. Its number, or -errno. */
static inline int signal_wait(const struct io_signals *s)
{
	char info[IO_SIGNAL_SIZE];
	struct io_op op = {.kind = IO_READ, .fd = s->fd, .mem = {.at = info, .len = sizeof info}};
	int64_t n = pier_await(&op, PIER_FOREVER, "signals");
	return n < 0 ? (int)n : pier_io_signal_number(info);
}

#endif

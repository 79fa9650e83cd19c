/* The next signal that came to the process, as a message to a fiber. signalfd(2) */
#ifndef SERVER_SIGNAL_H
#define SERVER_SIGNAL_H

#include "fiber/worker.h"

#include <errno.h>

#define SIGNAL_PAUSE PIER_MS(10)

/* Waits for it, through a time without memory too: who gave up then would never hear that it is to stop. Its number, or
 * why the wait ended. */
static inline int signal_wait(const struct io_signals *s)
{
	char info[IO_SIGNAL_SIZE];
	for (;;) {
		struct io_op op = {
			.kind = IO_READ, .fd = s->fd, .mem = {.at = info, .len = sizeof info}};
		int64_t n = pier_await(&op, PIER_FOREVER, "signals");
		if (n >= 0)
			return pier_io_signal_number(info);
		if (n != -ENOMEM)
			return (int)n;
		pier_sleep(SIGNAL_PAUSE);
	}
}

#endif

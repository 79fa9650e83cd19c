/* Time, and work on other threads, as a fiber sees them. */
#include "worker.h"

#include <errno.h>
#include <pier/offload.h>
#include <pier/time.h>

int64_t pier_now(void)
{
	struct worker *w = pier_worker_self();
	return w ? w->io->now : pier_io_clock();
}

int64_t pier_wall(void)
{
	return pier_io_calendar();
}

static int64_t after(int64_t ns)
{
	int64_t at;
	return __builtin_add_overflow(pier_io_clock(), ns, &at) ? PIER_FOREVER : at;
}

static int sleep_thread(int64_t at)
{
	struct io *io = pier_io_of_thread();
	if (!io)
		return -ENOMEM;
	int64_t left = pier_time_left();
	int64_t until = left == PIER_FOREVER ? PIER_FOREVER : after(left);
	if (at < until)
		until = at;
	while (pier_io_clock() < until)
		io->backend->wait(io, until);
	return pier_io_clock() >= at ? 0 : -ETIMEDOUT;
}

int pier_sleep(int64_t ns)
{
	int err = pier_stopped();
	if (err < 0 || ns <= 0)
		return err < 0 ? err : pier_yield();
	int64_t at = after(ns);
	if (!pier_fiber_self())
		return sleep_thread(at);
	err = pier_fiber_park(at, false, "time");
	return err == -ETIMEDOUT ? pier_stopped() : err;
}

int64_t pier_offload(int64_t (*fn)(void *arg), void *arg)
{
	struct io_op op = {.kind = IO_CALL, .call = {.fn = fn, .arg = arg}};
	return pier_await_deaf(&op, "work offloaded");
}

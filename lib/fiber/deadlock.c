/* When nothing can ever happen again: all fibers of a worker are parked, and neither the kernel, nor a pool, nor the
 * clock, nor another thread has anything of theirs. They wait for each other. */
#include "base/log.h"
#include "dump.h"

#define FIBERS_TOLD 50u

static void tell(void *arg, const char *line)
{
	(void)arg;
	pier_log_line(PIER_ERROR, "%s", line);
}

static bool may_go_on(const struct worker *w)
{
	return !list_empty(&w->ready) || w->turn_first || heap_first(&w->timers) ||
	       w->io->under_way || w->mail_awaited || pier_io_has_mail(w->io);
}

/* Mail is asked for last: who waits for none gets none, but a worker that sleeps and is told to stop does. */
void pier_worker_check(struct worker *w)
{
	if (w->deadlock_told || w->fibers == 0 || may_go_on(w))
		return;
	w->deadlock_told = true;
	pier_log_line(PIER_ERROR,
		      "deadlock: the %u fibers of worker %u wait for each other, and nothing else "
		      "can wake them",
		      w->fibers, w->id);
	pier_worker_describe(w, FIBERS_TOLD, tell, NULL);
}

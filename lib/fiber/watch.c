/* Who held a worker up: each fiber's time of a turn is taken, as long as someone would hear of it. */
#include "base/log.h"
#include "dump.h"

#include <inttypes.h>

#define TELL_PAUSE PIER_S(1) /* between two lines of one worker */

void pier_watch_begin(struct worker *w)
{
	w->watch.on = pier_log_listens();
	if (!w->watch.on)
		return;
	w->watch.since = pier_io_clock();
	w->watch.longest = 0;
}

void pier_watch_switch(struct worker *w, const struct fiber *from)
{
	int64_t now = pier_io_clock(), took = now - w->watch.since;
	w->watch.since = now;
	if (!from || took <= w->watch.longest)
		return;
	w->watch.longest = took;
	w->watch.id = from->id;
	w->watch.fn = from->fn;
}

void pier_watch_tell(struct worker *w, int64_t took)
{
	char function[FUNCTION_MAX];
	if (!w->watch.on || !w->watch.longest || w->io->now < w->watch.quiet_until)
		return;
	w->watch.quiet_until = w->io->now + TELL_PAUSE;
	pier_function_name(function, w->watch.fn);
	pier_log_line(PIER_WARN,
		      "worker %u was held up for %" PRId64 " ms, for %" PRId64
		      " of them by fiber %u.%" PRIu64 " in %s",
		      w->id, took / 1000000, w->watch.longest / 1000000, w->id, w->watch.id,
		      function);
}

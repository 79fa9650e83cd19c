/* A fiber that has run out of stack, told as that. */
#include "dump.h"

#include <inttypes.h>
#include <pier/fiber.h>
#include <stdio.h>
#include <unistd.h>

/* On the fault stack, inside whatever has run out. dladdr takes the loader's lock, which this thread may take again;
 * snprintf of numbers and strings takes none. */
static void tell(const void *at)
{
	char function[FUNCTION_MAX], line[DUMP_LINE_MAX];
	struct worker *w = pier_worker_self();
	const struct fiber *f = w ? w->current : NULL;

	if (!f || !pier_stack_guards(f, at))
		return;
	pier_function_name(function, f->fn);
	int n = snprintf(line, sizeof line,
			 "fiber %u.%" PRIu64 " in %s has overflowed its stack of %zu KiB: raise "
			 "pier_run's .stack_size, or keep less there\n",
			 w->id, f->id, function, w->stacks.size >> 10);
	pier_io_write_all(STDERR_FILENO, line, (size_t)n);
}

int pier_overflow_report(bool on)
{
	return on ? pier_io_faults_watch(tell) : pier_io_faults_unwatch();
}

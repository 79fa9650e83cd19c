/* Fibers in words: what each waits for. */
#ifndef FIBER_DUMP_H
#define FIBER_DUMP_H

#include "worker.h"

#define DUMP_LINE_MAX 320 /* no line is longer */
#define FUNCTION_MAX  64  /* bytes of text */

/* Its name where the dynamic linker knows it (-rdynamic), else what addr2line(1) wants: FILE+0xOFFSET. */
void pier_function_name(char into[FUNCTION_MAX], int (*fn)(void *));

/* On the worker's own thread: a line for each of its fibers, without a newline, at most `max`; the last then
 * tells how many are left out. */
void pier_worker_describe(struct worker *w, unsigned max, void (*line)(void *arg, const char *text),
			  void *arg);

#endif

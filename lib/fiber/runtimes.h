/* The runtimes of this process, for those who look at them from outside. */
#ifndef FIBER_RUNTIMES_H
#define FIBER_RUNTIMES_H

#include "worker.h"

/* While held, no worker comes or goes. Nothing done meanwhile may wait. */
void pier_runtimes_hold(void);
void pier_runtimes_release(void);

/* Held: the worker of that number, NULL past the last. */
struct worker *pier_runtimes_worker(unsigned number);

/* A runtime comes with its first worker, and goes before its workers do. */
void pier_runtimes_add(struct runtime *rt);
void pier_runtimes_add_worker(struct runtime *rt, struct worker *w);
void pier_runtimes_remove(struct runtime *rt);

#endif

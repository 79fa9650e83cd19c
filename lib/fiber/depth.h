/* How deep fibers have used their stacks, by function. Only where the build wants it (meson -Dstack_marks, which builds
 * with debug information do): each end of a fiber then costs a system call. */
#ifndef FIBER_DEPTH_H
#define FIBER_DEPTH_H

#include "base/count.h"

#include <pier/stats.h>
#include <stddef.h>

/* Written by one worker, read by all. */
struct depth {
	int (*fn)(void *); /* written before `count` tells of it, and never again */
	counter fibers, deepest;
};

struct depths {
	atomic_uint count;
	struct depth
		at[PIER_STACK_MARKS_MAX]; /* the last is for all functions that have no place */
};

/* NULL in other builds, and when memory is out. */
struct depths *pier_depths_new(void);

/* Of a fiber that has ended, with a stack from `bottom` to `top`, of which it left what it never wrote at zero. Leaves
 * all of it at zero for the next. */
void pier_depths_note(struct depths *d, int (*fn)(void *), char *bottom, char *top);

/* As pier_stack_marks. */
int pier_depths_read(const struct depths *d, pier_stack_mark *into, unsigned room);

#endif

/* The io_uring backend in other shapes than its usual one: for tests of what seldom happens in that. */
#ifndef IO_URING_H
#define IO_URING_H

#include "backend.h"
#include "ring.h"

#ifdef IORING_SETUP_DEFER_TASKRUN
int pier_uring_open_shaped(const struct ring_shape *shape, struct io **out);
#endif

#endif

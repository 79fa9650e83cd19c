/* Work that would hold up a worker (databases, hashing, other libraries) runs on a thread of its own. */
#ifndef PIER_OFFLOAD_H
#define PIER_OFFLOAD_H

#include <pier/api.h>

PIER_BEGIN

/* Runs fn(arg) on a thread of the pool and waits until it has returned; the fiber cannot leave before,
 * so `arg` may be on its stack, and a deadline or cancel is noticed by the next wait. Outside fibers it
 * calls fn itself. Returns what fn returned; -EBUSY when 4096 calls wait already.
 * Python: asyncio.to_thread. */
PIER_API int64_t pier_offload(int64_t (*fn)(void *arg), void *arg);

PIER_END

#endif

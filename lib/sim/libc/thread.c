/* Threads that a node's program starts by itself are tasks, as those that the library starts. pthread_self is one and the same
 * for all of them, and so are variables of a thread. */
#include "real.h"

#include "libc.h"

#include <errno.h>
#include <pthread.h>
#include <threads.h>

BESIDE(pthread_create);
BESIDE(pthread_join);
BESIDE(pthread_exit);

static int detach_real(pthread_t thread)
{
	return thrd_detach(thread) == thrd_success ? 0 : EINVAL; /* musl: the same function */
}

static struct task *task_of(pthread_t thread)
{
	return (struct task *)(uintptr_t)thread;
}

int pthread_create(pthread_t *restrict out, const pthread_attr_t *restrict attr,
		   void *(*run)(void *), void *restrict arg)
{
	int detached = PTHREAD_CREATE_JOINABLE;
	if (!libc_task())
		return REAL(pthread_create, __pthread_create)(out, attr, run, arg);
	if (attr)
		pthread_attr_getdetachstate(attr, &detached);
	int err = pier_task_thread_start(out, run, arg);
	if (err == 0 && detached == PTHREAD_CREATE_DETACHED)
		pier_task_detach(task_of(*out));
	return err < 0 ? EAGAIN : 0;
}

int pthread_join(pthread_t thread, void **result)
{
	if (!libc_task())
		return REAL(pthread_join, __pthread_join)(thread, result);
	void *left = pier_task_join(task_of(thread));
	if (result)
		*result = left;
	return 0;
}

int pthread_detach(pthread_t thread)
{
	if (!libc_task())
		return REAL(pthread_detach, detach_real)(thread);
	pier_task_detach(task_of(thread));
	return 0;
}

_Noreturn void pthread_exit(void *result)
{
	if (libc_task())
		pier_task_exit(result);
	REAL(pthread_exit, __pthread_exit)(result);
	__builtin_unreachable();
}

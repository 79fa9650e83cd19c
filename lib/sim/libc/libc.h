/* libc, as code of a simulated node finds it. These files are an archive of their own (libpier-sim), which only programs of
 * scenarios link: its functions take the place of libc's in all of such a program, its shared libraries included. Called
 * by a task of a simulation they answer as its world would; by anybody else, they do what libc does.
 * docs/decisions/0063-libc-in-the-box.md
 *
 *	clock.c      what time it is; sleep
 *	chance.c     numbers that nobody could foresee, had they not a seed
 *	openssl.c    the same, as OpenSSL wants them
 *	mutex.c      locks, among tasks; held.c: who has them
 *	cond.c       conditions, semaphores
 *	thread.c     threads that are tasks
 *	process.c    who one is, and the end
 *	memory.c     what a node has of it
 *	file.c       files, and their descriptors
 *	names.c      paths
 *	folder.c     folders
 *	map.c        files in memory
 *	stdio.c      files as streams
 *	temporary.c  files with new names */
#ifndef SIM_LIBC_H
#define SIM_LIBC_H

#include "sim/world.h"

#include <time.h>

/* The task that calls; NULL: real code, as is the world itself. */
static inline struct task *libc_task(void)
{
	return pier_io_kernel && pier_world ? pier_world->task : NULL;
}

/* An absolute time as a moment of the world, never 0. By which clock it goes can be seen: years lie between them. */
static inline int64_t libc_moment(const struct timespec *t)
{
	time_t seconds =
		t->tv_sec < CALENDAR / 2000000000 ? t->tv_sec : t->tv_sec - CALENDAR / 1000000000;
	if (seconds < 0)
		return 1;
	if (seconds >= TIME_MAX / 1000000000)
		return TIME_MAX;
	return seconds * 1000000000 + t->tv_nsec + 1;
}

#endif

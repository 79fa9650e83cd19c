/* What a program's workers do, told at any time and on any thread: counters for a monitor, and a list of
 * fibers for a person who wonders what they wait for. */
#ifndef PIER_STATS_H
#define PIER_STATS_H

#include <pier/api.h>

PIER_BEGIN

/* A turn is one round of a worker: ready fibers run, then the kernel is asked for news. All but the gauges
 * only grow. They are read while the worker goes on, so they may be a turn apart from one another. */
typedef struct pier_worker_stats {
	uint64_t turns;
	uint64_t turns_blocked; /* that kept the others of the worker waiting for more than 10 ms */
	uint64_t turn_longest_ns; /* gauge: the longest so far */
	uint64_t switches;	  /* of fibers, each time one goes on */
	uint64_t fibers_started;
	uint64_t fibers;     /* gauge: alive */
	uint64_t fibers_max; /* gauge: alive at once, the most so far */
	uint64_t timers;     /* deadlines that came */
	uint64_t mail;	     /* notes and results from other threads */
	uint64_t ops;	     /* asked of the kernel: receive, send, accept, read … */
	uint64_t ops_inline; /* those complete at once */
	uint64_t ops_cancelled;
	uint64_t bytes_in, bytes_out; /* of sockets, pipes and terminals */
	uint64_t no_buffer; /* receives that found no buffer with the kernel and were asked again */
	uint64_t accepted;  /* conns taken from listeners here, also for other workers */
	uint64_t conns;	    /* gauge: served now */
	uint64_t stack_bytes; /* gauge: address space of stacks; memory is used as touched */
	uint64_t spare[8];    /* room to grow; 0 */
} pier_worker_stats;

/* Reads the counters of a worker. They are numbered from 0 over all runtimes of the process, in the order of
 * their start; a runtime's are gone once pier_run returns. Returns 0, or -ENOENT past the last. */
PIER_API int pier_stats(unsigned worker, pier_worker_stats *out);

/* Writes the counters of all workers as a page for Prometheus, text format 0.0.4, ended by a NUL. A worker
 * takes some 700 bytes, the page 3 KiB more. Returns its length, or -EMSGSIZE when `room` is too small. */
PIER_API ssize_t pier_stats_write(char *into, size_t room);

/* How deep the fibers of one function have used their stacks, by what they wrote there. The function is the one
 * given to pier_go, or the library's own: one for all conns of servers. */
typedef struct pier_stack_mark {
	int (*fn)(void *);
	uint64_t fibers;  /* that have ended */
	uint64_t deepest; /* bytes; the most that one of them used */
} pier_stack_mark;
#define PIER_STACK_MARKS_MAX 64 /* of a worker; further functions share the last, its fn is NULL */

/* Reads them for one worker, at most `room`. For choosing pier_run's stack_size, so only in debug builds (meson
 * -Dstack_marks): finding out takes a system call at the end of each fiber. What a frame reserved and never
 * wrote does not count, so leave room to spare. Returns how many, -ENOENT past the last worker, or -ENOTSUP in
 * other builds. */
PIER_API int pier_stack_marks(unsigned worker, pier_stack_mark *into, unsigned room);

/* Writes a line for each fiber of each worker: its number, its function (by name in a program linked with
 * -rdynamic, else for addr2line -f -e), what it waits for, how long already and how long still.
 *	fiber 0.17 in echo+0x1189 waits for bytes, for 4.202 s, at most 25.798 s, by an op
 * In debug builds also one for each function: how deep its fibers have used their stacks (pier_stack_marks).
 * May be called on any fiber or thread. A worker that is busy for a second is only named. While `fd` takes no
 * bytes the calling thread waits, at most a second. Returns 0 or a negative errno. */
PIER_API int pier_dump(int fd);

PIER_END

#endif

/* What a backend owes. epoll.c is the one to read first. */
#ifndef IO_BACKEND_H
#define IO_BACKEND_H

#include "base/count.h"
#include "op.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>

#define IO_BUF_SIZE   (16384 + 256) /* of a pool buffer: a whole record of TLS, sealed */
#define IO_SPILL_SIZE (256u << 10)  /* for what of one message goes beyond a pool buffer */
#define IO_BUFS_KEPT  256	    /* free buffers that an io keeps; more go back to malloc */

struct io_backend {
	const char *name;
	bool fills_ahead; /* what is received is in memory before any of those who wait runs */
	int (*open)(struct io **out);
	/* True: the op is complete already and `done` is not called. False: `done` will be, from wait. */
	bool (*submit)(struct io *, struct io_op *);
	/* Asks an op under way to end. It still completes, once, with -ECANCELED or its real result; pool
	 * work that cannot be abandoned completes when it has ended. */
	void (*cancel)(struct io *, struct io_op *);
	/* Completes what can be; sleeps until `deadline` (ns of the monotonic clock) when nothing can. */
	void (*wait)(struct io *, int64_t deadline);
	/* Forgets a descriptor on which no op is under way, so that another io can have it; closes it. */
	void (*leave_fd)(struct io *, int fd);
	void (*close_fd)(struct io *, int fd);
	/* No op may be under way. */
	void (*close)(struct io *);
};

/* Written by the io's thread, read by all. */
struct io_counts {
	counter ops, at_once, cancelled, bytes_in, bytes_out, mail, no_buffer;
};

/* The part that every backend has. An io belongs to one thread; only pier_io_post is for others. */
struct io {
	const struct io_backend *backend;
	int waits_on;	    /* the backend's descriptor, -1 for none: a forked child closes it */
	int64_t now;	    /* the clock, read once per wait */
	int64_t asked;	    /* the clock when the last wait began */
	unsigned under_way; /* ops whose done is to come */
	struct io_counts counts;
	struct io_op *ended, **ended_last; /* complete, not yet delivered */
	struct {
		pthread_mutex_t lock;
		struct io_op *first, **last;
		unsigned count;
		int eventfd;
		atomic_bool asleep;
		atomic_bool any;
	} mail;
	struct {
		void *free;
		unsigned count;
		char *spill;
	} bufs;
};

extern const struct io_backend pier_io_uring;
extern const struct io_backend pier_io_epoll;
extern const struct io_backend pier_io_block;

/* All backends, ended by NULL: what the conformance suite loops over. */
extern const struct io_backend *const pier_io_backends[];

/* An io for a worker, for the calling thread: of the backend that PIER_IO names, else the best that works
 * here. 0, -EINVAL when PIER_IO names none, or what its open said. */
int pier_io_open(struct io **out);

/* ---- For backends ------------------------------------------------------------------------------- */

void pier_io_init(struct io *io, const struct io_backend *backend);
void pier_io_done(struct io *io);

/* The eventfd that wakes a sleeper for its mail. */
int pier_io_mail_open(struct io *io);
void pier_io_mail_close(struct io *io);

/* One system call for one op, never waiting for a descriptor: the result, or IO_WAIT. */
int64_t pier_io_perform(struct io *io, struct io_op *op);

/* Hands a pooled op to its pool; false when it is complete at once (the queue is full). */
bool pier_io_pool_submit(struct io *io, struct io_op *op);
/* Abandons a look-up: true when the op is free of its pool now. */
bool pier_io_pool_abandon(struct io_op *op);

/* Marks an op complete; pier_io_deliver calls the `done` of all that are, and of the mail. True when
 * there was one. */
void pier_io_end(struct io *io, struct io_op *op, int64_t result);
bool pier_io_deliver(struct io *io);
bool pier_io_has_mail(struct io *io);

/* Adds what a complete op has moved. */
void pier_io_count_bytes(struct io *io, const struct io_op *op);

/* ---- For everyone above ------------------------------------------------------------------------- */

/* As the backend's submit and cancel, and counted. */
static inline bool io_submit(struct io *io, struct io_op *op)
{
	count_add(&io->counts.ops, 1);
	if (!io->backend->submit(io, op)) {
		io->under_way++;
		return false;
	}
	count_add(&io->counts.at_once, 1);
	pier_io_count_bytes(io, op);
	return true;
}

static inline void io_cancel(struct io *io, struct io_op *op)
{
	count_add(&io->counts.cancelled, 1);
	io->backend->cancel(io, op);
}

/* From any thread: op->done will be called on the io's thread, in the order of posts. */
void pier_io_post(struct io *io, struct io_op *op);

void *pier_io_buf_take(struct io *io);
void pier_io_buf_give(struct io *io, void *buf);

/* IO_SPILL_SIZE bytes, for the time of one call that does not wait. NULL when memory is out. */
char *pier_io_spill(struct io *io);

/* The blocking io of the calling thread, for calls outside fibers. NULL when memory is out. */
struct io *pier_io_of_thread(void);
/* True when nothing is under way there: then one op can be done without being put in line. The result, or -ETIMEDOUT;
 * `now` matters where there is a deadline. */
bool pier_io_idles(const struct io *io);
int64_t pier_io_do_alone(struct io *io, struct io_op *op, int64_t now, int64_t deadline);
/* On a socket that is not O_NONBLOCK: hold the thread up until there is something, whatever the time. */
ssize_t pier_io_recv_asleep(int fd, void *into, size_t room);
ssize_t pier_io_recvmsg_asleep(int fd, struct msghdr *msg, int flags);

/* ---- Clock, look-ups, descriptors: the rest of what only lib/io may ask the kernel ---------------- */

int64_t pier_io_clock(void);
int64_t pier_io_calendar(void);
void pier_io_random(void *into, size_t len);
unsigned pier_io_cores(void);
/* Mappings that a process may have: vm.max_map_count. */
unsigned pier_io_maps_max(void);

/* Writes all, whatever the descriptor is; a full pipe has a second to make room. 0 or an error. Holds the thread up. */
int pier_io_write_all(int fd, const void *bytes, size_t len);

/* A child process that goes on with a copy of all of this one. The child's number, 0 in the child, or an error. */
int pier_io_fork(void);
/* In the child: closes what a backend of the parent waits on. Nothing else of that io may be touched any more. */
void pier_io_forked(struct io *io);
/* Every open descriptor of the process. */
void pier_io_each_open(void (*fn)(int fd, void *arg), void *arg);
/* A descriptor that is readable once the child has ended: pidfd_open(2). */
int pier_io_process_open(int pid);
/* Waits for its end without a fiber. Its exit status, or PROCESS_KILLED and the signal that ended it; or an error. */
int pier_io_process_end(int pid);
#define PROCESS_KILLED 1000
void pier_io_process_tell(int pid, int signal);
/* Ends this process without what exit(3) would do for the parent once more. */
_Noreturn void pier_io_process_exit(int status);

/* Gives up what this process may for what `user` may (its group and groups with it, or `group` alone), for good, in all
 * threads. NULL leaves that as it is. 0, -ESRCH when there is none of that name, -EPERM … */
int pier_io_become(const char *user, const char *group);

/* Signals as a descriptor: blocks those of SIGINT, SIGTERM that are not ignored, SIGUSR1 where it would end the process,
 * and SIGPIPE, in this thread (its children inherit that) and gives a descriptor that reads all but the last. */
struct io_signals {
	sigset_t old;
	int fd;
};
int pier_io_signals_open(struct io_signals *s);
void pier_io_signals_close(struct io_signals *s);
#define IO_SIGNAL_SIZE 128 /* bytes that the descriptor gives for a signal */
int pier_io_signal_number(const char info[IO_SIGNAL_SIZE]);
/* Blocks SIGPIPE in this thread; restore drops one that came meanwhile. True when it was us. */
bool pier_io_sigpipe_block(void);
void pier_io_sigpipe_restore(bool ours);

/* Before a fault of memory (SIGSEGV) ends the process, tell(address) is called on the thread and the fault stack where it
 * happened. 0; -EBUSY where someone has a handler already; of unwatch -ENOENT when it is not ours. */
int pier_io_faults_watch(void (*tell)(const void *at));
int pier_io_faults_unwatch(void);
/* Gives the calling thread a stack for that, unless it has one: NULL then. */
void *pier_io_fault_stack_open(void);
void pier_io_fault_stack_close(void *stack);

/* A thread that takes no signals but its own faults: they are for the threads of the application. 0 or an error. */
int pier_io_thread_start(pthread_t *out, void *(*run)(void *), void *arg, bool detached);
/* Waits for the end of one that is not detached. */
void pier_io_thread_join(pthread_t thread);

#endif

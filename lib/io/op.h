/* An op: one thing asked of the kernel. It completes exactly once, also when it is cancelled, so it and
 * what it points to may live on the stack of whoever waits for it. */
#ifndef IO_OP_H
#define IO_OP_H

#include <netdb.h>
#include <pier/names.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/uio.h>

enum io_kind {
	/* Wait for the descriptor to be readable … */
	IO_ACCEPT, /* result: a new descriptor, CLOEXEC and non-blocking; addr is filled */
	IO_RECV, /* mem; without memory given, a buffer of the backend's pool comes with the data */
	IO_READ, /* the same for what is no socket; flags: IO_MAY_BLOCK */
	IO_RECVMSG,  /* msg; MSG_CMSG_CLOEXEC is the caller's: some families refuse it */
	IO_RECVMMSG, /* batch; result: how many messages came, each with its msg_len */
	IO_POLL_IN,  /* result 1 when a read would not wait */
	/* … or writable. */
	IO_CONNECT,  /* addr */
	IO_SENDMSG,  /* msg; may send a part */
	IO_SENDMMSG, /* batch; result: how many messages left. An error is that of the first */
	IO_WRITEV,   /* msg->msg_iov; the same for what is no socket; flags: IO_MAY_BLOCK */
	IO_SENDFILE, /* file: from file.fd2 at *file.offset, at most file.len; may send a part */
	/* Block on a disk: run in the file pool. Paths are beneath file.dir. */
	IO_OPEN,
	IO_PREAD,
	IO_PWRITE,
	IO_FSYNC,
	IO_RENAME,
	IO_REMOVE,
	IO_STAT,
	IO_MKDIR,
	IO_LIST,
	IO_READAHEAD,
	/* Run in the work pool and in the names pool. */
	IO_CALL,
	IO_LOOKUP,
	/* Asks nothing: a note from another thread. */
	IO_NOTE,
};

/* The descriptor is not O_NONBLOCK, since others share its description: it is polled first, and little is
 * written at once. */
#define IO_MAY_BLOCK 1

/* What a try answers when the op has to wait for its descriptor; no errno is that large. */
#define IO_WAIT (-100000)

struct io_op {
	enum io_kind kind;
	int fd;
	int flags;
	bool nowait;  /* -EAGAIN instead of waiting */
	bool tried;   /* in vain, just now, by a call beside the op: no need to begin with a try */
	bool started; /* a connect under way */
	int64_t result;
	union {
		struct {
			void *at; /* NULL: from the pool; then set when result > 0 */
			size_t len;
		} mem;
		struct msghdr *msg;
		struct {
			struct mmsghdr *at;
			unsigned count;
		} batch;
		struct {
			struct sockaddr *sa;
			socklen_t len;
		} addr;
		/* A conn on standby holds an op, so what no kind has both of shares its place. */
		struct {
			const char *path;
			union {
				const char *path2;
				void *at;
			};
			int dir;
			union {
				int fd2;
				unsigned mode;
			};
			size_t len;
			int64_t offset;
		} file;
		struct {
			int64_t (*fn)(void *);
			void *arg;
		} call;
		struct {
			const char *host;
			uint16_t port;
			bool passive;
			const struct io_question *question; /* instead of a host's addresses */
			union {
				pier_addrs *out;
				void *answer; /* of question->answer_size */
			};
			struct lookup *request;
		} lookup;
	};
	void (*done)(struct io_op *); /* called on the io's thread when the op is complete */
	void *owner;		      /* for done */
	/* The backend's own. */
	struct io_op *next;
	struct io *io;
	uint32_t slot;
	bool unwanted; /* cancelled: it does not go round again */
};

/* One piece, no address, nothing beside it: send(2) does it, with less to copy than sendmsg(2). */
static inline bool io_msg_plain(const struct msghdr *msg)
{
	return msg->msg_iovlen == 1 && !msg->msg_name && !msg->msg_controllen;
}

/* Fewer came than there was room for: the next try would be in vain. recvmmsg(2). */
static inline bool io_batch_emptied(const struct io_op *op)
{
	return op->kind == IO_RECVMMSG && op->result > 0 && (uint64_t)op->result < op->batch.count;
}

static inline bool io_kind_reads(enum io_kind kind)
{
	return kind <= IO_POLL_IN;
}

/* Errors poll(2) tells unasked; who waits for those of a queue (MSG_ERRQUEUE) wants no other news. */
static inline short io_op_news(const struct io_op *op)
{
	if (op->flags & MSG_ERRQUEUE)
		return 0;
	return io_kind_reads(op->kind) ? POLLIN : POLLOUT;
}

static inline bool io_kind_pooled(enum io_kind kind)
{
	return kind >= IO_OPEN && kind <= IO_LOOKUP;
}

#endif

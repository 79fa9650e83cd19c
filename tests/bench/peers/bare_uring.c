/* The limit on io_uring: multishot accept and receive, one ring of buffers, an enter a turn; no library.
 * bare_uring echo|stream PORT */
#include "bare.h"

#include <linux/io_uring.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#define ENTRIES	   4096
#define BUFS	   4096 /* of the ring; a power of two */
#define BUF_SIZE   16384
#define CONNS_MOST 20000

enum what {
	ACCEPT,
	RECV,
	SEND,
	CLOSE
};

/* Buffers with received bytes wait in line behind the send under way: two sends of one socket could
 * overtake each other when the first is short. */
struct conn {
	uint16_t first, last; /* of the line, by number; `count` of them */
	uint16_t count;
	bool closing, receiving, sending;
	uint32_t at; /* of a stream: the place in the block */
};

static int ring;
static unsigned *sq_head, *sq_tail, sq_mask, tail, unsubmitted, *cq_head, *cq_tail, cq_mask;
static struct io_uring_sqe *sqes;
static struct io_uring_cqe *cqes;
static struct io_uring_buf_ring *ready;
static uint16_t ready_tail, next_of[BUFS];
static uint32_t len_of[BUFS];
static char *bufs, block[2 * STREAM_BLOCK];
static struct conn conns[CONNS_MOST];
static bool streams;
static int starved[CONNS_MOST], starving; /* conns whose receive found no buffer */

/* ---- The ring ------------------------------------------------------------------------------------ */

static void enter(unsigned complete)
{
	__atomic_store_n(sq_tail, tail, __ATOMIC_RELEASE);
	long n = syscall(SYS_io_uring_enter, ring, unsubmitted, complete, IORING_ENTER_GETEVENTS,
			 NULL, 0);
	if (n < 0 && errno != EINTR && errno != EBUSY)
		fail("io_uring_enter");
	unsubmitted -= n > 0 ? (unsigned)n : 0;
}

static struct io_uring_sqe *ask(enum what what, int fd)
{
	while (tail - __atomic_load_n(sq_head, __ATOMIC_ACQUIRE) > sq_mask)
		enter(0);
	struct io_uring_sqe *s = &sqes[tail++ & sq_mask];
	*s = (struct io_uring_sqe){.fd = fd, .user_data = (uint64_t)what << 32 | (uint32_t)fd};
	unsubmitted++;
	return s;
}

static void *map(size_t size, off_t what)
{
	void *at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, ring, what);
	if (at == MAP_FAILED)
		fail("mmap");
	return at;
}

static void open_ring(void)
{
	struct io_uring_params p = {.flags = IORING_SETUP_SINGLE_ISSUER |
					     IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_CQSIZE,
				    .cq_entries = 4 * ENTRIES};
	must(ring = (int)syscall(SYS_io_uring_setup, ENTRIES, &p), "io_uring_setup");
	size_t sq = p.sq_off.array + p.sq_entries * sizeof(unsigned);
	size_t cq = p.cq_off.cqes + p.cq_entries * sizeof *cqes;
	char *at = map(sq > cq ? sq : cq, IORING_OFF_SQ_RING);
	sqes = map(p.sq_entries * sizeof *sqes, (off_t)IORING_OFF_SQES);
	sq_head = (unsigned *)(at + p.sq_off.head);
	sq_tail = (unsigned *)(at + p.sq_off.tail);
	sq_mask = *(unsigned *)(at + p.sq_off.ring_mask);
	cq_head = (unsigned *)(at + p.cq_off.head);
	cq_tail = (unsigned *)(at + p.cq_off.tail);
	cq_mask = *(unsigned *)(at + p.cq_off.ring_mask);
	cqes = (struct io_uring_cqe *)(at + p.cq_off.cqes);
	for (unsigned i = 0; i < p.sq_entries; i++)
		((unsigned *)(at + p.sq_off.array))[i] = i;
}

/* ---- Buffers ------------------------------------------------------------------------------------- */

static void offer(uint16_t id)
{
	struct io_uring_buf *b = &ready->bufs[ready_tail++ & (BUFS - 1)];
	b->addr = (uintptr_t)(bufs + (size_t)id * BUF_SIZE);
	b->len = BUF_SIZE;
	b->bid = id;
	__atomic_store_n(&ready->tail, ready_tail, __ATOMIC_RELEASE);
}

static void *anonymous(size_t size)
{
	void *at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (at == MAP_FAILED)
		fail("mmap");
	return at;
}

static void open_bufs(void)
{
	ready = anonymous(BUFS * sizeof(struct io_uring_buf));
	bufs = anonymous((size_t)BUFS * BUF_SIZE);
	struct io_uring_buf_reg reg = {.ring_addr = (uintptr_t)ready, .ring_entries = BUFS};
	must(syscall(SYS_io_uring_register, ring, IORING_REGISTER_PBUF_RING, &reg, 1),
	     "buffer ring");
	for (unsigned i = 0; i < BUFS; i++)
		offer((uint16_t)i);
}

/* ---- Conns --------------------------------------------------------------------------------------- */

static void ask_accept(int listener)
{
	struct io_uring_sqe *s = ask(ACCEPT, listener);
	s->opcode = IORING_OP_ACCEPT;
	s->ioprio = IORING_ACCEPT_MULTISHOT;
	s->accept_flags = SOCK_CLOEXEC;
}

static void ask_recv(int fd)
{
	struct io_uring_sqe *s = ask(RECV, fd);
	s->opcode = IORING_OP_RECV;
	s->ioprio = IORING_RECV_MULTISHOT;
	s->flags = IOSQE_BUFFER_SELECT;
	conns[fd].receiving = true;
}

static void ask_send(int fd, const char *from, uint32_t len)
{
	struct io_uring_sqe *s = ask(SEND, fd);
	s->opcode = IORING_OP_SEND;
	s->addr = (uintptr_t)from;
	s->len = len;
	s->msg_flags = MSG_WAITALL | MSG_NOSIGNAL;
	conns[fd].sending = true;
}

static void send_first(int fd)
{
	uint16_t id = conns[fd].first;
	ask_send(fd, bufs + (size_t)id * BUF_SIZE, len_of[id]);
}

/* Closed once nothing of it is under way. */
static void end(int fd)
{
	struct conn *c = &conns[fd];
	if (!c->closing && c->receiving)
		shutdown(fd, SHUT_RDWR);
	c->closing = true;
	if (c->receiving || c->sending)
		return;
	ask(CLOSE, fd)->opcode = IORING_OP_CLOSE;
}

static void accepted(int fd)
{
	if (fd >= CONNS_MOST) {
		close(fd);
		return;
	}
	conns[fd] = (struct conn){0};
	option(fd, IPPROTO_TCP, TCP_NODELAY);
	if (streams)
		ask_send(fd, block, STREAM_BLOCK);
	else
		ask_recv(fd);
}

static void received(int fd, const struct io_uring_cqe *q)
{
	struct conn *c = &conns[fd];
	c->receiving = q->flags & IORING_CQE_F_MORE;
	if (q->res <= 0) {
		if (q->res == -ENOBUFS)
			starved[starving++] = fd;
		else
			end(fd);
		return;
	}
	uint16_t id = (uint16_t)(q->flags >> IORING_CQE_BUFFER_SHIFT);
	len_of[id] = (uint32_t)q->res;
	if (c->count++)
		next_of[c->last] = id;
	else
		c->first = id;
	c->last = id;
	if (!c->sending)
		send_first(fd);
	if (!c->receiving && !c->closing)
		ask_recv(fd);
}

static void sent(int fd, int n)
{
	struct conn *c = &conns[fd];
	c->sending = false;
	if (streams && n > 0 && !c->closing) {
		c->at = (c->at + (uint32_t)n) % STREAM_BLOCK;
		ask_send(fd, block + c->at, STREAM_BLOCK);
		return;
	}
	if (!streams) {
		offer(c->first);
		c->first = next_of[c->first];
		c->count--;
	}
	if (c->count)
		send_first(fd);
	else if (c->closing || n < 0)
		end(fd);
}

static void reap(void)
{
	unsigned head = *cq_head;
	while (head != __atomic_load_n(cq_tail, __ATOMIC_ACQUIRE)) {
		struct io_uring_cqe q = cqes[head++ & cq_mask];
		__atomic_store_n(cq_head, head, __ATOMIC_RELEASE);
		int fd = (int)(uint32_t)q.user_data;
		switch ((enum what)(q.user_data >> 32)) {
		case ACCEPT:
			if (q.res >= 0)
				accepted(q.res);
			if (!(q.flags & IORING_CQE_F_MORE))
				ask_accept(fd);
			break;
		case RECV:
			received(fd, &q);
			break;
		case SEND:
			sent(fd, q.res);
			break;
		case CLOSE:
			break;
		}
	}
	while (starving)
		ask_recv(starved[--starving]);
}

int main(int argc, char **argv)
{
	if (argc != 3)
		return 2;
	streams = strcmp(argv[1], "stream") == 0;
	fill_block(block);
	fill_block(block + STREAM_BLOCK);
	spread();
	open_ring();
	open_bufs();
	ask_accept(open_port(argv[2], SOCK_STREAM));
	for (;;) {
		enter(1);
		reap();
	}
}

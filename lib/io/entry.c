#include "entry.h"

#ifdef IORING_SETUP_DEFER_TASKRUN

#include "backend.h"

#include <poll.h>

static void fill_accept(struct io_uring_sqe *s, struct io_op *op)
{
	s->opcode = IORING_OP_ACCEPT;
	s->addr = (uintptr_t)op->addr.sa;
	s->addr2 = (uintptr_t)&op->addr.len;
	s->accept_flags = SOCK_CLOEXEC | SOCK_NONBLOCK;
}

static void fill_recv(struct io_uring_sqe *s, struct io_op *op, bool poll_first)
{
	s->opcode = IORING_OP_RECV;
	s->msg_flags = (unsigned)op->flags;
	if (poll_first || op->tried)
		s->ioprio = IORING_RECVSEND_POLL_FIRST;
	if (op->mem.at) {
		s->addr = (uintptr_t)op->mem.at;
		s->len = (unsigned)op->mem.len;
	} else {
		s->flags = IOSQE_BUFFER_SELECT;
		s->len = IO_BUF_SIZE;
	}
}

static void fill_send(struct io_uring_sqe *s, struct io_op *op)
{
	s->msg_flags = (unsigned)op->flags | MSG_NOSIGNAL;
	s->ioprio = op->tried ? IORING_RECVSEND_POLL_FIRST : 0;
	if (io_msg_plain(op->msg)) {
		s->opcode = IORING_OP_SEND;
		s->addr = (uintptr_t)op->msg->msg_iov->iov_base;
		s->len = (unsigned)op->msg->msg_iov->iov_len;
	} else {
		s->opcode = IORING_OP_SENDMSG;
		s->addr = (uintptr_t)op->msg;
		s->len = 1;
	}
}

void pier_entry_fill(struct io_uring_sqe *s, struct io_op *op, bool poll_first)
{
	s->fd = op->fd;
	switch (entry_polls(op) ? IO_POLL_IN : op->kind) {
	case IO_ACCEPT:
		fill_accept(s, op);
		return;
	case IO_RECV:
		fill_recv(s, op, poll_first);
		return;
	case IO_RECVMSG:
		s->opcode = IORING_OP_RECVMSG;
		s->addr = (uintptr_t)op->msg;
		s->len = 1;
		s->msg_flags = (unsigned)op->flags;
		s->ioprio = op->tried ? IORING_RECVSEND_POLL_FIRST : 0;
		return;
	case IO_SENDMSG:
		fill_send(s, op);
		return;
	default:
		s->opcode = IORING_OP_POLL_ADD;
		s->poll32_events = (uint16_t)io_op_news(op);
		return;
	}
}

#endif

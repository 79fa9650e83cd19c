/* The transport: a stream over another. Whoever sends has the conn's turn to write; whoever receives reads records
 * from what the transport below has given. */
#include "tls.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* ---- Below --------------------------------------------------------------------------------------- */

void pier_tls_drop_in(struct tls_conn *t)
{
	if (t->in.at)
		pier_io_buf_give(pier_conn_io(), t->in.at);
	t->in = (struct tls_bytes){0};
}

/* `n` bytes came; 0 is the end of them. */
void pier_tls_landed(struct tls_conn *t, void *at, int64_t n)
{
	t->ended = n == 0;
	t->in = (struct tls_bytes){.at = at, .end = (size_t)n, .room = IO_BUF_SIZE};
}

/* More records, or the end of them. 1, or an error. */
int64_t pier_tls_fill(pier_conn *c, int64_t until)
{
	struct tls_conn *t = c->tls;
	void *at = NULL;

	pier_tls_drop_in(
		t); /* OpenSSL has read all of it, or would not ask for more; who waits holds no buffer */
	int64_t n = t->below->receive(c, &at, 0, until);
	if (n < 0)
		return n;
	pier_tls_landed(t, at, n);
	return 1;
}

static void free_bytes(struct tls_bytes *b)
{
	free(b->at);
	*b = (struct tls_bytes){0};
}

static bool tls_unsent(pier_conn *c, struct iovec *out)
{
	struct tls_conn *t = c->tls;
	if (t->going.start == t->going.end) {
		free_bytes(&t->going);
		t->going = t->out;
		t->out = (struct tls_bytes){0};
	}
	*out = (struct iovec){t->going.at + t->going.start, t->going.end - t->going.start};
	return out->iov_len > 0;
}

static void tls_left(pier_conn *c, size_t n)
{
	struct tls_conn *t = c->tls;
	t->going.start += n;
	if (t->going.start == t->going.end)
		free_bytes(&t->going);
}

/* Sends all that is sealed. 0 or an error. */
int pier_tls_flush(pier_conn *c, int64_t until)
{
	struct iovec iov;
	while (tls_unsent(c, &iov)) {
		struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
		int64_t n = c->tls->below->send(c, &msg, until);
		if (n < 0)
			return (int)n;
		tls_left(c, (size_t)n);
	}
	return 0;
}

/* The same, without waiting. */
static int flush_now(pier_conn *c)
{
	struct iovec iov;
	while (tls_unsent(c, &iov)) {
		struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
		struct io_op op = {.kind = IO_SENDMSG, .fd = c->fd, .msg = &msg, .nowait = true};
		bool now = io_submit(pier_conn_io(), &op);
		assert(now);
		if (op.result < 0)
			return (int)op.result;
		tls_left(c, (size_t)op.result);
	}
	return 0;
}

/* ---- Failing --------------------------------------------------------------------------------------- */

int pier_tls_fail(pier_conn *c, int err, const char *doing)
{
	const struct tls_conn *t = c->tls;
	if (c->err)
		return c->err;
	pier_conn_fail(c, err, doing);
	if (t && t->words && err == t->err && !c->why &&
	    asprintf(&c->why, "%s %s: %s", doing, pier_peer(c), t->words) < 0)
		c->why = NULL;
	return err;
}

/* Reading makes OpenSSL answer: an alert, a renewed key, no to a renegotiation. It goes if it goes at once, or with
 * what is sent next; a failure of that will be the sender's. */
static void answer(pier_conn *c)
{
	if (c->tls->out.end && !c->writing && c->socket)
		flush_now(c);
}

/* ---- Receiving ------------------------------------------------------------------------------------- */

bool pier_tls_is_dry(const struct tls_conn *t)
{
	return t->in.start == t->in.end && !t->ended && SSL_pending(t->ssl) == 0;
}

/* Of what is here. -EAGAIN: more has to come. */
static int64_t unseal(pier_conn *c, void **at, size_t room)
{
	struct tls_conn *t = c->tls;
	char *own = *at ? NULL : pier_io_buf_take(pier_conn_io());
	size_t n = 0;

	if (!*at && !own)
		return -ENOMEM;
	int done = pier_tls_step_read(t, own ? own : *at, own ? IO_BUF_SIZE : room, &n);
	if (t->in.start == t->in.end)
		pier_tls_drop_in(t);
	answer(c);
	if (done == 1) {
		if (own)
			*at = own;
		return (int64_t)n;
	}
	if (own)
		pier_io_buf_give(pier_conn_io(), own);
	if (done == TLS_WANTS)
		return -EAGAIN;
	return done == TLS_CLOSED ? 0 : pier_tls_fail(c, done, "receive from");
}

static int64_t tls_receive(pier_conn *c, void **at, size_t room, int64_t until)
{
	int64_t n;
	do {
		n = pier_tls_is_dry(c->tls) ? pier_tls_fill(c, until) : 1;
		if (n > 0)
			n = unseal(c, at, room);
	} while (n == -EAGAIN);
	return n;
}

static int64_t tls_poll(pier_conn *c, int64_t until)
{
	for (;;) {
		int64_t err = pier_tls_is_dry(c->tls) ? pier_tls_fill(c, until) : 1;
		if (err < 0)
			return err;
		if (pier_tls_step_peek(c->tls) != TLS_WANTS)
			return 1; /* also an error: the receive will tell it */
	}
}

/* Where records are here still, there is input without the op: it has brought no bytes of its own. */
static bool tls_arm(pier_conn *c, struct io_op *op)
{
	if (!pier_tls_is_dry(c->tls)) {
		op->result = 1;
		return true;
	}
	pier_tls_drop_in(c->tls);
	return c->tls->below->arm(c, op);
}

static void tls_disarm(pier_conn *c, struct io_op *op)
{
	c->tls->below->disarm(c, op);
}

static int64_t tls_unwrap(pier_conn *c, const struct io_op *op, void **at, size_t room)
{
	if (op->mem.at || op->result == 0)
		pier_tls_landed(c->tls, op->mem.at, op->result);
	return unseal(c, at, room);
}

/* ---- Sending --------------------------------------------------------------------------------------- */

/* A place in what is to be sent. */
struct plain {
	const struct iovec *iov;
	size_t count, at; /* pieces left; bytes of the first that are done with */
};

static size_t plain_total(struct plain p)
{
	size_t len = 0;
	for (size_t i = 0; i < p.count; i++)
		len += p.iov[i].iov_len;
	return len;
}

static bool is_one_record(const struct msghdr *msg)
{
	return plain_total((struct plain){.iov = msg->msg_iov, .count = msg->msg_iovlen}) <=
	       TLS_RECORD;
}

static void plain_spend(struct plain *p, size_t n)
{
	p->at += n;
	while (p->count && p->at == p->iov->iov_len) {
		p->iov++;
		p->count--;
		p->at = 0;
	}
}

/* The next record's worth: as it lies, or small pieces put together. */
static pier_bytes plain_take(struct plain *p, char together[TLS_RECORD])
{
	size_t len = 0, n = p->iov->iov_len - p->at;
	if (p->count == 1 || n >= TLS_RECORD) {
		n = n < TLS_RECORD ? n : TLS_RECORD;
		pier_bytes piece = {(char *)p->iov->iov_base + p->at, n};
		plain_spend(p, n);
		return piece;
	}
	while (p->count && len < TLS_RECORD) {
		n = p->iov->iov_len - p->at;
		if (n > TLS_RECORD - len)
			n = TLS_RECORD - len;
		memcpy(together + len, (char *)p->iov->iov_base + p->at, n);
		len += n;
		plain_spend(p, n);
	}
	return (pier_bytes){together, len};
}

/* Seals at most `most` bytes of plain text. How many, or an error. */
static int64_t seal(pier_conn *c, const struct msghdr *msg, size_t most)
{
	struct tls_conn *t = c->tls;
	struct plain p = {.iov = msg->msg_iov, .count = msg->msg_iovlen};
	plain_spend(&p, 0);
	size_t all = plain_total(p), sealed = 0;
	char *together = p.count > 1 ? pier_io_buf_take(pier_conn_io()) : NULL;
	int err = p.count > 1 && !together ? -ENOMEM : 0;
	most = all < most ? all : most;

	if (err == 0 && !t->straight) /* once, and not record by record */
		err = pier_tls_reserve(&t->out, most + (most / TLS_RECORD + 1) * TLS_OVERHEAD);
	while (err == 0 && sealed < most) {
		pier_bytes piece = plain_take(&p, together);
		int done = pier_tls_step_write(t, piece.p, piece.len);
		err = done < 0 ? done : 0;
		sealed += piece.len;
	}
	if (together)
		pier_io_buf_give(pier_conn_io(), together);
	return err < 0 ? pier_tls_fail(c, err, "send to") : (int64_t)sealed;
}

/* What is sealed is sent: a wait that ends inside leaves half a record, and the conn cannot be used on. */
static int64_t tls_send(pier_conn *c, struct msghdr *msg, int64_t until)
{
	int err = pier_tls_flush(c, until);
	if (err < 0)
		return err;
	c->tls->straight = c->socket && is_one_record(msg) ? c : NULL;
	int64_t n = seal(c, msg, TLS_BATCH);
	c->tls->straight = NULL;
	if (n < 0)
		return n;
	c->torn = true;
	err = pier_tls_flush(c, until);
	return err < 0 ? err : n;
}

static int64_t tls_send_now(pier_conn *c, const struct msghdr *msg)
{
	int err = flush_now(c);
	int64_t n = err < 0 ? err : seal(c, msg, SIZE_MAX);
	if (n < 0)
		return n;
	err = flush_now(c);
	return err < 0 && err != -EAGAIN ? err : n;
}

/* ---- Ending ---------------------------------------------------------------------------------------- */

static int tls_finish(pier_conn *c)
{
	pier_tls_step_close(c->tls); /* close_notify: RFC 8446 §6.1 */
	int err = pier_tls_flush(c, pier_conn_until(c, c->wr));
	c->tls->mute = true;
	return err < 0 ? err : c->tls->below->finish(c);
}

static void tls_close(pier_conn *c, bool reset)
{
	struct tls_conn *t = c->tls;
	if (!reset && !c->err && !c->finished) /* the peer has finished, and waits for our word */
		PIER_SHIELD (PIER_LINGER)
			tls_finish(c);
	t->below->close(c, reset);
	pier_tls_conn_free(t);
	c->tls = NULL;
}

static int64_t free_ssl(void *ssl)
{
	SSL_free(ssl);
	return 0;
}

void pier_tls_conn_free(struct tls_conn *t)
{
	pier_tls_drop_in(t);
	pier_deep(free_ssl, t->ssl);
	free_bytes(&t->out);
	free_bytes(&t->going);
	pier_tls_files_drop(t->files);
	pier_tls_free(t->context);
	free(t->line);
	free(t->name);
	free(t->words);
	free(t);
}

const struct transport pier_transport_tls = {
	.receive = tls_receive,
	.arm = tls_arm,
	.disarm = tls_disarm,
	.unwrap = tls_unwrap,
	.send = tls_send,
	.send_now = tls_send_now,
	.unsent = tls_unsent,
	.left = tls_left,
	.poll = tls_poll,
	.finish = tls_finish,
	.close = tls_close,
};

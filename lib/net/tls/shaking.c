/* The handshake: on a fiber, which waits; or among others, one op after the other, for somebody else to submit. */
#include "tls.h"

#include <errno.h>
#include <pier/offload.h>

#define DOING "start TLS with"

/* ---- One step -------------------------------------------------------------------------------------- */

/* Of what a handshake computes, our own signature takes longest: with RSA a millisecond, in which no other fiber of the
 * worker would run. Which step makes it the peer decides (a hello in pieces, a second hello, a request for our
 * certificate), so all go to the pool until it is made, or none was needed. Decision 51 has the numbers. */
void pier_tls_note_message(int sent, int version, int type, const void *message, size_t len,
			   SSL *ssl, void *arg)
{
	struct tls_conn *t = SSL_get_app_data(ssl);
	(void)version;
	(void)arg;
	if (!sent || type != SSL3_RT_HANDSHAKE || len == 0)
		return;
	switch (*(const unsigned char *)message) {
	case SSL3_MT_SERVER_KEY_EXCHANGE: /* RFC 5246 §7.4.3 */
	case SSL3_MT_CERTIFICATE_VERIFY:  /* RFC 8446 §4.4.3 */
	case SSL3_MT_FINISHED:
		t->signs = false;
	}
}

static int64_t run_step(void *of)
{
	struct tls_conn *t = of;
	int done = pier_tls_step_handshake(t);
	t->open = done == 1;
	return done;
}

static bool is_heavy(const struct tls_conn *t)
{
	return t->signs && !pier_tls_is_dry(t);
}

/* ---- On a fiber ------------------------------------------------------------------------------------ */

static int step(struct tls_conn *t)
{
	int64_t done = is_heavy(t) ? pier_offload(run_step, t) : -EBUSY;
	return (int)(done == -EBUSY ? run_step(t) : done);
}

int pier_tls_shake_hands(pier_conn *c)
{
	for (;;) {
		int done = step(c->tls);
		int64_t err = pier_tls_flush(
			c, PIER_FOREVER); /* of a failure the peer hears by an alert */
		if (done != TLS_WANTS)
			return done < 0 ? done : (int)err;
		if (err == 0)
			err = pier_tls_fill(c, PIER_FOREVER);
		if (err < 0)
			return (int)err;
	}
}

/* ---- Among others ---------------------------------------------------------------------------------- */

static int fail(pier_conn *c, int err)
{
	return pier_tls_fail(c, err, err == -PIER_EVERIFY ? "verify" : DOING);
}

/* What is to be said goes first, an alert too. */
static int next(struct shaking *s, pier_conn *c)
{
	struct tls_conn *t = c->tls;

	while (!c->via->unsent(c, &s->iov)) {
		if (s->done != TLS_WANTS)
			return s->done < 0 ? fail(c, s->done) : 1;
		if (pier_tls_is_dry(t)) {
			pier_tls_drop_in(t);
			s->op = (struct io_op){.kind = IO_RECV, .fd = c->fd};
			return 0;
		}
		if (is_heavy(t)) {
			s->op = (struct io_op){.kind = IO_CALL, .call = {run_step, t}};
			return 0;
		}
		s->done = (int)run_step(t);
	}
	s->msg = (struct msghdr){.msg_iov = &s->iov, .msg_iovlen = 1};
	s->op = (struct io_op){.kind = IO_SENDMSG, .fd = c->fd, .msg = &s->msg};
	return 0;
}

int pier_tls_shaking_begin(struct shaking *s, pier_conn *c, pier_tls *t)
{
	int err = pier_tls_be_served(c, t);
	s->done = TLS_WANTS;
	return err < 0 ? fail(c, err) : next(s, c);
}

/* A cancelled op is asked for again. What failed before the peer could hear of it, failed of that. */
int pier_tls_shaking_go_on(struct shaking *s, pier_conn *c)
{
	const struct io_op *op = &s->op;

	if (op->kind == IO_CALL)
		s->done = (int)(op->result == -EBUSY ? run_step(c->tls) : op->result);
	else if (op->result < 0 && op->result != -ECANCELED)
		return fail(c, s->done == TLS_WANTS || s->done == 1 ? (int)op->result : s->done);
	else if (op->result >= 0 && op->kind == IO_RECV)
		pier_tls_landed(c->tls, op->mem.at, op->result);
	else if (op->result >= 0)
		c->via->left(c, (size_t)op->result);
	return next(s, c);
}

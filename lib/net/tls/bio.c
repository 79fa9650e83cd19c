/* Where OpenSSL reads and writes: memory, so that none of its calls waits. What is written always finds room:
 * who sends has reserved it, and what OpenSSL says of itself has a limit; so a write is never half done. */
#include "tls.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define STRAIGHT_MIN 4096 /* bytes: below, a copy costs less than it saves */

int pier_tls_reserve(struct tls_bytes *b, size_t room)
{
	if (room <= b->room - b->end)
		return 0;
	size_t whole = b->end + room;
	char *at = realloc(b->at, whole > 2 * b->room ? whole : 2 * b->room);
	if (!at)
		return -ENOMEM;
	b->at = at;
	b->room = whole > 2 * b->room ? whole : 2 * b->room;
	return 0;
}

static int read_in(BIO *bio, char *into, size_t room, size_t *n)
{
	struct tls_conn *t = BIO_get_data(bio);
	size_t left = t->in.end - t->in.start;

	BIO_clear_retry_flags(bio);
	if (left == 0) {
		if (!t->ended)
			BIO_set_retry_read(bio);
		return 0;
	}
	*n = left < room ? left : room;
	memcpy(into, t->in.at + t->in.start, *n);
	t->in.start += *n;
	return 1;
}

/* A large record that is alone goes from where OpenSSL sealed it, as far as the socket takes it at once: that
 * saves a copy. What fails here will fail for what is left. */
static size_t send_straight(const struct tls_conn *t, const char *p, size_t len)
{
	if (!t->straight || len < STRAIGHT_MIN || t->out.end || t->going.end)
		return 0;
	struct iovec iov = {(char *)(uintptr_t)p, len};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
	struct io_op op = {.kind = IO_SENDMSG, .fd = t->straight->fd, .msg = &msg, .nowait = true};
	bool now = io_submit(pier_conn_io(), &op);
	assert(now);
	return op.result > 0 ? (size_t)op.result : 0;
}

static int write_out(BIO *bio, const char *p, size_t len, size_t *n)
{
	struct tls_conn *t = BIO_get_data(bio);
	struct tls_bytes *out = &t->out;

	BIO_clear_retry_flags(bio);
	*n = len;
	if (t->mute)
		return 1;
	size_t gone = send_straight(t, p, len);
	p += gone;
	len -= gone;
	if (!len)
		return 1;
	if ((len > out->room - out->end && len + out->end > TLS_UNSENT_MAX) ||
	    pier_tls_reserve(out, len) < 0)
		return 0;
	memcpy(out->at + out->end, p, len);
	out->end += len;
	return 1;
}

static long control(BIO *bio, int command, long number, void *p)
{
	struct tls_conn *t = BIO_get_data(bio);
	(void)number;
	(void)p;
	if (command == BIO_CTRL_EOF)
		return t->ended && t->in.start == t->in.end;
	return command == BIO_CTRL_FLUSH; /* it takes a 0 there for a failure */
}

static BIO_METHOD *make_method(void)
{
	BIO_METHOD *m = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "pier");
	if (!m)
		return NULL;
	BIO_meth_set_read_ex(m, read_in);
	BIO_meth_set_write_ex(m, write_out);
	BIO_meth_set_ctrl(m, control);
	return m;
}

/* One for all conns. Made by the first that has the memory, so no pthread_once: who had not must not speak for the others. */
static const BIO_METHOD *method_of_all(void)
{
	static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	static BIO_METHOD *method;
	pthread_mutex_lock(&lock);
	if (!method)
		method = make_method();
	const BIO_METHOD *m = method;
	pthread_mutex_unlock(&lock);
	return m;
}

int pier_tls_bio_join(struct tls_conn *t)
{
	const BIO_METHOD *method = method_of_all();
	BIO *bio = method ? BIO_new(method) : NULL;
	if (!bio)
		return -ENOMEM;
	BIO_set_data(bio, t);
	BIO_set_init(bio, 1);
	SSL_set_bio(t->ssl, bio, bio); /* both ways; it owns it now */
	return 0;
}

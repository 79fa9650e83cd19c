/* libuv: echo as its guide does it, but with one read buffer for all and writes tried at once, which is
 * as fast as libuv gets. libuv echo|idle|stream|fanout|udp PORT */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#define STREAM_BLOCK 65536

static char in[STREAM_BLOCK], block[STREAM_BLOCK];

struct rest {
	uv_write_t req;
	char bytes[];
};

static void gone(uv_handle_t *h)
{
	free(h);
}

static void end(uv_stream_t *s)
{
	if (!uv_is_closing((uv_handle_t *)s))
		uv_close((uv_handle_t *)s, gone);
}

static void lend(uv_handle_t *h, size_t hint, uv_buf_t *buf)
{
	(void)h;
	(void)hint;
	*buf = uv_buf_init(in, sizeof in);
}

static void echo(uv_stream_t *s, ssize_t n, const uv_buf_t *buf);

static void rest_sent(uv_write_t *req, int err)
{
	uv_stream_t *s = req->handle;
	free(req);
	if (err)
		end(s);
	else if (!uv_is_closing((uv_handle_t *)s))
		uv_read_start(s, lend, echo);
}

static void echo(uv_stream_t *s, ssize_t n, const uv_buf_t *buf)
{
	if (n < 0)
		end(s);
	if (n <= 0)
		return;
	uv_buf_t all = uv_buf_init(buf->base, (unsigned)n);
	int sent = uv_try_write(s, &all, 1);
	if (sent == UV_EAGAIN)
		sent = 0;
	if (sent < 0) {
		end(s);
		return;
	}
	size_t left = (size_t)(n - sent);
	if (left == 0)
		return;
	struct rest *r = malloc(sizeof *r + left);
	if (!r)
		abort();
	memcpy(r->bytes, buf->base + sent, left);
	uv_buf_t some = uv_buf_init(r->bytes, (unsigned)left);
	uv_read_stop(s);
	uv_write(&r->req, s, &some, 1, rest_sent);
}

static void send_block(uv_write_t *req, int err)
{
	uv_buf_t all = uv_buf_init(block, sizeof block);
	if (err || uv_write(req, req->handle, &all, 1, send_block) < 0) {
		end(req->handle);
		free(req);
	}
}

/* ---- A room ---------------------------------------------------------------------------------- */

#define MEMBERS_MOST 20000

struct member {
	uv_tcp_t tcp;
	unsigned index;
	size_t part_len;
	char part[4096];
};

struct said { /* what came at once, whole lines, to all members by the same bytes */
	unsigned holders;
	size_t len;
	char text[];
};

struct saying {
	uv_write_t req;
	struct said *said;
};

static struct member *members[MEMBERS_MOST];
static unsigned count;

static void drop(struct said *s)
{
	if (--s->holders == 0)
		free(s);
}

static void said_it(uv_write_t *req, int err)
{
	(void)err; /* its reader sees it too */
	drop(((struct saying *)req)->said);
	free(req);
}

static void say_to(struct member *m, struct said *s)
{
	uv_buf_t all = uv_buf_init(s->text, (unsigned)s->len);
	int sent = uv_try_write((uv_stream_t *)&m->tcp, &all, 1);
	if (sent == (int)s->len || (sent < 0 && sent != UV_EAGAIN))
		return;
	struct saying *w = malloc(sizeof *w);
	if (!w)
		abort();
	w->said = s;
	s->holders++;
	all = uv_buf_init(s->text + (sent > 0 ? sent : 0),
			  (unsigned)(s->len - (size_t)(sent > 0 ? sent : 0)));
	uv_write(&w->req, (uv_stream_t *)&m->tcp, &all, 1, said_it);
}

static void say(struct member *from, size_t len)
{
	struct said *s = malloc(sizeof *s + len);
	if (!s)
		abort();
	s->holders = 1;
	s->len = len;
	memcpy(s->text, from->part, len);
	for (unsigned i = 0; i < count; i++)
		if (members[i] != from)
			say_to(members[i], s);
	drop(s);
}

static void lend_part(uv_handle_t *h, size_t hint, uv_buf_t *buf)
{
	struct member *m = (struct member *)h;
	(void)hint;
	*buf = uv_buf_init(m->part + m->part_len, (unsigned)(sizeof m->part - m->part_len));
}

static void chat(uv_stream_t *s, ssize_t n, const uv_buf_t *buf)
{
	struct member *m = (struct member *)s;
	(void)buf;
	if (n < 0) {
		members[m->index] = members[--count];
		members[m->index]->index = m->index;
		end(s);
	}
	if (n <= 0)
		return;
	m->part_len += (size_t)n;
	char *last = memrchr(m->part, '\n', m->part_len);
	if (!last)
		return;
	size_t whole = (size_t)(last + 1 - m->part);
	say(m, whole);
	m->part_len -= whole;
	memmove(m->part, last + 1, m->part_len);
}

static void enter(struct member *m)
{
	uv_buf_t hello = uv_buf_init("hello\n", 6);
	if (count == MEMBERS_MOST)
		abort();
	m->index = count;
	m->part_len = 0;
	members[count++] = m;
	uv_try_write((uv_stream_t *)&m->tcp, &hello, 1);
	uv_read_start((uv_stream_t *)&m->tcp, lend_part, chat);
}

/* ---- Datagrams --------------------------------------------------------------------------------- */

static void echo_datagram(uv_udp_t *u, ssize_t n, const uv_buf_t *buf, const struct sockaddr *from,
			  unsigned flags)
{
	(void)flags;
	if (n < 0 || !from)
		return;
	uv_buf_t all = uv_buf_init(buf->base, (unsigned)n);
	uv_udp_try_send(u, &all, 1, from);
}

/* ---- Starting ---------------------------------------------------------------------------------- */

static void begin_echo(uv_stream_t *c)
{
	uv_read_start(c, lend, echo);
}

static void begin_stream(uv_stream_t *c)
{
	uv_write_t *req = calloc(1, sizeof *req);
	if (!req)
		abort();
	req->handle = c;
	send_block(req, 0);
}

static void begin_chat(uv_stream_t *c)
{
	enter((struct member *)c);
}

static void (*begin)(uv_stream_t *c);

static void welcome(uv_stream_t *listener, int err)
{
	uv_tcp_t *c = malloc(begin == begin_chat ? sizeof(struct member) : sizeof *c);
	if (err || !c)
		abort();
	uv_tcp_init(listener->loop, c);
	if (uv_accept(listener, (uv_stream_t *)c) < 0) {
		end((uv_stream_t *)c);
		return;
	}
	uv_tcp_nodelay(c, 1);
	begin((uv_stream_t *)c);
}

static int listen_tcp(uv_loop_t *loop, const struct sockaddr_in *at)
{
	static uv_tcp_t listener;
	uv_tcp_init(loop, &listener);
	int err = uv_tcp_bind(&listener, (const struct sockaddr *)at, 0);
	return err ? err : uv_listen((uv_stream_t *)&listener, SOMAXCONN, welcome);
}

static int listen_udp(uv_loop_t *loop, const struct sockaddr_in *at)
{
	static uv_udp_t socket;
	uv_udp_init(loop, &socket);
	int err = uv_udp_bind(&socket, (const struct sockaddr *)at, 0);
	return err ? err : uv_udp_recv_start(&socket, lend, echo_datagram);
}

int main(int argc, char **argv)
{
	if (argc != 3)
		return 2;
	signal(SIGPIPE, SIG_IGN);
	uv_loop_t *loop = uv_default_loop();
	struct sockaddr_in at;

	begin = strcmp(argv[1], "stream") == 0	 ? begin_stream
		: strcmp(argv[1], "fanout") == 0 ? begin_chat
						 : begin_echo;
	for (size_t i = 0; i < sizeof block; i++)
		block[i] = (char)(i * 31 + (i >> 8) * 17);
	uv_ip4_addr("127.0.0.1", (int)strtol(argv[2], NULL, 10), &at);
	int err = strcmp(argv[1], "udp") == 0 ? listen_udp(loop, &at) : listen_tcp(loop, &at);
	if (err) {
		fprintf(stderr, "error: %s\n", uv_strerror(err));
		return 1;
	}
	return uv_run(loop, UV_RUN_DEFAULT);
}

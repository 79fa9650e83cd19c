/* libuv: echo as its guide does it, but with one read buffer for all and writes tried at once, which is
 * as fast as libuv gets. libuv echo|stream PORT */
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#define STREAM_BLOCK 65536

static char in[STREAM_BLOCK], block[STREAM_BLOCK];
static int streams;

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

static void welcome(uv_stream_t *listener, int err)
{
	uv_tcp_t *c = malloc(sizeof *c);
	if (err || !c)
		abort();
	uv_tcp_init(listener->loop, c);
	if (uv_accept(listener, (uv_stream_t *)c) < 0) {
		end((uv_stream_t *)c);
		return;
	}
	uv_tcp_nodelay(c, 1);
	if (streams) {
		uv_write_t *req = calloc(1, sizeof *req);
		if (!req)
			abort();
		req->handle = (uv_stream_t *)c;
		send_block(req, 0);
	} else {
		uv_read_start((uv_stream_t *)c, lend, echo);
	}
}

int main(int argc, char **argv)
{
	if (argc != 3)
		return 2;
	uv_loop_t *loop = uv_default_loop();
	uv_tcp_t listener;
	struct sockaddr_in at;

	streams = strcmp(argv[1], "stream") == 0;
	for (size_t i = 0; i < sizeof block; i++)
		block[i] = (char)(i * 31 + (i >> 8) * 17);
	uv_tcp_init(loop, &listener);
	uv_ip4_addr("127.0.0.1", (int)strtol(argv[2], NULL, 10), &at);
	if (uv_tcp_bind(&listener, (struct sockaddr *)&at, 0) < 0 ||
	    uv_listen((uv_stream_t *)&listener, SOMAXCONN, welcome) < 0)
		return 1;
	return uv_run(loop, UV_RUN_DEFAULT);
}

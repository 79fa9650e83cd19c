/* The limit under TLS: what an epoll loop and OpenSSL cost that do nothing else. tls_epoll tls PORT CERT KEY */
#include "bare.h"

#include <openssl/ssl.h>
#include <sys/epoll.h>

#define EVENTS_ONCE 256

struct conn {
	int fd;
	SSL *ssl;
	char *rest; /* of an echo that did not fit */
	int at, rest_len;
};

static int epoll, listener;
static SSL_CTX *context;
static char in[STREAM_BLOCK];

static void watch(struct conn *c, uint32_t events, int what)
{
	struct epoll_event ev = {.events = events, .data.ptr = c};
	must(epoll_ctl(epoll, what, c ? c->fd : listener, &ev), "epoll_ctl");
}

static void end(struct conn *c)
{
	SSL_free(c->ssl);
	close(c->fd);
	free(c->rest);
	free(c);
}

/* False: the conn is gone. */
static bool goes_on(struct conn *c, int result)
{
	int why = SSL_get_error(c->ssl, result);
	if (why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE)
		return true;
	end(c);
	return false;
}

static void keep_rest(struct conn *c, int from, int len)
{
	c->rest_len = len - from;
	c->rest = malloc((size_t)c->rest_len);
	if (!c->rest)
		fail("malloc");
	memcpy(c->rest, in + from, (size_t)c->rest_len);
	c->at = 0;
	watch(c, EPOLLOUT, EPOLL_CTL_MOD);
}

static void send_rest(struct conn *c)
{
	int sent = SSL_write(c->ssl, c->rest + c->at, c->rest_len - c->at);
	if (sent <= 0) {
		goes_on(c, sent);
		return;
	}
	c->at += sent;
	if (c->at < c->rest_len)
		return;
	free(c->rest);
	c->rest = NULL;
	watch(c, EPOLLIN, EPOLL_CTL_MOD);
}

static void echo(struct conn *c)
{
	do {
		int n = SSL_read(c->ssl, in, sizeof in);
		if (n <= 0) {
			goes_on(c, n);
			return;
		}
		int sent = SSL_write(c->ssl, in, n);
		if (sent <= 0 && !goes_on(c, sent))
			return;
		if (sent < n) {
			keep_rest(c, sent < 0 ? 0 : sent, n);
			return;
		}
	} while (SSL_pending(c->ssl));
}

static void welcome(void)
{
	int fd;
	while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
		struct conn *c = calloc(1, sizeof *c);
		if (!c || !(c->ssl = SSL_new(context)) || !SSL_set_fd(c->ssl, fd))
			fail("no memory");
		SSL_set_accept_state(c->ssl);
		c->fd = fd;
		option(fd, IPPROTO_TCP, TCP_NODELAY);
		watch(c, EPOLLIN, EPOLL_CTL_ADD);
	}
}

int main(int argc, char **argv)
{
	if (argc != 5)
		return 2;
	context = SSL_CTX_new(TLS_server_method());
	if (!context || SSL_CTX_use_certificate_chain_file(context, argv[3]) != 1 ||
	    SSL_CTX_use_PrivateKey_file(context, argv[4], SSL_FILETYPE_PEM) != 1)
		fail("the certificate");
	SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
					  SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	signal(SIGPIPE, SIG_IGN);
	listener = open_port(argv[2], SOCK_STREAM);
	must(epoll = epoll_create1(EPOLL_CLOEXEC), "epoll_create1");
	watch(NULL, EPOLLIN, EPOLL_CTL_ADD);
	for (;;) {
		struct epoll_event ev[EVENTS_ONCE];
		int n = epoll_wait(epoll, ev, EVENTS_ONCE, -1);
		for (int i = 0; i < n; i++) {
			struct conn *c = ev[i].data.ptr;
			if (!c)
				welcome();
			else if (c->rest)
				send_rest(c);
			else
				echo(c);
		}
	}
}

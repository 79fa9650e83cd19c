/* TLS under the load: each descriptor may have a session on top, by which take and give then go. */
#include "load.h"

#include <openssl/ssl.h>
#include <string.h>

#define FILES_MOST 65536

static SSL_CTX *context;
static SSL *by_fd[FILES_MOST];
static SSL_SESSION *ticket; /* the last that a server gave */

static int keep(SSL *ssl, SSL_SESSION *session)
{
	(void)ssl;
	SSL_SESSION_free(ticket);
	ticket = session;
	return 1; /* ours now */
}

void tls_open(bool resume)
{
	context = SSL_CTX_new(TLS_client_method());
	if (!context || !SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION))
		die("OpenSSL cannot be set up");
	SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE |
					  SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
					  SSL_MODE_RELEASE_BUFFERS);
	if (!resume)
		return;
	SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
	SSL_CTX_sess_set_new_cb(context, keep);
}

void tls_begin(int fd)
{
	if (!context)
		return;
	SSL *ssl = fd < FILES_MOST ? SSL_new(context) : NULL;
	if (!ssl || !SSL_set_fd(ssl, fd))
		die("no memory for TLS");
	if (ticket)
		SSL_set_session(ssl, ticket);
	SSL_set_connect_state(ssl);
	by_fd[fd] = ssl;
}

void tls_end(int fd)
{
	if (!context)
		return;
	SSL_shutdown(by_fd[fd]);
	SSL_free(by_fd[fd]);
	by_fd[fd] = NULL;
}

bool tls_speaks(int fd)
{
	return context && by_fd[fd];
}

bool tls_wants_input(int fd)
{
	return tls_speaks(fd) && SSL_want_read(by_fd[fd]);
}

static size_t later(SSL *ssl, int result)
{
	int why = SSL_get_error(ssl, result);
	if (why != SSL_ERROR_WANT_READ && why != SSL_ERROR_WANT_WRITE)
		die("TLS ended in the middle (%d)", why);
	return 0;
}

/* All that is there: what OpenSSL holds wakes no epoll. */
size_t tls_take(int fd, char *into, size_t room)
{
	SSL *ssl = by_fd[fd];
	size_t got = 0;
	do {
		size_t left = room - got;
		int n = SSL_read(ssl, into + got, (int)left);
		if (n <= 0) {
			later(ssl, n);
			return got;
		}
		got += (size_t)n;
	} while (got < room && SSL_pending(ssl));
	return got;
}

size_t tls_give(int fd, const char *from, size_t n)
{
	int sent = SSL_write(by_fd[fd], from, (int)n);
	return sent > 0 ? (size_t)sent : later(by_fd[fd], sent);
}

/* The other side of a conn: a raw socket, fed and read by threads. */
#ifndef RAW_PEER_H
#define RAW_PEER_H

#include "on_fiber.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pier.h>
#include <poll.h>
#include <pthread.h>
#include <pty.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <termios.h>
#include <unistd.h>

static inline int raw_listener(const char *host, int backlog, int *port)
{
	pier_addr a;
	int fd = socket(strchr(host, ':') ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	CHECK_OK(pier_addr_parse(pier_text(host), 0, &a));
	CHECK_EQ(bind(fd, &a.sa, a.len), 0);
	CHECK_EQ(listen(fd, backlog), 0);
	CHECK_EQ(getsockname(fd, &a.sa, &a.len), 0);
	*port = pier_addr_port(&a);
	return fd;
}

/* A conn over tcp, dialled, and its other side. */
static inline pier_conn *joined(int *raw, pier_frame frame, size_t message_max)
{
	char url[64];
	int port, listener = raw_listener("127.0.0.1", 1, &port);
	snprintf(url, sizeof url, "tcp://127.0.0.1:%d", port);
	pier_conn *c = pier_dial(url, .frame = frame, .message_max = message_max);
	CHECK_OK(pier_err(c));
	*raw = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	CHECK_OK(*raw);
	close(listener);
	return c;
}

static inline void put(int fd, const void *p, size_t len)
{
	for (size_t done = 0; done < len;) {
		ssize_t n = write(fd, (const char *)p + done, len - done);
		CHECK(n > 0);
		done += (size_t)n;
	}
}

static inline void put_text(int fd, const char *text)
{
	put(fd, text, strlen(text));
}

/* Writes piece by piece from a thread of its own. */
struct feed {
	int fd;
	const char *p;
	size_t len, first, step; /* the first piece, and the others */
	bool end;
	pthread_t thread;
};

static inline void *run_feed(void *arg)
{
	struct feed *f = arg;
	size_t n = f->first;
	for (size_t at = 0; at < f->len; at += n, n = f->step) {
		if (at)
			usleep(500);
		if (n > f->len - at)
			n = f->len - at;
		put(f->fd, f->p + at, n);
	}
	if (f->end)
		shutdown(f->fd, SHUT_WR);
	return NULL;
}

static inline void feed(struct feed *f)
{
	CHECK_EQ(pthread_create(&f->thread, NULL, run_feed, f), 0);
}

static inline void fed(struct feed *f)
{
	pthread_join(f->thread, NULL);
}

/* Reads all that comes, from a thread of its own; slowly at first. */
struct sink {
	int fd;
	unsigned delay_us;
	char *got;
	size_t len, room;
	int err;
	pthread_t thread;
};

static inline void *run_sink(void *arg)
{
	struct sink *s = arg;
	usleep(s->delay_us);
	for (ssize_t n; s->len < s->room; s->len += (size_t)n) {
		n = read(s->fd, s->got + s->len, s->room - s->len);
		if (n < 0)
			s->err = -errno;
		if (n <= 0)
			break;
	}
	close(s->fd);
	return NULL;
}

static inline void drain(struct sink *s, size_t room)
{
	s->room = room;
	s->got = malloc(room);
	CHECK_EQ(pthread_create(&s->thread, NULL, run_sink, s), 0);
}

static inline void drained(struct sink *s)
{
	pthread_join(s->thread, NULL);
}

static inline int file_of(size_t len, char path[32])
{
	char *bytes = malloc(len);
	strcpy(path, "/tmp/pier-conn-XXXXXX");
	int fd = mkstemp(path);
	for (size_t i = 0; i < len; i++)
		bytes[i] = (char)('a' + i % 26);
	put(fd, bytes, len);
	free(bytes);
	return fd;
}

#endif

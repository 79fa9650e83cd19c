#include "load.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define SOURCES 200

static void come_from(int fd)
{
	static uint32_t last;
	struct sockaddr_in from = {.sin_family = AF_INET,
				   .sin_addr.s_addr =
					   htonl(INADDR_LOOPBACK + 1 + last++ % SOURCES)};
	int on = 1;
	/* The port is then chosen by connect, for the pair of addresses: ip(7). */
	setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
	if (bind(fd, (struct sockaddr *)&from, sizeof from) < 0)
		die("bind: %s", strerror(errno));
}

int dial(const struct plan *p, int type)
{
	int on = 1;
	int fd = socket(AF_INET, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		die("socket: %s", strerror(errno));
	if (type == SOCK_STREAM) {
		come_from(fd);
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	}
	if (connect(fd, (const struct sockaddr *)&p->to, sizeof p->to) < 0 && errno != EINPROGRESS)
		die("connect: %s", strerror(errno));
	if (type == SOCK_STREAM)
		tls_begin(fd);
	return fd;
}

void hang_up(int fd)
{
	tls_end(fd);
	close(fd);
}

size_t take(int fd, char *into, size_t room)
{
	if (tls_speaks(fd))
		return tls_take(fd, into, room);
	ssize_t n = recv(fd, into, room, 0);
	if (n > 0)
		return (size_t)n;
	if (n == 0)
		die("the server closed a conn that was in use");
	if (errno != EAGAIN)
		die("recv: %s", strerror(errno));
	return 0;
}

size_t give(int fd, const char *from, size_t n)
{
	if (tls_speaks(fd))
		return tls_give(fd, from, n);
	ssize_t sent = send(fd, from, n, MSG_NOSIGNAL);
	if (sent < 0 && errno != EAGAIN)
		die("send: %s", strerror(errno));
	return sent < 0 ? 0 : (size_t)sent;
}

int watch_open(void)
{
	int fd = epoll_create1(EPOLL_CLOEXEC);
	if (fd < 0)
		die("epoll_create1: %s", strerror(errno));
	return fd;
}

static void control(int epoll, int what, int fd, uint32_t events, uint64_t tag)
{
	struct epoll_event ev = {.events = events, .data.u64 = tag};
	if (epoll_ctl(epoll, what, fd, &ev) < 0)
		die("epoll_ctl: %s", strerror(errno));
}

void watch(int epoll, int fd, uint32_t events, uint64_t tag)
{
	control(epoll, EPOLL_CTL_ADD, fd, events, tag);
}

void rewatch(int epoll, int fd, uint32_t events, uint64_t tag)
{
	control(epoll, EPOLL_CTL_MOD, fd, events, tag);
}

/* What the bare loops share: how they are called, a listening socket, and the streams they send. */
#ifndef BENCH_BARE_H
#define BENCH_BARE_H

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define STREAM_BLOCK 65536 /* of the endless stream: its bytes repeat after so many */

static inline void fail(const char *what)
{
	perror(what);
	exit(1);
}

static inline void must(long n, const char *what)
{
	if (n < 0)
		fail(what);
}

static inline void option(int fd, int level, int name)
{
	int on = 1;
	setsockopt(fd, level, name, &on, sizeof on);
}

/* Of 127.0.0.1; for tcp it listens. Several processes may share the port. */
static inline int open_port(const char *port, int type)
{
	struct sockaddr_in at = {.sin_family = AF_INET,
				 .sin_port = htons((uint16_t)strtoul(port, NULL, 10)),
				 .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	must(fd, "socket");
	option(fd, SOL_SOCKET, SO_REUSEADDR);
	option(fd, SOL_SOCKET, SO_REUSEPORT);
	must(bind(fd, (struct sockaddr *)&at, sizeof at), "bind");
	if (type == SOCK_STREAM)
		must(listen(fd, SOMAXCONN), "listen");
	return fd;
}

/* One process for each core that we may use. */
static inline void spread(void)
{
	long cores = 0;
	cpu_set_t set;
	if (sched_getaffinity(0, sizeof set, &set) == 0)
		cores = CPU_COUNT(&set);
	while (--cores > 0 && fork() != 0)
		;
}

static inline void fill_block(char *block)
{
	for (unsigned i = 0; i < STREAM_BLOCK; i++)
		block[i] = (char)(i * 31 + (i >> 8) * 17);
}

#endif

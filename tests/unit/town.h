/* A server on a fiber, and what came of it. */
#ifndef TOWN_H
#define TOWN_H

#include "on_fiber.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pier.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

struct town {
	const char *url;
	pier_handler handler;
	pier_serve_opts o;
	char where[256]; /* as a URL */
	pier_group group;
	int result;
	bool over;
	atomic_int begun, ended, errors, error, stops;
};

static inline void note_where(const char *where, void *arg)
{
	struct town *t = arg;
	const char *scheme = strncmp(t->url, "udp", 3) == 0 ? "udp://" : "tcp://";
	snprintf(t->where, sizeof t->where, "%s%s", strchr(where, ':') ? scheme : "unix:", where);
	if (strncmp(t->url, "seqpacket", 9) == 0)
		snprintf(t->where, sizeof t->where, "seqpacket:%s", where);
	if (strncmp(t->url, "unixgram", 8) == 0)
		snprintf(t->where, sizeof t->where, "unixgram:%s", where);
}

static inline void note_error(pier_conn *c, int err, void *arg)
{
	struct town *t = arg;
	CHECK_EQ(pier_err(c), err);
	t->error = err;
	t->errors++;
}

static inline void note_stop(void *arg)
{
	((struct town *)arg)->stops++;
}

static inline int run_town(void *arg)
{
	struct town *t = arg;
	t->o.size = sizeof t->o;
	t->o.arg = t;
	t->o.on_listen = note_where;
	t->o.on_error = note_error;
	t->o.on_stop = note_stop;
	t->result = pier_serve_with(t->url, t->handler, &t->o);
	t->over = true;
	return 0;
}

static inline void open_town(struct town *t)
{
	CHECK_OK(pier_go(&t->group, run_town, t));
	while (!*t->where && !t->over)
		CHECK_OK(pier_sleep(PIER_MS(1)));
}

static inline void close_town(struct town *t)
{
	pier_group_end(&t->group);
	CHECK(t->over);
	CHECK_EQ(t->result, 0);
	CHECK_EQ(t->begun, t->ended);
	CHECK_EQ(t->stops, 1);
}

static inline void echo(pier_conn *c, void *arg)
{
	struct town *t = arg;
	t->begun++;
	for (pier_bytes m; (m = pier_next(c)).p;)
		pier_send(c, m.p, m.len);
	t->ended++;
}

static inline void ask(pier_conn *c, const char *text)
{
	CHECK_OK(pier_send(c, text, strlen(text)));
	CHECK_BYTES(pier_next(c), text);
}

static inline void await(atomic_int *n, int least)
{
	for (int i = 0; *n < least && i < 5000; i++)
		CHECK_OK(pier_sleep(PIER_MS(1)));
	CHECK(*n >= least);
}

#endif

/* libevent: bufferevents, by the page an echo takes in its book, and the output moved, not copied.
 * libevent echo|idle|stream PORT */
#include "bare.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/listener.h>

#define HIGH_WATER (256 * 1024) /* of output: then we read no more until it is gone */

static char block[STREAM_BLOCK];
static bool streams;

static void echo(struct bufferevent *b, void *arg)
{
	(void)arg;
	struct evbuffer *out = bufferevent_get_output(b);
	evbuffer_add_buffer(out, bufferevent_get_input(b));
	if (evbuffer_get_length(out) > HIGH_WATER)
		bufferevent_disable(b, EV_READ);
}

static void flushed(struct bufferevent *b, void *arg)
{
	(void)arg;
	if (streams)
		evbuffer_add_reference(bufferevent_get_output(b), block, sizeof block, NULL, NULL);
	else
		bufferevent_enable(b, EV_READ);
}

static void ended(struct bufferevent *b, short what, void *arg)
{
	(void)what;
	(void)arg;
	bufferevent_free(b);
}

static void welcome(struct evconnlistener *l, int fd, struct sockaddr *from, int len, void *base)
{
	(void)l;
	(void)from;
	(void)len;
	struct bufferevent *b = bufferevent_socket_new(base, fd, BEV_OPT_CLOSE_ON_FREE);
	if (!b)
		abort();
	option(fd, IPPROTO_TCP, TCP_NODELAY);
	bufferevent_setcb(b, echo, flushed, ended, NULL);
	bufferevent_enable(b, EV_READ | EV_WRITE);
	if (streams)
		flushed(b, NULL);
}

int main(int argc, char **argv)
{
	if (argc != 3)
		return 2;
	struct event_base *base = event_base_new();
	struct sockaddr_in at = {.sin_family = AF_INET,
				 .sin_port = htons((uint16_t)strtoul(argv[2], NULL, 10)),
				 .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	streams = strcmp(argv[1], "stream") == 0;
	fill_block(block);
	if (!base ||
	    !evconnlistener_new_bind(base, welcome, base, LEV_OPT_REUSEABLE | LEV_OPT_CLOSE_ON_FREE,
				     SOMAXCONN, (struct sockaddr *)&at, sizeof at))
		fail("evconnlistener_new_bind");
	return event_base_dispatch(base);
}

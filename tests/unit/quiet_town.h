/* A server whose handlers are called per message. */
#ifndef QUIET_TOWN_H
#define QUIET_TOWN_H

#include "town.h"

static inline void answer(pier_conn *c, void *arg)
{
	struct town *t = arg;
	pier_bytes m = pier_next(c);
	CHECK(m.p);
	t->begun++;
	pier_send(c, m.p, m.len);
	t->ended++;
}

static atomic_int opened, closed;

static inline void note_open(pier_conn *c, void *arg)
{
	(void)c;
	(void)arg;
	opened++;
}

static inline void note_close(pier_conn *c, void *arg)
{
	(void)c;
	(void)arg;
	closed++;
}

static inline struct town quiet_town(const char *url, pier_handler handler)
{
	opened = closed = 0;
	return (struct town){.url = url,
			     .handler = handler,
			     .o = {.per_message = true,
				   .frame = PIER_LINES,
				   .on_open = note_open,
				   .on_close = note_close}};
}

static inline void close_quiet_town(struct town *t)
{
	close_town(t);
	CHECK_EQ(opened, closed);
}

static inline void say(pier_conn *c, const char *text)
{
	CHECK_OK(pier_send(c, text, strlen(text)));
}

#endif

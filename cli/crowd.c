/* Many clients, one keyboard: what is typed goes to all of them, in turn. A client that does not
 * read for a while is cut off, so that it holds up nobody for longer. */
#include "listening.h"
#include "terminal.h"

#define SEND_PATIENCE PIER_S(5)
#define LOOK_AGAIN    PIER_MS(10)

static void join(struct client *c)
{
	c->next = c->of->crowd;
	c->of->crowd = c;
}

/* Whoever is sending to it has it in hand: it must stay until that is over, which its failed conn
 * makes soon. */
static void leave(struct client *c)
{
	struct client **at = &c->of->crowd;

	PIER_SHIELD (2 * SEND_PATIENCE)
		while (c->busy > 0 && pier_sleep(LOOK_AGAIN) == 0)
			;
	while (*at != c)
		at = &(*at)->next;
	*at = c->next;
}

void serve_crowd(struct client *c)
{
	join(c);
	while (client_next(c).p)
		;
	leave(c);
}

static void say_to_all(struct listening *l, pier_bytes piece)
{
	for (struct client *c = l->crowd, *next; c; c = next) {
		c->busy++;
		pier_set_timeouts(c->conn, 0, SEND_PATIENCE);
		client_send(c, piece);
		next = c->next;
		c->busy--;
	}
}

static void finish_all(struct listening *l)
{
	for (struct client *c = l->crowd; c; c = c->next)
		pier_finish(c->conn);
}

static int type(struct listening *l, struct source *source, pier_conn *in)
{
	static char piece[TALK_PIECE + 1];
	bool person = terminal_is(stdin), said = false;

	while (!person && !l->crowd) {
		int err = pier_sleep(LOOK_AGAIN);
		if (err < 0)
			return err;
	}
	for (ssize_t len; (len = pier_recv(in, piece, TALK_PIECE)) > 0; said = true) {
		pier_bytes data = source_convert(source, pier_bytes_of(piece, (size_t)len));
		if (data.p)
			say_to_all(l, data);
	}
	int err = pier_err(in);
	if (err == -ECANCELED)
		return err;
	if (err < 0) {
		fail(STATUS_LOCAL, "stdin: %s", pier_strerror(err));
		return err;
	}
	/* A service with nothing on its stdin never meant to speak; a pipe that has run dry has
	 * said it all. */
	if (said && !person)
		finish_all(l);
	return person ? -ECANCELED : 0;
}

int crowd_type(struct listening *l)
{
	struct source source;

	int err = source_init(&source, &l->talk);
	if (err < 0)
		return err;
	pier_conn *in = pier_dial("fd:0");
	err = type(l, &source, in);
	pier_close(in);
	source_done(&source);
	return err;
}

/* What pier listen does for a client by itself. */
#include <ctype.h>

#include "listening.h"

static int show(struct client *c, enum direction way, pier_bytes piece)
{
	struct listening *l = c->of;

	if (!l->show_all && !view_is_events(&l->view))
		return 0;
	return view_data(&l->view, c->id, way, &c->seen, piece);
}

pier_bytes client_next(struct client *c)
{
	pier_bytes b = pier_next(c->conn);

	if (!b.p)
		return b;
	c->tally.received += (int64_t)b.len;
	c->of->received += (int64_t)b.len;
	if (show(c, RECEIVED, b) < 0)
		return (pier_bytes){NULL, 0};
	return b;
}

int client_send(struct client *c, pier_bytes piece)
{
	ssize_t sent = pier_send(c->conn, piece.p, piece.len);

	if (sent < 0)
		return (int)sent;
	c->tally.sent += sent;
	c->of->sent += sent;
	return show(c, SENT, piece);
}

void serve_echo(struct client *c)
{
	for (pier_bytes b; (b = client_next(c)).p;)
		client_send(c, b);
}

void serve_discard(struct client *c)
{
	while (client_next(c).p)
		;
}

/* ASCII alone: the bytes of other characters are none of ours to change. */
void serve_upper(struct client *c)
{
	for (pier_bytes b; (b = client_next(c)).p; client_send(c, b))
		for (size_t i = 0; i < b.len; i++)
			if (b.p[i] >= 'a' && b.p[i] <= 'z')
				b.p[i] = (char)(b.p[i] - 'a' + 'A');
}

/* A stream gets the file and our end; it may go on talking. Each datagram is answered with it. */
void serve_reply(struct client *c)
{
	if (c->of->canned.p) {
		while (client_next(c).p)
			client_send(c, c->of->canned);
		return;
	}
	int64_t sent = pier_sendfile(c->conn, c->of->reply, 0, -1);
	if (sent >= 0) {
		c->tally.sent += sent;
		c->of->sent += sent;
		pier_finish(c->conn);
		serve_discard(c);
	}
}

/* The topic's queue is bounded, and who lets it fill is cut off: nobody waits for anyone. */
void serve_hub(struct client *c)
{
	if (pier_topic_add(c->of->room, c->conn) < 0)
		return;
	for (pier_bytes b; (b = client_next(c)).p;)
		pier_say(c->of->room, c->conn, b);
}

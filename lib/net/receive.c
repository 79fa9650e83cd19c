/* The receiving side of a conn: bytes land in its buffer, views of it are lent.
 *
 *	at        start                  end           room
 *	│ spent   │ held │ not yet seen   │ free        │
 */
#include "receive.h"

#include "frame.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define LINE_END 2 /* CR LF, beyond what a line itself may have */

static char empty[1]; /* what a view of nothing points to */

void pier_inbuf_drop(pier_conn *c)
{
	if (!c->in.at)
		return;
	if (c->in.pooled)
		pier_io_buf_give(pier_conn_io(), c->in.at);
	else
		free(c->in.at);
	c->in = (struct inbuf){0};
}

pier_bytes pier_view(pier_conn *c)
{
	if (!c || !c->in.at)
		return (pier_bytes){empty, 0};
	return (pier_bytes){c->in.at + c->in.start, c->in.end - c->in.start};
}

void pier_spend(pier_conn *c, size_t n)
{
	if (!c)
		return;
	assert(n <= c->in.end - c->in.start);
	c->in.start += n;
	c->in.scanned = 0;
	c->in.held = 0;
	if (n)
		c->arrived = false;
}

/* What the last receive lent comes back. */
static void take_back(pier_conn *c)
{
	pier_spend(c, c->in.held);
}

static int begin(pier_conn *c)
{
	if (!c)
		return -ENOMEM;
	if (c->err)
		return c->err;
	assert(!c->reader); /* one fiber receives */
	take_back(c);
	return 0;
}

int64_t pier_conn_receive(pier_conn *c, void **at, size_t room, bool between)
{
	if (c->eof || (between && c->draining))
		return 0;
	c->reader = pier_fiber_self();
	c->between = between;
	int64_t until = pier_conn_until(c, c->rd);
	int64_t n = c->via->message ? c->via->next(c, until) : c->via->receive(c, at, room, until);
	c->reader = NULL;
	if (n == -ESHUTDOWN && c->draining)
		return 0;
	if (n == 0)
		c->eof = true;
	return n < 0 ? pier_conn_fail(c, (int)n, "receive from") : n;
}

/* ---- Streams ------------------------------------------------------------------------------------- */

static bool grow(struct inbuf *in, size_t room)
{
	size_t len = in->end - in->start;
	char *at = malloc(room);
	if (!at)
		return false;
	memcpy(at, in->at + in->start, len);
	*in = (struct inbuf){.at = at, .end = len, .room = room, .scanned = in->scanned};
	return true;
}

/* Makes room behind what is buffered, `wants` bytes in all if that is known. Up to message_max and a
 * frame's head; a pool buffer is the least. */
static int make_room(pier_conn *c, size_t wants)
{
	struct inbuf *in = &c->in, old = *in;
	size_t len = in->end - in->start, max = c->message_max + PIER_FRAME_EXTRA;

	if (max < IO_BUF_SIZE)
		max = IO_BUF_SIZE;
	if (wants > in->room || (in->end == in->room && len > in->room / 2)) {
		size_t room = wants > in->room * 2 ? wants : in->room * 2;
		if (len >= max)
			return -EMSGSIZE;
		if (!grow(in, room < max ? room : max))
			return -ENOMEM;
		if (old.pooled)
			pier_io_buf_give(pier_conn_io(), old.at);
		else
			free(old.at);
	} else if (in->end == in->room) {
		memmove(in->at, in->at + in->start, len);
		in->start = 0;
		in->end = len;
	}
	return 0;
}

int pier_inbuf_place(pier_conn *c, size_t wants, void **at, size_t *room)
{
	struct inbuf *in = &c->in;

	*at = NULL;
	*room = 0;
	if (in->start == in->end)
		pier_inbuf_drop(c);
	if (!in->at)
		return 0;
	int err = make_room(c, wants);
	if (err < 0)
		return pier_conn_fail(c, err, "receive from");
	*at = in->at + in->end;
	*room = in->room - in->end;
	return 0;
}

void pier_inbuf_landed(pier_conn *c, void *at, size_t n)
{
	if (!c->in.at)
		c->in = (struct inbuf){.at = at, .room = IO_BUF_SIZE, .pooled = true};
	c->in.end += n;
}

int64_t pier_inbuf_fill(pier_conn *c, size_t wants, bool between)
{
	void *at;
	size_t room;
	int err = pier_inbuf_place(c, wants, &at, &room);
	if (err < 0)
		return err;
	int64_t n = pier_conn_receive(c, &at, room, between);
	if (n > 0)
		pier_inbuf_landed(c, at, (size_t)n);
	return n;
}

ssize_t pier_fill(pier_conn *c)
{
	int err = begin(c);
	if (err < 0)
		return err;
	if (c->via->message)
		return pier_conn_fail(c, -EPROTOTYPE, "read a stream from");
	if (c->in.end - c->in.start >= c->message_max)
		return pier_conn_fail(c, -EMSGSIZE, "receive from");
	return pier_inbuf_fill(c, 0, c->in.start == c->in.end);
}

static pier_bytes lend(pier_conn *c, pier_bytes message, size_t used)
{
	c->in.held = used;
	c->arrived = false;
	if (!message.p)
		message.p = empty;
	return message;
}

/* At the end of input: a last line without its LF is a line; half a frame is none. */
static pier_bytes last_message(pier_conn *c)
{
	pier_bytes rest = pier_view(c);
	if (rest.len == 0)
		return (pier_bytes){0};
	if (c->frame == PIER_LINES)
		return lend(c, rest, rest.len);
	pier_conn_fail(c, -PIER_ETRUNCATED, "receive from");
	return (pier_bytes){0};
}

static pier_bytes next_framed(pier_conn *c)
{
	for (;;) {
		pier_bytes message = {0}, in = pier_view(c);
		ssize_t used =
			pier_frame_decode(c->frame, in, c->in.scanned, c->message_max, &message);
		if (used > 0)
			return lend(c, message, (size_t)used);
		if (used < 0) {
			pier_conn_fail(c, (int)used, "receive from");
			return (pier_bytes){0};
		}
		inbuf_scanned(&c->in, in.len);
		int64_t n = pier_inbuf_fill(c, pier_frame_wants(c->frame, in), in.len == 0);
		if (n < 0)
			return (pier_bytes){0};
		if (n == 0)
			return last_message(c);
	}
}

static pier_bytes next_message(pier_conn *c)
{
	if (!c->arrived) {
		pier_inbuf_drop(c);
		if (pier_conn_receive(c, NULL, 0, true) <= 0)
			return (pier_bytes){0};
	}
	pier_bytes message = pier_view(c);
	if (message.len > c->message_max) {
		pier_conn_fail(c, -EMSGSIZE, "receive from");
		return (pier_bytes){0};
	}
	return lend(c, message, message.len);
}

pier_bytes pier_next(pier_conn *c)
{
	if (begin(c) < 0)
		return (pier_bytes){0};
	if (c->via->message)
		return next_message(c);
	if (c->frame != PIER_RAW)
		return next_framed(c);
	pier_bytes in = pier_view(c);
	if (in.len == 0) {
		if (pier_inbuf_fill(c, 0, true) <= 0)
			return (pier_bytes){0};
		in = pier_view(c);
	}
	return lend(c, in, in.len);
}

/* ---- Into the caller's memory -------------------------------------------------------------------- */

static ssize_t give_line(pier_conn *c, pier_bytes text, size_t used, char *line, size_t room)
{
	if (text.len >= room)
		return pier_conn_fail(c, -EMSGSIZE, "receive a line from");
	if (text.len)
		memcpy(line, text.p, text.len);
	line[text.len] = '\0';
	pier_spend(c, used);
	return (ssize_t)(used ? used : 1);
}

static ssize_t gets_message(pier_conn *c, char *line, size_t room)
{
	pier_bytes m = pier_next(c);
	if (!m.p)
		return c->err;
	size_t used = c->in.held;
	while (m.len && (m.p[m.len - 1] == '\n' || m.p[m.len - 1] == '\r'))
		m.len--;
	return give_line(c, m, used, line, room);
}

ssize_t pier_gets(pier_conn *c, char *line, size_t room)
{
	int err = begin(c);
	if (err < 0)
		return err;
	if (room == 0)
		return pier_conn_fail(c, -EMSGSIZE, "receive a line from");
	if (pier_is_message(c))
		return gets_message(c, line, room);
	for (;;) {
		pier_bytes text = {0}, in = pier_view(c);
		size_t most = in.len < room + LINE_END ? in.len : room + LINE_END;
		ssize_t used = pier_frame_decode(PIER_LINES, (pier_bytes){in.p, most},
						 c->in.scanned, room - 1, &text);
		if (used > 0)
			return give_line(c, text, (size_t)used, line, room);
		if (used < 0)
			return pier_conn_fail(c, (int)used, "receive a line from");
		inbuf_scanned(&c->in, most);
		int64_t n = pier_inbuf_fill(c, 0, in.len == 0);
		if (n < 0)
			return (ssize_t)n;
		if (n == 0)
			return in.len ? give_line(c, in, in.len, line, room) : 0;
	}
}

static ssize_t copy_out(pier_conn *c, void *into, size_t room)
{
	pier_bytes in = pier_view(c);
	size_t n = in.len < room ? in.len : room;
	memcpy(into, in.p, n);
	pier_spend(c, n);
	return (ssize_t)n;
}

static ssize_t recv_message(pier_conn *c, void *into, size_t room)
{
	pier_bytes m = next_message(c);
	if (!m.p)
		return c->err;
	if (m.len > room)
		return pier_conn_fail(c, -EMSGSIZE, "receive from");
	if (m.len)
		memcpy(into, m.p, m.len);
	return (ssize_t)m.len;
}

ssize_t pier_recv(pier_conn *c, void *into, size_t room)
{
	int err = begin(c);
	if (err < 0)
		return err;
	if (c->via->message)
		return recv_message(c, into, room);
	if (room == 0)
		return 0;
	if (c->in.start < c->in.end)
		return copy_out(c, into, room);
	pier_inbuf_drop(c);
	return pier_conn_receive(c, &into, room, false);
}

ssize_t pier_recv_all(pier_conn *c, void *into, size_t len)
{
	size_t got = 0;
	while (got < len) {
		ssize_t n = pier_recv(c, (char *)into + got, len - got);
		if (n < 0)
			return n;
		if (n == 0)
			return got ? pier_conn_fail(c, -PIER_ETRUNCATED, "receive from") : 0;
		got += (size_t)n;
	}
	return (ssize_t)len;
}

static bool is_framed(const pier_conn *c)
{
	return !c->via->message && c->frame != PIER_RAW;
}

/* True when the next receive will not wait: a message, a refusal of one, an end. */
static bool has_next(const pier_conn *c)
{
	const struct inbuf *in = &c->in;
	pier_bytes rest = {in->at + in->start + in->held, in->end - in->start - in->held}, message;
	if (c->err || c->eof || c->arrived || (c->draining && rest.len == 0))
		return true;
	if (!is_framed(c) || rest.len == 0)
		return rest.len > 0;
	return pier_frame_decode(c->frame, rest, in->held ? 0 : in->scanned, c->message_max,
				 &message) != 0;
}

static int64_t poll_once(pier_conn *c, int64_t until)
{
	c->reader = pier_fiber_self();
	c->between = c->in.end - c->in.start == c->in.held;
	int64_t n = c->via->poll(c, until);
	c->reader = NULL;
	return n;
}

/* What there is of a message is received, so that the rest can be waited for. */
static int64_t fill_frame(pier_conn *c)
{
	take_back(c);
	pier_bytes in = pier_view(c);
	inbuf_scanned(&c->in, in.len);
	return pier_inbuf_fill(c, pier_frame_wants(c->frame, in), in.len == 0);
}

int pier_poll(pier_conn *c, int64_t ns)
{
	if (!c)
		return 1;
	int64_t until = pier_conn_until(c, ns);
	while (!has_next(c)) {
		int64_t n = poll_once(c, until);
		if (n == -ETIMEDOUT || n == -ECANCELED) {
			int stopped = pier_stopped();
			return stopped < 0 ? stopped : 0;
		}
		if (n < 0 || !is_framed(c) || fill_frame(c) <= 0)
			break; /* also an error: the receive will tell it */
	}
	return 1;
}

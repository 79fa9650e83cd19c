/* A conversation between stdin, stdout and one peer. Two fibers, one a direction; whichever decides
 * that it is over says so by end(), and leaves with an error, which cancels the others. */
#include "talk.h"

#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "terminal.h"

struct conversation {
	const char *url;
	pier_conn *peer, *in;
	struct view *view;
	const struct talk_opts *opts;
	struct tally *tally;
	struct source source;
	struct visible seen;
	int64_t moved; /* when a byte last went by */
	bool has_end;  /* the transport can say that no more will come: all but udp */
	bool reading;  /* stdin has nothing to send, as far as is known */
	bool over, in_ended, peer_ended;
	char error[2 * WHY_MAX]; /* the sentence that was said, for JSON */
	char piece[TALK_PIECE + 1];
};

static bool until(const struct conversation *c, const char *whose)
{
	return c->opts->until && strcmp(c->opts->until, whose) == 0;
}

static void note(const struct conversation *c, const char *what)
{
	if (c->opts->verbose)
		fprintf(stderr, "pier: %s\n", what);
}

/* ---- How it ends ----------------------------------------------------------------------------- */

/* The first to call it is right. */
static int end(struct conversation *c, enum status status, const char *why)
{
	if (!c->over) {
		c->over = true;
		c->tally->status = (int)status;
		c->tally->why = why;
	}
	return -ECANCELED;
}

static const char *name_of(enum status status)
{
	switch (status) {
	case STATUS_REFUSED:
		return "refused";
	case STATUS_TIMEOUT:
		return "timed out";
	case STATUS_RESET:
		return "reset";
	case STATUS_LOCAL:
		return "local error";
	default:
		return "failed";
	}
}

static int end_failed(struct conversation *c, enum status status, const char *what, const char *why)
{
	if (!c->over) {
		snprintf(c->error, sizeof c->error, "%s: %s", what, why);
		fail(status, "%s", c->error);
	}
	return end(c, status, name_of(status));
}

static int end_peer(struct conversation *c, int err)
{
	if (c->over || err == -ECANCELED)
		return -ECANCELED;
	enum status status = explain_dial(c->url, err, 0, c->error);
	fail(status, "%s", c->error);
	return end(c, status, name_of(status));
}

/* A reader who had enough (head, less) is no accident to report, but our output is not whole
 * either. */
static int end_stdout(struct conversation *c, int err)
{
	if (err == -ECANCELED || err == -ETIMEDOUT)
		return err;
	if (err == -EPIPE)
		return end(c, STATUS_LOCAL, "nobody reads stdout");
	return end_failed(c, STATUS_LOCAL, "stdout", pier_strerror(err));
}

/* ---- stdin to the peer ----------------------------------------------------------------------- */

/* The peer has ended, perhaps its own side only: what stdin has ready is still sent, and then it is over. */
static bool has_more(const struct conversation *c)
{
	int ready = 0;

	return until(c, "both") || !c->reading ||
	       (ioctl(STDIN_FILENO, FIONREAD, &ready) == 0 && ready > 0);
}

/* Reads a piece. Returns its length, 0 at the end, or an error. */
static ssize_t read_piece(struct conversation *c)
{
	c->reading = true;
	if (c->peer_ended && !has_more(c))
		return end(c, STATUS_DONE, "peer closed");
	ssize_t len = pier_recv(c->in, c->piece, TALK_PIECE);
	c->reading = false;
	return len;
}

/* Sends one piece. An empty one is a message where there are messages. */
static int send_piece(struct conversation *c, pier_bytes piece)
{
	pier_bytes data = source_convert(&c->source, piece);
	if (!data.p)
		return terminal_is(stdin) ? 0 : end(c, STATUS_USAGE, "not hex");
	if (data.len == 0 && !pier_is_message(c->peer))
		return 0;

	ssize_t sent = pier_send(c->peer, data.p, data.len);
	if (sent < 0)
		return (int)sent;
	c->tally->sent += sent;
	c->moved = pier_now();
	return view_data(c->view, 1, SENT, &c->seen, data);
}

static int stdin_ended(struct conversation *c)
{
	c->in_ended = true;
	note(c, "stdin has ended");
	if (until(c, "stdin") || until(c, "first") || c->peer_ended)
		return end(c, STATUS_DONE, "stdin ended");
	if (c->has_end) {
		pier_finish(c->peer);
		return 0;
	}
	if (!c->opts->until) {
		if (c->tally->sent > 0)
			pier_sleep(c->opts->linger);
		return end(c, STATUS_DONE, "stdin ended");
	}
	return 0;
}

static int speak(void *arg)
{
	struct conversation *c = arg;
	ssize_t len;

	while ((len = read_piece(c)) > 0) {
		int err = send_piece(c, pier_bytes_of(c->piece, (size_t)len));
		if (err == 0)
			continue;
		if (view_err(c->view) < 0)
			return end_stdout(c, err);
		return c->peer_ended ? end(c, STATUS_DONE, "peer closed") : end_peer(c, err);
	}
	if (len < 0 && len != -ECANCELED && len != -ETIMEDOUT)
		return end_failed(c, STATUS_LOCAL, "stdin", pier_strerror((int)len));
	return len < 0 ? (int)len : stdin_ended(c);
}

/* ---- The peer to stdout ---------------------------------------------------------------------- */

/* Where our own end may come first, a cancel must find the conn between two receives, for a receive
 * that is cancelled fails the conn, and then it could not be closed well. */
static bool may_receive(struct conversation *c)
{
	if (!until(c, "stdin") && !until(c, "first") && c->has_end)
		return true;
	return pier_poll(c->peer, PIER_FOREVER) == 1;
}

static int hear(void *arg)
{
	struct conversation *c = arg;

	for (pier_bytes b; may_receive(c) && (b = pier_next(c->peer)).p;) {
		c->tally->received += (int64_t)b.len;
		c->moved = pier_now();
		int err = view_data(c->view, 1, RECEIVED, &c->seen, b);
		if (err < 0)
			return end_stdout(c, err);
	}
	int err = pier_err(c->peer);
	if (err < 0)
		return end_peer(c, err);
	if (pier_stopped() < 0)
		return pier_stopped();

	c->peer_ended = true;
	note(c, "the peer has ended");
	if (!c->in_ended && !until(c, "peer") && !until(c, "first") && has_more(c))
		return 0;
	return end(c, STATUS_DONE, "peer closed");
}

/* ---- What else can end it -------------------------------------------------------------------- */

static int watch_idle(void *arg)
{
	struct conversation *c = arg;
	char time[TIME_TEXT_MAX], why[WHY_MAX], place[PLACE_MAX];

	for (int64_t left; (left = c->moved + c->opts->idle - pier_now()) > 0;) {
		int err = pier_sleep(left);
		if (err < 0)
			return err;
	}
	snprintf(why, sizeof why, "nothing came or went for %s", time_text(c->opts->idle, time));
	return end_failed(c, STATUS_TIMEOUT, place_of(c->url, place), why);
}

/* The reading end of a pipe that is closed shows as an error on ours, also when we have nothing to
 * write. */
static int watch_stdout(void *arg)
{
	struct conversation *c = arg;
	int err = pier_poll(c->view->out, PIER_FOREVER);

	return err <= 0 ? err : end_stdout(c, -EPIPE);
}

static bool stdout_is_pipe(void)
{
	struct stat st;

	return fstat(STDOUT_FILENO, &st) == 0 && S_ISFIFO(st.st_mode);
}

/* ---- All ------------------------------------------------------------------------------------- */

static int converse(struct conversation *c)
{
	PIER_AUTO_GROUP fibers = PIER_GROUP;

	pier_go(&fibers, hear, c);
	pier_go(&fibers, speak, c);
	if (c->opts->idle > 0)
		pier_go(&fibers, watch_idle, c);
	if (stdout_is_pipe())
		pier_go(&fibers, watch_stdout, c);
	return pier_group_wait(&fibers);
}

static void show_rest(struct conversation *c)
{
	if (!c->view->terminal || view_is_events(c->view))
		return;
	visible_end(&c->seen, c->view->text);
	view_data(c->view, 1, RECEIVED, &c->seen, pier_text(""));
}

static bool has_end(const char *url)
{
	pier_endpoint e;

	return pier_endpoint_parse(url, &e) < 0 ||
	       (e.scheme != PIER_UDP && e.scheme != PIER_UNIXGRAM);
}

int talk(const char *url, pier_conn *peer, struct view *view, const struct talk_opts *opts,
	 struct tally *tally)
{
	struct conversation *c = calloc(1, sizeof *c);
	char place[PLACE_MAX];

	if (!c || source_init(&c->source, opts) < 0) {
		free(c);
		return tally->status = fail(STATUS_LOCAL, "no memory");
	}
	c->url = url;
	c->peer = peer;
	c->view = view;
	c->opts = opts;
	c->tally = tally;
	c->moved = pier_now();
	c->has_end = has_end(url);
	c->in = pier_dial("fd:0");

	int err = converse(c);
	if (err == -ETIMEDOUT)
		end_failed(c, STATUS_TIMEOUT, place_of(url, place), "the deadline has passed");
	else
		end(c, status_of(err), "over");
	show_rest(c);
	if (*c->error)
		view_error_event(view, c->error);
	pier_close(c->in);
	source_done(&c->source);
	free(c);
	return tally->status;
}

/* pier listen: let others connect. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "command.h"
#include "interrupt.h"
#include "listening.h"
#include "terminal.h"

static struct listening l = {.talk.linger = TALK_LINGER};
static bool once, hub, echo, discard, upper;
static unsigned max;

static const struct option options[] = {
	{"once", '1', OPTION_FLAG, &once, NULL, "one client, to stdin and stdout, then done"},
	{"hub", 0, OPTION_FLAG, &hub, NULL, "what one client says goes to the others"},
	{"echo", 0, OPTION_FLAG, &echo, NULL, "send back what comes"},
	{"upper", 0, OPTION_FLAG, &upper, NULL, "send it back in capitals"},
	{"discard", 0, OPTION_FLAG, &discard, NULL, "take what comes and say nothing"},
	{"reply", 0, OPTION_TEXT, &l.reply, "FILE", "send this file to whoever connects"},
	{"exec", 'e', OPTION_TEXT, &l.exec, "CMD",
	 "run a command for each, as its stdin and stdout"},
	{"max", 'm', OPTION_COUNT, &max, "N", "clients at a time; 10000"},
	TALK_OPTIONS(l.talk),
	VIEW_OPTIONS(l.view),
	{0},
};

/* ---- Clients --------------------------------------------------------------------------------- */

static void say_verbose(const char *what, const char *who)
{
	if (l.talk.verbose)
		fprintf(stderr, "pier: %s %s\n", who, what);
}

static const char *reason_of(int err)
{
	return err == 0		    ? "closed"
	       : err == -PIER_ESLOW ? "did not read; cut off"
				    : pier_strerror(err);
}

static void serve_one(pier_conn *conn, void *arg)
{
	struct client c = {.of = &l, .conn = conn, .id = ++l.ids};
	(void)arg;

	say_verbose("connected", pier_peer(conn));
	view_open_event(&l.view, c.id, scheme_of(l.url), conn);
	view_note(&l.view, "%u + %s", c.id, pier_peer(conn));
	l.serve(&c);

	c.tally.status = (int)status_of(pier_err(conn));
	c.tally.why = reason_of(pier_err(conn));
	view_note(&l.view, "%u - %s", c.id, c.tally.why);
	view_close_event(&l.view, c.id, &c.tally);
	say_verbose(c.tally.why, pier_peer(conn));
}

static void on_listen(const char *where, void *arg)
{
	(void)arg;
	if (l.talk.verbose || terminal_is(stderr))
		fprintf(stderr, "pier: listening on %s\n", where);
	view_listening(&l.view, where);
}

static void on_full(pier_conn *c, void *arg)
{
	(void)arg;
	say_verbose("turned away: --max is reached", pier_peer(c));
}

/* ---- One client, as nc -l -------------------------------------------------------------------- */

static void talk_with(pier_conn *peer, struct tally *tally)
{
	say_verbose("connected", pier_peer(peer));
	view_open_event(&l.view, 0, scheme_of(l.url), peer);
	talk(l.url, peer, &l.view, &l.talk, tally);
	view_close_event(&l.view, 0, tally);
}

/* The door is shut behind the first. */
static int accept_one(struct tally *tally)
{
	char where[PIER_ADDR_TEXT];
	pier_listener *listener;
	pier_conn *peer = NULL;
	pier_addr own;

	int err = pier_listen(l.url, &listener);
	if (err < 0)
		return err;
	if (pier_listener_addr(listener, &own) == 0)
		on_listen(pier_addr_format(&own, where, sizeof where), NULL);
	err = pier_accept(listener, &peer);
	pier_listener_close(listener);
	if (err < 0)
		return err;
	talk_with(peer, tally);
	pier_close(peer);
	return 0;
}

/* Without connections the first who sends a datagram is the one; others are not heard. */
static void talk_with_first(pier_conn *peer, void *arg)
{
	if (l.ids++ > 0)
		return;
	talk_with(peer, arg);
	pier_serve_stop(peer);
}

static bool has_datagrams(void)
{
	pier_endpoint e;

	return pier_endpoint_parse(l.url, &e) == 0 &&
	       (e.scheme == PIER_UDP || e.scheme == PIER_UNIXGRAM);
}

/* ---- All ------------------------------------------------------------------------------------- */

struct run {
	struct tally tally;
	int signal;
};

static int serve(void *arg)
{
	struct run *r = arg;
	int err;

	if (once)
		err = has_datagrams() ? pier_serve(l.url, talk_with_first, .arg = &r->tally,
						   .workers = 1, .on_listen = on_listen)
				      : accept_one(&r->tally);
	else
		err = pier_serve(l.url, serve_one, .workers = 1, .max_conns = max,
				 .idle = l.talk.idle, .on_listen = on_listen, .on_full = on_full);
	if (err == -ECANCELED)
		return err;
	if (err < 0) {
		r->tally.status = fail_listen(l.url, err);
		r->tally.why = "cannot listen";
	}
	return -ECANCELED; /* the others need not go on */
}

static int type(void *arg)
{
	(void)arg;
	return crowd_type(&l);
}

static int heed_signals(void *arg)
{
	struct run *r = arg;
	int sig = interrupt_wait();

	if (sig < 0)
		return sig;
	r->signal = sig;
	return -ECANCELED;
}

static void say_total(void)
{
	if (l.talk.verbose || (terminal_is(stderr) && !once))
		fprintf(stderr, "pier: %u client%s; received %" PRId64 ", sent %" PRId64 " bytes\n",
			l.ids, l.ids == 1 ? "" : "s", l.received, l.sent);
}

static int run_listening(void *arg)
{
	struct run *r = arg;

	int err = view_open(&l.view);
	if (err < 0)
		return fail(STATUS_LOCAL, "stdout: %s", pier_strerror(err));
	{
		PIER_AUTO_GROUP fibers = PIER_GROUP;
		pier_go(&fibers, serve, r);
		pier_go(&fibers, heed_signals, r);
		if (!once && l.serve == serve_crowd)
			pier_go(&fibers, type, r);
		pier_group_wait(&fibers);
	}
	say_total();
	if (!once)
		view_close_event(&l.view, 0,
				 &(struct tally){.sent = l.sent,
						 .received = l.received,
						 .status = r->tally.status,
						 .why = r->tally.why});
	view_close(&l.view);
	return r->tally.status;
}

/* The service that the options name; NULL after having said that they name two. */
static service choose(void)
{
	const struct {
		bool wanted;
		service serve;
	} all[] = {
		{hub, serve_hub},
		{echo, serve_echo},
		{discard, serve_discard},
		{upper, serve_upper},
		{l.reply != NULL, serve_reply},
		{l.exec != NULL, serve_exec},
	};
	service chosen = NULL;

	for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
		if (!all[i].wanted)
			continue;
		if (chosen || once) {
			fail(STATUS_USAGE,
			     "choose one of --once, --hub, --echo, --upper, --discard, "
			     "--reply, --exec");
			return NULL;
		}
		chosen = all[i].serve;
	}
	return chosen ? chosen : serve_crowd;
}

/* A datagram's reply is read now, a stream's when it is sent. */
static int check_reply(void)
{
	static char canned[TALK_PIECE + 1];

	int fd = pier_file_open(NULL, l.reply, PIER_READ);
	if (fd < 0)
		return fail(STATUS_LOCAL, "%s: %s", l.reply, pier_strerror(fd));
	ssize_t len = has_datagrams() ? pier_file_read(fd, canned, sizeof canned, 0) : 0;
	pier_file_close(fd);
	if (len < 0)
		return fail(STATUS_LOCAL, "%s: %s", l.reply, pier_strerror((int)len));
	if (len > TALK_PIECE)
		return fail(STATUS_USAGE, "%s: longer than a datagram, %d bytes", l.reply,
			    TALK_PIECE);
	if (has_datagrams())
		l.canned = pier_bytes_of(canned, (size_t)len);
	return STATUS_DONE;
}

static int run(int argc, char **argv)
{
	struct run r = {.tally.why = "stopped"};

	if (argc != 1)
		return fail(STATUS_USAGE,
			    "listen wants one endpoint, such as :9000, udp://:9000 or "
			    "unix:/run/x.sock (try: pier listen --help)");
	l.url = argv[0];
	l.serve = choose();
	if (!l.serve)
		return STATUS_USAGE;
	if (l.exec && has_datagrams())
		return fail(STATUS_USAGE, "--exec wants a stream: tcp://, unix: or seqpacket:");
	if (l.reply && check_reply() != STATUS_DONE)
		return STATUS_LOCAL;
	l.show_all = l.serve == serve_crowd;
	l.view.numbered = !once;
	if (hub && !(l.room = pier_topic_new(.backlog = 1024)))
		return fail(STATUS_LOCAL, "no memory");

	int status = pier_run(run_listening, &r, .workers = 1);
	pier_topic_free(l.room);
	if (r.signal)
		interrupt_die(r.signal);
	return status >= 0 ? status : fail(STATUS_LOCAL, "cannot run: %s", pier_strerror(status));
}

const struct command command_listen = {
	.name = "listen",
	.line = "let others connect: talk with them, or serve them",
	.usage = "[OPTIONS] ENDPOINT",
	.options = options,
	.help = "  pier listen :9000              what you type goes to all who connect\n"
		"  pier listen --once :9000 > f   one client, into a file (nc -l)\n"
		"  pier listen --hub :9000        a room: each hears the others\n"
		"  pier listen --echo udp://:7    also --upper, --discard, --reply=FILE\n"
		"  pier listen --exec='cat -n' :9000     the client's address is in $PIER_PEER\n"
		"  pier listen -x -t :9000        what devices send, as hex, and when\n"
		"\n"
		"Clients are numbered as they come. One that does not read is cut off, so it\n"
		"holds up nobody. stdin that is no terminal is read once there is a client.\n"
		"unix: and seqpacket: paths are removed at the end; a dead one is taken over.\n",
	.run = run,
};

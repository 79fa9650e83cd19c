/* pier connect: stdin and stdout, or the terminal, to a server. */
#include <inttypes.h>
#include <stdio.h>

#include "command.h"
#include "talk.h"
#include "view.h"

#define CONNECT_TIMEOUT PIER_S(10)

static struct view view;
static struct talk_opts talk_opts = {.linger = TALK_LINGER};
static const char *from, *proxy;
static int64_t timeout, connect_timeout, deadline;

static const struct option options[] = {
	TALK_OPTIONS(talk_opts),
	VIEW_OPTIONS(view),
	{"timeout", 'w', OPTION_DURATION, &timeout, "TIME",
	 "give up when connecting takes this long, or nothing moves for so long"},
	{"connect-timeout", 0, OPTION_DURATION, &connect_timeout, "TIME", "the first alone; 10s"},
	{"idle", 0, OPTION_DURATION, &talk_opts.idle, "TIME", "the second alone; never"},
	{"deadline", 0, OPTION_DURATION, &deadline, "TIME", "the whole conversation ends by then"},
	{"from", 0, OPTION_TEXT, &from, "ADDR[:PORT]", "come from this address of ours"},
	{"proxy", 0, OPTION_TEXT, &proxy, "URL",
	 "through socks5://[USER:PASSWORD@]HOST:PORT, or http://… by CONNECT"},
	{0},
};

static void say_connected(pier_conn *peer, int64_t began)
{
	char local[PIER_ADDR_TEXT] = "?", other[PIER_ADDR_TEXT], time[TIME_TEXT_MAX];
	pier_addr own;

	if (pier_local_addr(peer, &own) == 0)
		pier_addr_format(&own, local, sizeof local);
	fprintf(stderr, "pier: connected to %s from %s in %s\n", peer_text(peer, other), local,
		time_text(pier_now() - began, time));
}

static void say_tally(const struct tally *t)
{
	fprintf(stderr, "pier: %s; sent %" PRId64 ", received %" PRId64 " bytes\n", t->why, t->sent,
		t->received);
}

static int dial_failed(const char *url, pier_conn *peer, struct tally *tally)
{
	char why[WHY_MAX];

	tally->status = (int)explain_dial(url, pier_err(peer), connect_timeout, why);
	/* Which of the two it was, and what the proxy said; or what is wrong with a certificate. */
	if (proxy || pier_err(peer) == -PIER_EVERIFY || pier_err(peer) == -PIER_ETLS)
		snprintf(why, sizeof why, "%s", pier_why(peer));
	fail(tally->status, "%s", why);
	view_error_event(&view, why);
	tally->why = "no connection";
	return tally->status;
}

static int dial_and_talk(const char *url, struct tally *tally)
{
	int64_t began = pier_now();
	PIER_AUTO *peer =
		pier_dial(url, .timeout = connect_timeout, .source = from, .proxy = proxy);

	if (pier_err(peer) < 0)
		return dial_failed(url, peer, tally);
	if (talk_opts.verbose)
		say_connected(peer, began);
	view_open_event(&view, 0, scheme_of(url), peer);
	return talk(url, peer, &view, &talk_opts, tally);
}

static int connect_to(void *arg)
{
	const char *url = arg;
	struct tally tally = {0};

	int err = view_open(&view);
	if (err < 0)
		return fail(STATUS_LOCAL, "stdout: %s", pier_strerror(err));
	if (deadline > 0)
		PIER_WITHIN (deadline)
			dial_and_talk(url, &tally);
	else
		dial_and_talk(url, &tally);
	view_close_event(&view, 0, &tally);
	if (talk_opts.verbose)
		say_tally(&tally);
	view_close(&view);
	return tally.status;
}

static int run(int argc, char **argv)
{
	if (argc != 1)
		return fail(STATUS_USAGE, "connect wants one endpoint, such as example.org:80 or "
					  "unix:/run/x.sock (try: pier connect --help)");
	if (timeout > 0 && connect_timeout == 0)
		connect_timeout = timeout;
	if (timeout > 0 && talk_opts.idle == 0)
		talk_opts.idle = timeout;
	if (connect_timeout == 0)
		connect_timeout = CONNECT_TIMEOUT;
	if (view.hex && view.json)
		return fail(STATUS_USAGE, "--hex and --json are two views; choose one");

	int status = pier_run(connect_to, argv[0], .workers = 1);
	return status >= 0 ? status : fail(STATUS_LOCAL, "cannot run: %s", pier_strerror(status));
}

const struct command command_connect = {
	.name = "connect",
	.line = "talk to a server: stdin and stdout, or the terminal",
	.usage = "[OPTIONS] ENDPOINT",
	.options = options,
	.help = "  pier connect example.org:80    type, see what comes; Ctrl-D ends\n"
		"  pier example.org:80            the same\n"
		"  pier udp://10.0.0.7:9999       one line, one datagram\n"
		"  pier unix:/run/x.sock          also unix:@name, seqpacket:/path, [::1]:80\n"
		"  pier -C example.org:80 < request > answer\n"
		"  pier -x -t --send=hex 192.168.1.40:502       bytes in, bytes out, and when\n"
		"\n"
		"When stdin ends, the peer is told, and what it still says is read until it is\n"
		"done; when the peer ends, so does pier. No timer cuts a late answer off. Of\n"
		"datagrams, each read of stdin is one (at most 65507 bytes), and after stdin's\n"
		"end answers may come for half a second.\n"
		"\n"
		"On a terminal what a peer sends cannot act: ESC is shown as \\x1b.\n",
	.run = run,
};

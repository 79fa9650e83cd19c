/* What servers and listeners promise of every conn, of conns under TLS. */
#include "quiet_town.h"
#include "safe_town.h"

/* ---- Handlers that are called per message ---------------------------------------------------------- */

static struct safe_town quiet_and_safe(pier_handler handler)
{
	return (struct safe_town){.town = quiet_town("", handler)};
}

static void close_quiet(struct safe_town *s)
{
	close_safe(s);
	CHECK_EQ(opened, closed);
}

#define GUESTS 100

static uint64_t fibers(void)
{
	pier_worker_stats s;
	uint64_t sum = 0;
	for (unsigned w = 0; pier_stats(w, &s) == 0; w++)
		sum += s.fibers;
	return sum;
}

static void hear(pier_conn *c, const char *text)
{
	char line[64];
	CHECK(pier_gets(c, line, sizeof line) > 0);
	CHECK_STR(line, text);
}

ON_FIBER(each_message_under_tls_calls_the_handler)
{
	struct safe_town s = quiet_and_safe(answer);
	pier_conn *guests[GUESTS];

	open_safe(&s);
	for (int i = 0; i < GUESTS; i++) {
		guests[i] = pier_dial(s.town.where, .tls = s.client);
		CHECK_STR(pier_why(guests[i]), "");
	}
	await(&opened, GUESTS);
	CHECK(fibers() < GUESTS / 2); /* they wait between messages without one */
	for (int round = 0; round < 3; round++)
		for (int i = GUESTS - 1; i >= 0; i--) {
			say(guests[i], "hel");
			say(guests[i], "lo\nyou\n"); /* in pieces, and two at once */
			hear(guests[i], "hello");
			hear(guests[i], "you");
		}
	CHECK_EQ(s.town.begun, GUESTS * 3 * 2);
	for (int i = 0; i < GUESTS; i++)
		pier_close(guests[i]);
	await(&closed, GUESTS);
	close_quiet(&s);
	CHECK_EQ(opened, GUESTS);
	CHECK_EQ(s.town.errors, 0);
}

/* A frame of `len` bytes in pieces of `step`, each a record of its own. */
static void ask_in_pieces(pier_conn *c, size_t len, size_t step)
{
	size_t whole = 4 + len;
	unsigned char *out = malloc(whole), *in = malloc(whole);
	for (size_t i = 0; i < whole; i++)
		out[i] = (unsigned char)(i < 4 ? len >> (24 - 8 * i) : i * 31 + i / 251);
	for (size_t at = 0; at < whole; at += step)
		CHECK_OK(pier_send(c, out + at, step < whole - at ? step : whole - at));
	CHECK_EQ(pier_recv_all(c, in, whole), whole);
	CHECK(memcmp(in, out, whole) == 0);
	free(out);
	free(in);
}

ON_FIBER(messages_of_all_sizes_arrive_whole_whatever_their_records)
{
	static const size_t sizes[] = {1, 900, 1020, 1021, 5000, 16380, 16381, 70000, 300000};
	static const size_t steps[] = {1, 7, 1000, 1024, 5000, 16384, 1u << 20};
	struct safe_town s = quiet_and_safe(answer);

	s.town.o.frame = PIER_LEN32;
	open_safe(&s);
	PIER_AUTO *c = pier_dial(s.town.where, .tls = s.client);
	for (unsigned i = 0; i < sizeof sizes / sizeof *sizes; i++)
		for (unsigned k = 0; k < sizeof steps / sizeof *steps; k++)
			if (sizes[i] / steps[k] < 400)
				ask_in_pieces(c, sizes[i], steps[k]);
	CHECK_STR(pier_why(c), "");
	CHECK_OK(pier_finish(c));
	close_quiet(&s);
	CHECK_EQ(s.town.errors, 0);
}

static void note_truncated(pier_conn *c, void *arg)
{
	note_close(c, arg);
	CHECK_EQ(pier_err(c), -PIER_ETRUNCATED);
}

ON_FIBER(an_end_inside_a_message_is_told_per_message)
{
	struct safe_town s = quiet_and_safe(answer);

	s.town.o.on_close = note_truncated;

	open_safe(&s);
	PIER_AUTO *c = pier_dial(s.town.where, .tls = s.client);
	say(c, "x\nhalf of a li");
	hear(c, "x");
	CHECK_EQ(shutdown(pier_fileno(c), SHUT_WR), 0); /* no close_notify */
	await(&closed, 1);
	close_quiet(&s);
	CHECK_EQ(s.town.begun, 1);
}

ON_FIBER(a_failed_handshake_opens_nothing_per_message)
{
	struct safe_town s = quiet_and_safe(answer);
	char url[64];

	open_safe(&s);
	PIER_AUTO *c = pier_dial(as_tcp(&s, url));
	say(c, "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
	await(&s.town.errors, 1);
	CHECK_EQ(s.town.error, -PIER_ETLS);
	close_quiet(&s);
	CHECK_EQ(opened, 0);
	CHECK_EQ(s.town.begun, 0);
}

ON_FIBER(a_quiet_conn_under_tls_is_let_go_when_it_idles)
{
	struct safe_town s = quiet_and_safe(answer);

	s.town.o.idle = PIER_MS(80);
	open_safe(&s);
	PIER_AUTO *c = pier_dial(s.town.where, .tls = s.client);
	say(c, "x\n");
	hear(c, "x");
	PIER_WITHIN (PIER_S(5))
		CHECK(!pier_next(c).p);
	await(&s.town.errors, 1);
	CHECK_EQ(s.town.error, -ETIMEDOUT);
	await(&closed, 1);
	close_quiet(&s);
}

/* Takes three bytes of what has come, so that some may stay. */
static void take_three(pier_conn *c, void *arg)
{
	struct town *t = arg;
	t->begun++;
	pier_bytes m = pier_view(c);
	if (m.len >= 3) {
		char text[3];
		CHECK_EQ(pier_recv_all(c, text, 3), 3);
		pier_send(c, text, 3);
	}
	t->ended++;
}

/* One that has said all, and one whose last bytes are no message yet: both wait, and the stop ends them at once. */
ON_FIBER(a_stop_ends_quiet_conns_under_tls)
{
	struct safe_town s = quiet_and_safe(take_three);

	s.town.o.frame = PIER_RAW;
	s.town.o.grace = PIER_MIN(1);
	open_safe(&s);
	PIER_AUTO *all = pier_dial(s.town.where, .tls = s.client);
	PIER_AUTO *rest = pier_dial(s.town.where, .tls = s.client);
	ask(all, "abc");
	say(rest, "defg");
	CHECK_BYTES(pier_next(rest), "def");
	PIER_AUTO *silent = pier_dial(s.town.where, .tls = s.client);
	await(&opened, 3);
	pier_finish(all);
	pier_finish(rest);
	pier_finish(silent);
	PIER_AUTO *stays = pier_dial(s.town.where, .tls = s.client);
	ask(stays, "hij");
	int64_t begin = pier_now();
	close_quiet(&s);
	CHECK(pier_now() - begin < PIER_S(10)); /* it lingers for the words of one that stays */
	CHECK_EQ(opened, 4);
	CHECK_EQ(s.town.errors, 0);
}

/* ---- Over a limit ---------------------------------------------------------------------------------- */

static atomic_int told;

static void say_full(pier_conn *c, void *arg)
{
	char host[PIER_ADDR_TEXT];
	pier_addr_host(pier_peer_addr(c), host, sizeof host);
	pier_printf(c, "%s: no room\n", host);
	(void)arg;
	told++;
}

/* A conn of a client that a proxy names. */
static pier_conn *dial_behind(struct safe_town *s, const char *client)
{
	char url[64];
	pier_conn *c = pier_dial(as_tcp(s, url));
	CHECK_OK(pier_printf(c, "PROXY TCP4 %s 192.0.2.2 5000 443\r\n", client));
	pier_tls_start(c, s->client, PIER_TLS_CLIENT, "127.0.0.1");
	return c;
}

static void close_told(struct safe_town *s)
{
	close_safe(s);
	CHECK_EQ(told, 1);
	told = 0;
}

ON_FIBER(who_is_one_too_many_is_told_under_tls)
{
	struct safe_town s = {.town.o = {.max_conns = 2, .on_full = say_full}};
	char url[64];

	open_safe(&s);
	PIER_AUTO *a = pier_dial(s.town.where, .tls = s.client);
	PIER_AUTO *b = pier_dial(s.town.where, .tls = s.client);
	ask(a, "hello");
	ask(b, "hello");
	PIER_AUTO *silent = pier_dial(as_tcp(&s, url)); /* holds nobody up */
	PIER_AUTO *c = pier_dial(s.town.where, .tls = s.client);
	CHECK_STR(pier_why(c), "");
	hear(c, "127.0.0.1: no room");
	CHECK(!pier_next(c).p);
	CHECK_EQ(pier_err(c), 0);
	pier_close(c);
	c = NULL;
	int64_t begin = pier_now();
	PIER_WITHIN (PIER_S(10))
		CHECK(!pier_next(silent).p);
	CHECK(pier_now() - begin < PIER_LINGER + PIER_S(1));
	CHECK_EQ(pier_err(silent), 0);
	pier_close(silent);
	silent = NULL;
	ask(a, "still here");
	pier_close(a);
	a = NULL;
	pier_close(b);
	b = NULL;
	close_told(&s);
	CHECK_EQ(s.town.begun, 2);
}

static void tell_behind_a_proxy(bool per_message, unsigned max_conns, unsigned max_per_host,
				const char *next)
{
	struct safe_town s = {.town = {.handler = per_message ? answer : echo,
				       .o = {.proxied = "127.0.0.0/8",
					     .max_conns = max_conns,
					     .max_per_host = max_per_host,
					     .per_message = per_message,
					     .on_full = say_full}}};
	char line[64];

	open_safe(&s);
	PIER_AUTO *a = dial_behind(&s, "192.0.2.7");
	ask(a, "hello");
	PIER_AUTO *b = dial_behind(&s, next);
	CHECK_STR(pier_why(b), "");
	snprintf(line, sizeof line, "%s: no room", next);
	hear(b, line);
	pier_close(b);
	b = NULL;
	pier_close(a);
	a = NULL;
	close_told(&s);
	CHECK_EQ(s.town.begun, 1);
	CHECK_EQ(s.town.errors, 0);
}

/* The limit of all conns is met before the proxy has spoken, that of a host only then. */
ON_FIBER(who_is_one_too_many_behind_a_proxy_is_told_as_who_it_is)
{
	for (int per_message = 0; per_message < 2; per_message++) {
		tell_behind_a_proxy(per_message, 1, 1, "192.0.2.8");
		tell_behind_a_proxy(per_message, 10, 1, "192.0.2.7");
	}
}

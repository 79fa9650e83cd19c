/* TLS on a bad wire: the bytes are right, or there is an error; an end that the peer did not say is no end. Certificates are made
 * in the simulation, so they are of its calendar, its chance, and the same again. */
#include "../unit/certs.h"
#include "test.h"

#include <pier.h>

#define LONG	  PIER_MIN(20) /* for a handshake: longer than any cut */
#define BYTES_MAX 20000
#define SONG_LEN  200000

static char *authority, *server_pem; /* of the scenario's making */

static void make_certs(long until)
{
	A_CERT ca = make_authority("Ours");
	A_CERT cert = CERT(.subject = "srv", .names = "DNS:srv", .issuer = &ca, .from = -DAY,
			   .to = until);
	authority = strdup(ca.pem);
	server_pem = strdup(cert.pem);
	CHECK(authority && server_pem);
}

static int serve(pier_handler handler)
{
	PIER_AUTO_TLS *t = pier_tls_new(.cert = server_pem, .handshake = LONG);
	CHECK_OK(pier_tls_err(t));
	return pier_serve("tls://:7000", handler, .tls = t, .quiet = true);
}

/* ---- Whole -------------------------------------------------------------------------------------- */

static void echo(pier_conn *c, void *arg)
{
	(void)arg;
	for (pier_bytes b; (b = pier_next(c)).p;)
		pier_send(c, b.p, b.len);
}

static int echo_server(void)
{
	return serve(echo);
}

struct talk {
	pier_sim *sim;
	pier_tls *tls;
};

struct speech {
	pier_conn *to;
	size_t len;
	char bytes[BYTES_MAX];
};

static int say(void *arg)
{
	struct speech *what = arg;
	return pier_send(what->to, what->bytes, what->len) < 0 ? pier_err(what->to) : 0;
}

static void talk_once(pier_sim *s, pier_conn *c)
{
	struct speech out = {.to = c, .len = 1 + (size_t)pier_sim_chance(s, BYTES_MAX)};
	char in[BYTES_MAX];
	PIER_AUTO_GROUP speaker = PIER_GROUP;
	for (size_t i = 0; i < out.len; i++)
		out.bytes[i] = (char)pier_sim_chance(s, 256);
	CHECK_OK(pier_go(&speaker, say, &out));
	CHECK_EQ(pier_recv_all(c, in, out.len), out.len);
	CHECK_OK(pier_group_wait(&speaker));
	CHECK(memcmp(in, out.bytes, out.len) == 0);
}

static int talk(void *arg)
{
	struct talk *t = arg;
	PIER_AUTO *c = pier_dial("tls://srv:7000", .tls = t->tls);
	CHECK_STR(pier_why(c), "");
	for (uint64_t i = pier_sim_chance(t->sim, 4); i; i--)
		talk_once(t->sim, c);
	CHECK_OK(pier_finish(c));
	CHECK_EQ(pier_recv(c, &(char){0}, 1), 0);
	return 0;
}

static int talk_to_all(pier_sim *s)
{
	PIER_AUTO_GROUP all = PIER_GROUP;
	make_certs(DAY);
	PIER_AUTO_TLS *tls = pier_tls_new(.ca = authority, .handshake = LONG);
	struct talk t = {s, tls};
	CHECK_OK(pier_sim_node(s, "srv", echo_server));
	for (int i = 0; i < 4; i++)
		CHECK_OK(pier_go(&all, talk, &t));
	return pier_group_wait(&all);
}

TEST_WITHIN(120, a_safe_stream_comes_back_whole_over_a_bad_wire)
{
	CHECK_EQ(pier_sim_run(talk_to_all, .seeds = 100, .loss = 0.1, .delay = PIER_MS(80),
			      .partitions = 2),
		 0);
}

/* ---- Cut short ---------------------------------------------------------------------------------- */

static char note(size_t at)
{
	return (char)(at * 31 >> 3);
}

static void sing(pier_conn *c, void *arg)
{
	char some[1000];
	(void)arg;
	for (size_t at = 0; at < SONG_LEN; at += sizeof some) {
		for (size_t i = 0; i < sizeof some; i++)
			some[i] = note(at + i);
		if (pier_send(c, some, sizeof some) < 0)
			return;
		pier_sleep(PIER_MS(10));
	}
}

static int song_server(void)
{
	return serve(sing);
}

/* What goes wrong with the server, some time in the song. */
static int disturb(void *arg)
{
	pier_sim *s = arg;
	pier_sleep((int64_t)pier_sim_chance(s, PIER_S(3)));
	switch (pier_sim_chance(s, 4)) {
	case 0:
		return pier_sim_crash(s, "srv");
	case 1:
		return pier_sim_crash(s, "srv") < 0 ? 0 : pier_sim_restart(s, "srv");
	case 2:
		CHECK_OK(pier_sim_pause(s, "srv", true));
		pier_sleep(PIER_S(5));
		return pier_sim_pause(s, "srv", false);
	default:
		CHECK_OK(pier_sim_cut(s, "scenario", "srv"));
		pier_sleep(PIER_S(5));
		return pier_sim_heal(s, "scenario", "srv");
	}
}

static int listen_to_it(pier_sim *s)
{
	PIER_AUTO_GROUP other = PIER_GROUP;
	size_t heard = 0;
	make_certs(DAY);
	PIER_AUTO_TLS *tls = pier_tls_new(.ca = authority);
	CHECK_OK(pier_sim_node(s, "srv", song_server));
	CHECK_OK(pier_go(&other, disturb, s));
	PIER_AUTO *c = pier_dial("tls://srv:7000", .tls = tls);
	PIER_WITHIN (PIER_MIN(2))
		for (pier_bytes b; (b = pier_next(c)).p;)
			for (size_t i = 0; i < b.len; i++, heard++)
				CHECK_EQ(((const char *)b.p)[i], note(heard));
	CHECK(heard <= SONG_LEN);
	CHECK_OK(pier_group_wait(&other));
	return pier_sim_check(s, heard == SONG_LEN || pier_err(c) < 0);
}

TEST_WITHIN(120, a_song_that_is_cut_short_is_told_as_such)
{
	CHECK_EQ(pier_sim_run(listen_to_it, .seeds = 200, .loss = 0.05, .delay = PIER_MS(30)), 0);
}

/* Somebody between who ends the stream himself: tcp's end comes, that of TLS does not. */
static void relay(pier_conn *c, void *arg)
{
	(void)arg;
	PIER_AUTO *to = pier_dial("tcp://srv:7000");
	size_t left = 3000 + (size_t)random() % SONG_LEN;
	pier_bytes hello = pier_next(c);
	pier_send(to, hello.p, hello.len);
	for (pier_bytes b; left && (b = pier_next(to)).p; left -= b.len < left ? b.len : left) {
		pier_send(c, b.p, b.len < left ? b.len : left);
		if (pier_poll(c, 0) > 0 && (hello = pier_next(c)).p)
			pier_send(to, hello.p, hello.len);
	}
}

static int man_between(void)
{
	return pier_serve("tcp://:7000", relay, .quiet = true);
}

static int listen_through_him(pier_sim *s)
{
	size_t heard = 0;
	make_certs(DAY);
	PIER_AUTO_TLS *tls = pier_tls_new(.ca = authority, .name = "srv");
	CHECK_OK(pier_sim_node(s, "srv", song_server));
	CHECK_OK(pier_sim_node(s, "between", man_between));
	PIER_AUTO *c = pier_dial("tls://between:7000", .tls = tls);
	for (pier_bytes b; (b = pier_next(c)).p; heard += b.len)
		;
	if (heard == SONG_LEN)
		return 0;
	return pier_sim_check(s, pier_err(c) < 0);
}

TEST_WITHIN(120, an_end_that_somebody_between_made_is_none)
{
	CHECK_EQ(pier_sim_run(listen_through_him, .seeds = 50), 0);
}

/* ---- The calendar ------------------------------------------------------------------------------- */

static int dial_later(pier_sim *s)
{
	make_certs(DAY);
	PIER_AUTO_TLS *tls = pier_tls_new(.ca = authority, .fresh = true);
	CHECK_OK(pier_sim_node(s, "srv", echo_server));
	PIER_AUTO *now = pier_dial("tls://srv:7000", .tls = tls);
	CHECK_STR(pier_why(now), "");
	pier_sleep(PIER_S(DAY + 60));
	PIER_AUTO *later = pier_dial("tls://srv:7000", .tls = tls);
	return pier_sim_check(s, pier_err(later) == -PIER_EVERIFY &&
					 strstr(pier_why(later), "expired"));
}

TEST_WITHIN(60, a_certificate_expires_by_the_calendar_of_the_world)
{
	CHECK_EQ(pier_sim_run(dial_later, .seeds = 10), 0);
}

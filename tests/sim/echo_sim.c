/* What is said comes back whole and in order, over every transport, whatever the wire does. */
#include "test.h"

#include <errno.h>
#include <pier.h>
#include <stdlib.h>
#include <string.h>

#define BYTES_MAX 20000

static void echo(pier_conn *c, void *arg)
{
	(void)arg;
	for (pier_bytes b; (b = pier_next(c)).p;)
		pier_send(c, b.p, b.len);
}

static int server(void)
{
	static const char *const also[] = {"udp://:7000", NULL};
	return pier_serve("tcp://:7000", echo, .also = also);
}

static void fill(pier_sim *s, char *at, size_t len)
{
	for (size_t i = 0; i < len; i++)
		at[i] = (char)pier_sim_chance(s, 256);
}

struct talk {
	pier_sim *sim;
	const char *url;
	int err;
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

/* Sends while it receives: what is under way may be more than fits the wire. */
static void talk_once(struct talk *t, pier_conn *c)
{
	struct speech out = {.to = c, .len = 1 + (size_t)pier_sim_chance(t->sim, BYTES_MAX)};
	char in[BYTES_MAX];
	PIER_AUTO_GROUP speaker = PIER_GROUP;
	fill(t->sim, out.bytes, out.len);
	CHECK_OK(pier_go(&speaker, say, &out));
	CHECK_EQ(pier_recv_all(c, in, out.len), out.len);
	CHECK_OK(pier_group_wait(&speaker));
	CHECK(memcmp(in, out.bytes, out.len) == 0);
}

static int talk(void *arg)
{
	struct talk *t = arg;
	PIER_AUTO *c = pier_dial(t->url);
	CHECK_OK(pier_err(c));
	for (uint64_t i = pier_sim_chance(t->sim, 5); i; i--)
		talk_once(t, c);
	CHECK_OK(pier_finish(c));
	CHECK_EQ(pier_recv(c, &(char){0}, 1), 0);
	return 0;
}

static int talk_tcp(pier_sim *s)
{
	PIER_AUTO_GROUP all = PIER_GROUP;
	struct talk t = {.sim = s, .url = "tcp://srv:7000"};
	CHECK_OK(pier_sim_node(s, "srv", server));
	for (int i = 0; i < 4; i++)
		CHECK_OK(pier_go(&all, talk, &t));
	return pier_group_wait(&all);
}

TEST_WITHIN(60, a_stream_comes_back_whole_over_a_bad_wire)
{
	CHECK_EQ(pier_sim_run(talk_tcp, .seeds = 300, .loss = 0.2, .delay = PIER_MS(80),
			      .partitions = 3),
		 0);
}

/* The deadline falls on the arrival, or a little beside it; what has come in spite of it comes by the next call. */
static int hear_in_time(pier_sim *s)
{
	pier_sim_wire wire = {.delay = PIER_US(100)};
	CHECK_OK(pier_sim_node(s, "srv", server));
	CHECK_OK(pier_sim_link(s, NULL, NULL, &wire));
	PIER_AUTO *c = pier_dial("tcp://srv:7000");
	for (int i = 0; i < 30; i++) {
		char sent = (char)('a' + i % 26), got = 0, in;
		CHECK_EQ(pier_send(c, &sent, 1), 1);
		for (int tries = 0; got == 0 && tries < 10; tries++) {
			PIER_WITHIN (PIER_US(195) + (int64_t)pier_sim_chance(s, PIER_US(30)))
				got = pier_recv(c, &in, 1) == 1 ? in : 0;
			CHECK(pier_err(c) == 0 || pier_err(c) == -ETIMEDOUT);
			pier_clear(c);
		}
		CHECK_EQ(got, sent);
	}
	return 0;
}

TEST_WITHIN(60, a_byte_that_meets_a_deadline_is_not_lost)
{
	CHECK_EQ(pier_sim_run(hear_in_time, .seeds = 300), 0);
}

/* ---- Within a node -------------------------------------------------------------------------------- */

static int serve_here(void *url)
{
	return pier_serve(url, echo, .quiet = true);
}

static int talk_here(pier_sim *s, const char *url)
{
	PIER_AUTO_GROUP all = PIER_GROUP, server_group = PIER_GROUP;
	struct talk t = {.sim = s, .url = url};
	CHECK_OK(pier_go(&server_group, serve_here, (void *)(uintptr_t)url));
	CHECK_OK(pier_sleep(PIER_MS(10)));
	for (int i = 0; i < 3; i++)
		CHECK_OK(pier_go(&all, talk, &t));
	return pier_group_wait(&all);
}

static int talk_unix(pier_sim *s)
{
	return talk_here(s, pier_sim_chance(s, 2) ? "unix:/run/echo" : "unix:@echo");
}

TEST_WITHIN(60, a_unix_stream_comes_back_whole)
{
	CHECK_EQ(pier_sim_run(talk_unix, .seeds = 200), 0);
}

static int messages(pier_conn *c, pier_sim *s)
{
	static char out[BYTES_MAX];
	for (int i = 0; i < 5; i++) {
		size_t len = 1 + (size_t)pier_sim_chance(s, BYTES_MAX);
		fill(s, out, len);
		CHECK_EQ(pier_send(c, out, len), len);
		pier_bytes b = pier_next(c);
		CHECK_EQ(b.len, len);
		CHECK(memcmp(b.p, out, len) == 0);
	}
	return 0;
}

static int talk_seqpacket(pier_sim *s)
{
	PIER_AUTO_GROUP server_group = PIER_GROUP;
	CHECK_OK(pier_go(&server_group, serve_here, "seqpacket:@echo"));
	CHECK_OK(pier_sleep(PIER_MS(10)));
	PIER_AUTO *c = pier_dial("seqpacket:@echo");
	CHECK_OK(pier_err(c));
	return messages(c, s);
}

TEST_WITHIN(60, messages_of_a_seqpacket_keep_their_bounds)
{
	CHECK_EQ(pier_sim_run(talk_seqpacket, .seeds = 200), 0);
}

static int talk_pair(pier_sim *s)
{
	pier_conn *two[2];
	CHECK_OK(pier_pair(two));
	PIER_AUTO *a = two[0], *b = two[1];
	char got[6] = "";
	CHECK_EQ(pier_send(a, "hello", 5), 5);
	CHECK_EQ(pier_recv_all(b, got, 5), 5);
	CHECK_STR(got, "hello");
	return pier_sim_check(s, pier_finish(a) == 0 && pier_recv(b, got, 1) == 0);
}

TEST(a_pair_talks_to_itself)
{
	CHECK_EQ(pier_sim_run(talk_pair, .seeds = 100), 0);
}

/* ---- Datagrams ------------------------------------------------------------------------------------ */

/* A datagram may be lost, come twice or late; what comes is one that was sent. */
static int talk_udp(pier_sim *s)
{
	char text[32];
	CHECK_OK(pier_sim_node(s, "srv", server));
	PIER_AUTO *c = pier_dial("udp://srv:7000");
	CHECK_OK(pier_err(c));
	unsigned came = 0;
	for (int i = 0; i < 200 && came < 5; i++) {
		snprintf(text, sizeof text, "%d", i);
		CHECK_OK(pier_send(c, text, strlen(text)));
		PIER_WITHIN (PIER_MS(300)) {
			pier_bytes b = pier_next(c);
			if (b.p) {
				snprintf(text, sizeof text, "%.*s", (int)b.len, b.p);
				CHECK(strtol(text, NULL, 10) <= i);
				came++;
			}
		}
		CHECK(pier_err(c) == 0 || pier_err(c) == -ETIMEDOUT);
		pier_clear(c);
	}
	return pier_sim_check(s, came == 5);
}

TEST_WITHIN(60, datagrams_get_through_when_asked_often_enough)
{
	CHECK_EQ(pier_sim_run(talk_udp, .seeds = 200, .loss = 0.3, .twice = 0.2,
			      .delay = PIER_MS(60), .partitions = 1),
		 0);
}

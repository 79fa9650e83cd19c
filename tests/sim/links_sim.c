/* What a wire does to what goes over it, and who finds out that nobody is there any more. */
#include "test.h"

#include <errno.h>
#include <netinet/in.h>
#include <pier.h>
#include <stdlib.h>
#include <string.h>

#define BYTES 100000

static void swallow(pier_conn *c, void *arg)
{
	char block[1000];
	(void)arg;
	while (pier_recv(c, block, sizeof block) > 0)
		;
	pier_send(c, "!", 1);
}

static int sink(void)
{
	return pier_serve("tcp://:7000", swallow);
}

/* Listens to nobody. */
static int idle(void)
{
	return pier_sleep(PIER_FOREVER);
}

/* Sends so much and waits until it is read: how long that took. */
static int64_t transfer(pier_conn *c, size_t len)
{
	static char block[BYTES];
	int64_t began = pier_now();
	CHECK_OK(pier_send(c, block, len));
	CHECK_OK(pier_finish(c));
	CHECK_EQ(pier_recv_all(c, &(char){0}, 1), 1);
	return pier_now() - began;
}

/* ---- Rate and queue ------------------------------------------------------------------------------- */

static int send_slowly(pier_sim *s)
{
	pier_sim_wire slow = {.rate = 10000}, fast = {.rate = 1000000};
	CHECK_OK(pier_sim_node(s, "srv", sink));
	PIER_AUTO *a = pier_dial("tcp://srv:7000"), *b = pier_dial("tcp://srv:7000");
	CHECK_OK(pier_err(b));
	CHECK_OK(pier_sim_link(s, "scenario", "srv", &slow));
	CHECK(transfer(a, BYTES) >= PIER_S(10));
	CHECK_OK(pier_sim_link(s, "scenario", "srv", &fast));
	return pier_sim_check(s, transfer(b, BYTES) < PIER_S(10));
}

TEST_WITHIN(60, a_wire_has_a_rate_and_another_once_it_is_changed)
{
	CHECK_EQ(pier_sim_run(send_slowly, .seeds = 50, .whole = true), 0);
}

static pier_sock datagrams(const char *host, uint16_t port, pier_addr *at)
{
	pier_sock s;
	CHECK_OK(pier_addr_parse(pier_text(host), port, at));
	CHECK_OK(pier_socket(at->sa.sa_family, SOCK_DGRAM, 0, &s));
	return s;
}

#define PORT 7001

static unsigned heard, heard_bytes;

static int count_datagrams(void)
{
	char block[65536];
	pier_addr any;
	PIER_AUTO_SOCK s = datagrams("::", PORT, &any);
	heard = heard_bytes = 0;
	CHECK_OK(pier_sock_bind(&s, &any));
	for (ssize_t n; (n = pier_sock_recv(&s, block, sizeof block, 0)) >= 0; heard++)
		heard_bytes += (unsigned)n;
	return 0;
}

/* Sends `count` datagrams at once, and waits until all are there that ever will be. */
static void burst(pier_sim *s, pier_sock *from, const pier_addr *to, unsigned count, size_t len)
{
	static char block[65536];
	for (unsigned i = 0; i < count; i++)
		CHECK_EQ(pier_sock_sendto(from, block, len, 0, to), len);
	pier_sim_settle(s);
}

static int fill_the_queue(pier_sim *s)
{
	pier_sim_wire narrow = {.rate = 100000, .queue = 10000};
	pier_addr to;
	CHECK_OK(pier_sim_node(s, "srv", count_datagrams));
	CHECK_OK(pier_sim_link(s, "scenario", "srv", &narrow));
	PIER_AUTO_SOCK out = datagrams("10.0.0.2", PORT, &to);
	burst(s, &out, &to, 100, 1000);
	CHECK(heard > 5 && heard < 12); /* one on the wire, and what the queue has room for */
	burst(s, &out, &to, 5, 1000);
	return pier_sim_check(s, heard > 10 && heard < 17);
}

TEST(of_datagrams_that_find_the_queue_full_the_rest_is_lost)
{
	CHECK_EQ(pier_sim_run(fill_the_queue, .seeds = 50), 0);
}

/* ---- Size ------------------------------------------------------------------------------------------ */

static int send_in_pieces(pier_sim *s)
{
	pier_sim_wire bad = {.loss = 0.1, .mtu = 1000};
	pier_addr to;
	unsigned small, big;
	CHECK_OK(pier_sim_node(s, "srv", count_datagrams));
	CHECK_OK(pier_sim_link(s, "scenario", "srv", &bad));
	PIER_AUTO_SOCK out = datagrams("10.0.0.2", PORT, &to);
	burst(s, &out, &to, 200, 900);
	small = heard;
	burst(s, &out, &to, 200, 20000);
	big = heard - small;
	CHECK_EQ(heard_bytes, small * 900 + big * 20000); /* whole or not at all */
	return pier_sim_check(s, small > 130 && big < 70);
}

TEST(a_long_datagram_is_lost_with_any_of_its_pieces)
{
	CHECK_EQ(pier_sim_run(send_in_pieces, .seeds = 50), 0);
}

static int send_unbroken(pier_sim *s)
{
	static char block[2000];
	pier_sim_wire narrow = {.mtu = 1000};
	pier_addr to;
	CHECK_OK(pier_sim_node(s, "srv", count_datagrams));
	CHECK_OK(pier_sim_link(s, "scenario", "srv", &narrow));
	PIER_AUTO_SOCK out = datagrams("10.0.0.2", PORT, &to);
	CHECK_OK(pier_sock_set_dontfrag(&out, true));
	CHECK_EQ(pier_sock_sendto(&out, block, 973, 0, &to), -EMSGSIZE);
	CHECK_EQ(pier_sock_sendto(&out, block, 972, 0, &to), 972); /* and 28 of headers */
	CHECK_OK(pier_sock_set_dontfrag(&out, false));
	CHECK_EQ(pier_sock_sendto(&out, block, 2000, 0, &to), 2000);
	pier_sim_settle(s);
	return pier_sim_check(s, heard_bytes == 2972);
}

TEST(a_datagram_that_must_not_be_cut_has_to_fit)
{
	CHECK_EQ(pier_sim_run(send_unbroken, .seeds = 10), 0);
}

/* ---- Order and number ------------------------------------------------------------------------------ */

#define NUMBERS 200

static unsigned came[2 * NUMBERS], came_count;

static int note_numbers(void)
{
	pier_addr any;
	unsigned number;
	PIER_AUTO_SOCK s = datagrams("::", PORT, &any);
	came_count = 0;
	CHECK_OK(pier_sock_bind(&s, &any));
	while (pier_sock_recv(&s, &number, sizeof number, 0) == sizeof number)
		came[came_count++] = number;
	return 0;
}

/* How many of the numbers that come have a higher one before them. */
static unsigned send_numbers(pier_sim *s, double reorder, double twice)
{
	pier_sim_wire wire = {.delay = PIER_MS(10), .reorder = reorder, .twice = twice};
	pier_addr to;
	unsigned overtaken = 0, highest = 0;
	CHECK_OK(pier_sim_node(s, "srv", note_numbers));
	CHECK_OK(pier_sim_link(s, "scenario", "srv", &wire));
	PIER_AUTO_SOCK out = datagrams("10.0.0.2", PORT, &to);
	for (unsigned i = 0; i < NUMBERS; i++) {
		CHECK_EQ(pier_sock_sendto(&out, &i, sizeof i, 0, &to), sizeof i);
		pier_sleep(PIER_US(100));
	}
	pier_sim_settle(s);
	for (unsigned i = 0; i < came_count; i++) {
		overtaken += came[i] < highest;
		highest = came[i] > highest ? came[i] : highest;
	}
	return overtaken;
}

static int send_in_order(pier_sim *s)
{
	CHECK_EQ(send_numbers(s, 0, 0), 0);
	return pier_sim_check(s, came_count == NUMBERS);
}

static int send_out_of_order(pier_sim *s)
{
	unsigned overtaken = send_numbers(s, 0.2, 0);
	return pier_sim_check(s, came_count == NUMBERS && overtaken > 10 && overtaken < 80);
}

static int send_twice(pier_sim *s)
{
	CHECK_EQ(send_numbers(s, 0, 0.2), 0);
	return pier_sim_check(s, came_count > NUMBERS + 15 && came_count < NUMBERS + 70);
}

TEST(order_and_number_are_what_the_wire_says)
{
	CHECK_EQ(pier_sim_run(send_in_order, .seeds = 20), 0);
	CHECK_EQ(pier_sim_run(send_out_of_order, .seeds = 50), 0);
	CHECK_EQ(pier_sim_run(send_twice, .seeds = 50), 0);
}

/* ---- Windows --------------------------------------------------------------------------------------- */

static int read_late(void)
{
	static char block[BYTES];
	pier_addr any;
	pier_sock c;
	PIER_AUTO_SOCK s = PIER_SOCK;
	CHECK_OK(pier_addr_parse(pier_text("::"), PORT, &any));
	CHECK_OK(pier_socket(AF_INET6, SOCK_STREAM, 0, &s));
	CHECK_OK(pier_sock_bind(&s, &any));
	CHECK_OK(pier_sock_listen(&s, 0));
	CHECK_OK(pier_sock_accept(&s, &c, NULL));
	CHECK_OK(pier_sleep(PIER_S(10)));
	for (heard_bytes = 0; heard_bytes < BYTES;) {
		ssize_t n = pier_sock_recv(&c, block, sizeof block, 0);
		CHECK(n > 0);
		heard_bytes += (unsigned)n;
	}
	pier_sock_close(&c);
	return 0;
}

static pier_sock connected(const char *host)
{
	pier_addr to;
	pier_sock s;
	CHECK_OK(pier_addr_parse(pier_text(host), PORT, &to));
	CHECK_OK(pier_socket(to.sa.sa_family, SOCK_STREAM, 0, &s));
	CHECK_OK(pier_sock_connect(&s, &to));
	return s;
}

/* A writer fills what its reader has room for, and hears of more no sooner than that has read and a packet has come back. */
static int write_ahead(pier_sim *s)
{
	static char block[BYTES];
	pier_sim_wire slow = {.delay = PIER_MS(300)};
	size_t sent = 0;
	CHECK_OK(pier_sim_node(s, "srv", read_late));
	int64_t began = pier_now();
	PIER_AUTO_SOCK c = connected("10.0.0.2");
	CHECK_OK(pier_sim_link(s, NULL, NULL, &slow));
	pier_sock_set_timeouts(&c, PIER_FOREVER, PIER_S(5));
	for (ssize_t n = 0; n >= 0 && sent < BYTES;) {
		n = pier_sock_send_some(&c, block, sizeof block - sent, 0);
		sent += n > 0 ? (size_t)n : 0;
	}
	bool blocked = sent < BYTES;
	CHECK(!blocked || pier_now() - began >= PIER_S(5));
	pier_sock_set_timeouts(&c, PIER_FOREVER, PIER_FOREVER);
	CHECK_EQ(pier_sock_send(&c, block, BYTES - sent, 0), BYTES - sent);
	CHECK(!blocked || pier_now() - began >= PIER_S(10) + PIER_MS(300));
	CHECK_OK(pier_sim_wait(s, "srv"));
	return pier_sim_check(s, heard_bytes == BYTES);
}

TEST(a_writer_without_a_window_waits_for_its_reader_s_word)
{
	CHECK_EQ(pier_sim_run(write_ahead, .seeds = 200), 0);
}

/* ---- Nobody there any more ------------------------------------------------------------------------- */

static int hold(void)
{
	pier_addr any;
	pier_sock c;
	char block[16];
	PIER_AUTO_SOCK s = PIER_SOCK;
	CHECK_OK(pier_addr_parse(pier_text("::"), PORT, &any));
	CHECK_OK(pier_socket(AF_INET6, SOCK_STREAM, 0, &s));
	CHECK_OK(pier_sock_set_reuse(&s, true, false));
	CHECK_OK(pier_sock_bind(&s, &any));
	CHECK_OK(pier_sock_listen(&s, 0));
	CHECK_OK(pier_sock_accept(&s, &c, NULL));
	while (pier_sock_recv(&c, block, sizeof block, 0) > 0)
		;
	pier_sock_close(&c);
	return 0;
}

/* Waits for input that never comes: how the wait ends. */
static int hear_nothing(pier_sock *c, int64_t *took)
{
	char byte;
	int64_t began = pier_now();
	int err = (int)pier_sock_recv(c, &byte, 1, 0);
	*took = pier_now() - began;
	return err;
}

static int ask_the_dead(pier_sim *s)
{
	int64_t took;
	CHECK_OK(pier_sim_node(s, "srv", hold));
	PIER_AUTO_SOCK c = connected("10.0.0.2");
	CHECK_OK(pier_sock_set_keepalive(&c, PIER_S(60), PIER_S(10), 3));
	pier_sleep(PIER_S(1));
	CHECK_OK(pier_sim_crash(s, "srv"));
	CHECK_EQ(hear_nothing(&c, &took), -ETIMEDOUT);
	return pier_sim_check(s, took > PIER_S(80) && took < PIER_S(92));
}

static int ask_who_forgot(pier_sim *s)
{
	int64_t took;
	CHECK_OK(pier_sim_node(s, "srv", hold));
	PIER_AUTO_SOCK c = connected("10.0.0.2");
	CHECK_OK(pier_sock_set_keepalive(&c, PIER_S(60), PIER_S(10), 3));
	pier_sleep(PIER_S(1));
	CHECK_OK(pier_sim_crash(s, "srv"));
	CHECK_OK(pier_sim_restart(s, "srv"));
	CHECK_EQ(hear_nothing(&c, &took), -ECONNRESET);
	CHECK(took > PIER_S(50) && took < PIER_S(62));
	return pier_sim_crash(s, "srv");
}

static int ask_across_a_cut(pier_sim *s)
{
	int64_t took;
	CHECK_OK(pier_sim_node(s, "srv", hold));
	PIER_AUTO_SOCK c = connected("fd00::2");
	CHECK_OK(pier_sock_set_keepalive(&c, PIER_S(60), PIER_S(10), 3));
	pier_sock_set_timeouts(&c, PIER_S(3600), PIER_FOREVER);
	CHECK_OK(pier_sim_cut(s, "srv", NULL));
	pier_sleep(PIER_S(70));
	CHECK_OK(pier_sim_heal(s, "srv", NULL)); /* in time: all is well */
	CHECK_EQ(hear_nothing(&c, &took), -ETIMEDOUT);
	return pier_sim_check(s, took >= PIER_S(3600));
}

TEST(keep_alive_tells_the_dead_from_the_silent)
{
	CHECK_EQ(pier_sim_run(ask_the_dead, .seeds = 50), 0);
	CHECK_EQ(pier_sim_run(ask_who_forgot, .seeds = 50), 0);
	CHECK_EQ(pier_sim_run(ask_across_a_cut, .seeds = 50), 0);
}

/* Sends until the conn is given up: how long that took. */
static int64_t talk_to_the_dead(pier_sock *c)
{
	static char block[4096];
	int64_t began = pier_now();
	ssize_t n;
	while ((n = pier_sock_send(c, block, sizeof block, 0)) > 0)
		pier_sleep(PIER_S(1));
	CHECK_EQ(n, -ETIMEDOUT);
	return pier_now() - began;
}

static int talk_across_a_cut(pier_sim *s)
{
	CHECK_OK(pier_sim_node(s, "srv", hold));
	PIER_AUTO_SOCK c = connected("10.0.0.2");
	bool hurries = pier_sim_chance(s, 2);
	if (hurries)
		CHECK_OK(pier_sock_set_user_timeout(&c, PIER_S(20)));
	pier_sim_wire deaf = {.cut = true};
	if (pier_sim_chance(s, 2)) /* either way is enough */
		CHECK_OK(pier_sim_link(s, "srv", "scenario", &deaf));
	else
		CHECK_OK(pier_sim_link(s, "scenario", "srv", &deaf));
	int64_t took = talk_to_the_dead(&c);
	CHECK_OK(pier_sim_crash(s, "srv"));
	return hurries ? pier_sim_check(s, took > PIER_S(15) && took < PIER_S(25))
		       : pier_sim_check(s, took > PIER_S(900) && took < PIER_S(950));
}

TEST(what_nobody_acknowledges_is_given_up)
{
	CHECK_EQ(pier_sim_run(talk_across_a_cut, .seeds = 100), 0);
}

/* ---- Resets ---------------------------------------------------------------------------------------- */

static int reset_all(pier_sim *s)
{
	char byte;
	CHECK_OK(pier_sim_node(s, "srv", sink));
	CHECK_OK(pier_sim_node(s, "other", idle));
	PIER_AUTO *c = pier_dial("tcp://srv:7000");
	CHECK_OK(pier_err(c));
	CHECK_OK(pier_sim_reset(s, "scenario", "other"));
	CHECK_EQ(pier_poll(c, PIER_S(1)), 0);
	CHECK_EQ(pier_sim_reset(s, "scenario", "nobody"), -ENOENT);
	CHECK_OK(pier_sim_reset(s, "srv", NULL));
	CHECK_EQ(pier_recv(c, &byte, 1), -ECONNRESET);
	return pier_sim_crash(s, "other");
}

TEST(a_reset_by_the_scenario_ends_the_conns_between_two)
{
	CHECK_EQ(pier_sim_run(reset_all, .seeds = 50), 0);
}

static void echo(pier_conn *c, void *arg)
{
	(void)arg;
	for (pier_bytes m; (m = pier_next(c)).p;)
		pier_send(c, m.p, m.len);
}

static int echo_server(void)
{
	return pier_serve("tcp://:7000", echo);
}

/* What does come is what was sent, however often the conn is lost. */
static int talk_through_resets(pier_sim *s)
{
	char in[64], out[64];
	CHECK_OK(pier_sim_node(s, "srv", echo_server));
	for (int i = 0; i < 20; i++) {
		PIER_AUTO *c =
			pier_dial("tcp://srv:7000", .timeout = PIER_MIN(1), .idle = PIER_MIN(30));
		for (int k = 0; k < 20 && !pier_err(c); k++) {
			memset(out, (int)pier_sim_chance(s, 256), sizeof out);
			pier_send(c, out, sizeof out);
			if (pier_recv_all(c, in, sizeof in) == sizeof in)
				CHECK(memcmp(in, out, sizeof in) == 0);
			pier_sleep((int64_t)pier_sim_chance(s, PIER_MS(100)));
		}
	}
	return 0;
}

TEST_WITHIN(60, resets_and_other_ways_at_any_moment_lose_no_fiber_and_no_byte_that_came)
{
	CHECK_EQ(pier_sim_run(talk_through_resets, .seeds = 500, .loss = 0.05, .resets = 20,
			      .changes = 10, .partitions = 3, .rate = 10000, .mtu = 600),
		 0);
}

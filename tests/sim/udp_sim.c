/* A server of datagrams under loss, doubles and overtaking: each peer has its own conn, and hears its own answers alone;
 * who asks until it is answered, is. */
#include "test.h"

#include <errno.h>
#include <pier.h>
#include <stdlib.h>
#include <string.h>

#define PEERS 4
#define SUMS  15

static int64_t counted; /* by all peers, as the server has it */

/* A peer says "NUMBER VALUE"; its sum grows by a value once, however often that number comes, and is the answer. */
struct account {
	long next;
	int64_t sum;
};

static void add_up(pier_conn *c, void *arg)
{
	struct account a = {0};
	char line[64], *rest;
	(void)arg;
	while (pier_gets(c, line, sizeof line) > 0) {
		long number = strtol(line, &rest, 10), value = strtol(rest, NULL, 10);
		if (number == a.next) {
			a.sum += value;
			counted += value;
			a.next++;
		}
		pier_printf(c, "%ld %lld", number, (long long)a.sum);
	}
}

static int server(void)
{
	return pier_serve("udp://:7000", add_up, .quiet = true);
}

static void add_once(pier_conn *c, void *arg)
{
	struct account *a = pier_data(c);
	char line[64], *rest;
	(void)arg;
	if (pier_gets(c, line, sizeof line) <= 0 || !a)
		return;
	long number = strtol(line, &rest, 10), value = strtol(rest, NULL, 10);
	if (number == a->next) {
		a->sum += value;
		counted += value;
		a->next++;
	}
	pier_printf(c, "%ld %lld", number, (long long)a->sum);
}

static void open_account(pier_conn *c, void *arg)
{
	(void)arg;
	pier_set_data(c, calloc(1, sizeof(struct account)));
}

static void close_account(pier_conn *c, void *arg)
{
	(void)arg;
	free(pier_data(c));
}

static int server_per_message(void)
{
	return pier_serve("udp://:7000", add_once, .per_message = true, .on_open = open_account,
			  .on_close = close_account, .quiet = true);
}

/* Until this very question is answered; older answers are passed over. */
static int64_t ask(pier_conn *c, long number, long value)
{
	char line[64], *rest;
	for (int tries = 0; tries < 300; tries++) {
		pier_printf(c, "%ld %ld", number, value);
		PIER_WITHIN (PIER_MS(400))
			while (pier_gets(c, line, sizeof line) > 0)
				if (strtol(line, &rest, 10) == number)
					return strtoll(rest, NULL, 10);
		CHECK(pier_err(c) == 0 || pier_err(c) == -ETIMEDOUT);
		pier_clear(c);
	}
	return -1;
}

static int peer(void *arg)
{
	pier_sim *s = arg;
	int64_t sum = 0;
	PIER_AUTO *c = pier_dial("udp://srv:7000");
	CHECK_OK(pier_err(c));
	for (long i = 0; i < SUMS; i++) {
		long value = 1 + (long)pier_sim_chance(s, 1000);
		sum += value;
		CHECK_EQ(ask(c, i, value), sum);
	}
	return (int)sum;
}

static int add_value(void *arg)
{
	static int64_t all;
	int64_t sum = peer(arg);
	all += sum;
	return counted >= all ? 0 : -EPROTO; /* of the others, some may be under way */
}

static int count_once(pier_sim *s)
{
	PIER_AUTO_GROUP peers = PIER_GROUP;
	CHECK_OK(pier_sim_node(s, "srv", pier_sim_chance(s, 2) ? server : server_per_message));
	for (int i = 0; i < PEERS; i++)
		CHECK_OK(pier_go(&peers, add_value, s));
	return pier_group_wait(&peers);
}

TEST_WITHIN(60, who_asks_until_it_is_answered_is_counted_once)
{
	CHECK_EQ(pier_sim_run(count_once, .seeds = 300, .loss = 0.3, .twice = 0.3,
			      .delay = PIER_MS(100), .partitions = 2),
		 0);
}

/* ---- Bounds ---------------------------------------------------------------------------------------- */

static void echo(pier_conn *c, void *arg)
{
	(void)arg;
	for (pier_bytes b; (b = pier_next(c)).p;)
		pier_send(c, b.p, b.len);
}

static int echoing(void)
{
	return pier_serve("udp://:7000", echo, .quiet = true);
}

/* On a good wire each comes back as it was, the empty one too. */
static int keep_bounds(pier_sim *s)
{
	static const size_t lens[] = {0, 1, 1200, 1472, 16384, 16385, 65507};
	static char text[65507];
	CHECK_OK(pier_sim_node(s, "srv", echoing));
	PIER_AUTO *c = pier_dial("udp://srv:7000");
	for (size_t i = 0; i < sizeof lens / sizeof *lens; i++) {
		memset(text, 'a' + (int)i, lens[i]);
		CHECK_EQ(pier_send(c, text, lens[i]), lens[i]);
		pier_bytes b = pier_next(c);
		CHECK(b.p != NULL);
		CHECK_EQ(b.len, lens[i]);
		CHECK(!b.len || !memcmp(b.p, text, b.len));
	}
	return 0;
}

TEST_WITHIN(60, a_datagram_keeps_its_bounds)
{
	CHECK_EQ(pier_sim_run(keep_bounds, .seeds = 50), 0);
}

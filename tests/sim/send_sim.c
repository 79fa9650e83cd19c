/* Several fibers that send on one conn, gathered or not, with deadlines of their own and files between: what arrives are
 * whole messages, of each sender in order. */
#include "test.h"

#include <errno.h>
#include <pier.h>
#include <stdlib.h>
#include <string.h>

#define SENDERS	 4
#define MESSAGES 12
#define LEN_MOST 6000

struct line {
	pier_sim *sim;
	pier_conn *ends[2];
	int number; /* given to the next sender */
	bool done[SENDERS][MESSAGES];
	int heard[SENDERS];
};

/* "SENDER NUMBER xxxx…" */
static size_t compose(char *at, int who, int number, size_t len)
{
	int head = snprintf(at, LEN_MOST, "%d %d ", who, number);
	memset(at + head, 'a' + (who * 7 + number) % 26, len);
	return (size_t)head + len;
}

static int send_messages(void *arg)
{
	struct line *l = arg;
	char text[LEN_MOST];
	int who = l->number++;
	for (int i = 0; i < MESSAGES; i++) {
		size_t len = compose(text, who, i, pier_sim_chance(l->sim, LEN_MOST - 100));
		ssize_t n = 0;
		PIER_WITHIN (pier_sim_chance(l->sim, 8)
				     ? PIER_FOREVER
				     : (int64_t)pier_sim_chance(l->sim, PIER_MS(1)))
			n = pier_send(l->ends[0], text, len);
		l->done[who][i] = n == (ssize_t)len;
		if (n < 0)
			break; /* it sticks: the conn is done for all */
		if (pier_sim_chance(l->sim, 3) == 0)
			pier_sleep((int64_t)pier_sim_chance(l->sim, PIER_US(200)));
		if (pier_sim_chance(l->sim, 5) == 0)
			pier_flush(l->ends[0]);
	}
	return 0;
}

static void check_message(struct line *l, pier_bytes b)
{
	char head[32], *rest;
	snprintf(head, sizeof head, "%.*s", (int)(b.len < 20 ? b.len : 20), b.p);
	long who = strtol(head, &rest, 10), number = strtol(rest, &rest, 10);
	CHECK(who >= 0 && who < SENDERS);
	CHECK_EQ(number, l->heard[who]);
	l->heard[who]++;
	for (size_t i = (size_t)(rest - head) + 1; i < b.len; i++)
		CHECK_EQ(b.p[i], 'a' + (who * 7 + number) % 26);
}

static int receive_messages(void *arg)
{
	struct line *l = arg;
	for (pier_bytes b; (b = pier_next(l->ends[1])).p;) {
		check_message(l, b);
		if (pier_sim_chance(l->sim, 4) == 0)
			pier_sleep((int64_t)pier_sim_chance(l->sim, PIER_US(400)));
	}
	return 0;
}

static int send_at_once(pier_sim *s)
{
	struct line l = {.sim = s};
	PIER_AUTO_GROUP senders = PIER_GROUP, receiver = PIER_GROUP;
	CHECK_OK(pier_pair(l.ends));
	pier_set_frame(l.ends[0], PIER_LEN32, 0);
	pier_set_frame(l.ends[1], PIER_LEN32, 0);
	if (pier_sim_chance(s, 2))
		CHECK_OK(pier_buffer(l.ends[0], 1 + pier_sim_chance(s, 20000)));
	CHECK_OK(pier_go(&receiver, receive_messages, &l));
	for (int i = 0; i < SENDERS; i++)
		CHECK_OK(pier_go(&senders, send_messages, &l));
	CHECK_OK(pier_group_wait(&senders));
	int err = pier_err(l.ends[0]);
	CHECK(err == 0 || err == -ETIMEDOUT);
	pier_close(l.ends[0]);
	CHECK_OK(pier_group_wait(&receiver));
	if (err == 0)
		for (int i = 0; i < SENDERS; i++)
			CHECK_EQ(l.heard[i], MESSAGES);
	pier_close(l.ends[1]);
	return 0;
}

TEST_WITHIN(60, messages_of_several_senders_arrive_whole)
{
	CHECK_EQ(pier_sim_run(send_at_once, .seeds = 1000), 0);
}

/* ---- A relay --------------------------------------------------------------------------------------- */

static int relay(void *arg)
{
	pier_conn **two = arg;
	int64_t n = pier_copy(two[0], two[1]);
	pier_finish(two[1]);
	return n < 0 ? (int)n : 0;
}

#define MUCH 60000

static int pour(void *arg)
{
	char block[3000];
	pier_conn *c = arg;
	for (int at = 0; at < MUCH; at += (int)sizeof block) {
		for (size_t i = 0; i < sizeof block; i++)
			block[i] = (char)((at + (int)i) * 31 >> 4);
		CHECK_EQ(pier_send(c, block, sizeof block), sizeof block);
	}
	return pier_finish(c);
}

/* Through three relays: all of it, then the end. */
static int relay_far(pier_sim *s)
{
	pier_conn *legs[4][2], *joints[3][2];
	PIER_AUTO_GROUP all = PIER_GROUP;
	char in[1000];
	int at = 0;
	for (int i = 0; i < 4; i++)
		CHECK_OK(pier_pair(legs[i]));
	for (int i = 0; i < 3; i++) {
		joints[i][0] = legs[i][1];
		joints[i][1] = legs[i + 1][0];
		CHECK_OK(pier_go(&all, relay, joints[i]));
	}
	CHECK_OK(pier_go(&all, pour, legs[0][0]));
	for (ssize_t n; (n = pier_recv(legs[3][1], in, 1 + pier_sim_chance(s, sizeof in))) > 0;)
		for (ssize_t i = 0; i < n; i++, at++)
			CHECK_EQ(in[i], (char)(at * 31 >> 4));
	CHECK_EQ(at, MUCH);
	CHECK_OK(pier_group_wait(&all));
	for (int i = 0; i < 4; i++) {
		pier_close(legs[i][0]);
		pier_close(legs[i][1]);
	}
	return 0;
}

TEST_WITHIN(60, a_relay_hands_on_all_and_the_end)
{
	CHECK_EQ(pier_sim_run(relay_far, .seeds = 300), 0);
}

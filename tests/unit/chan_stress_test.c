/* Channels between workers, by the hundred thousand and by dice. */
#include "test.h"

#include <errno.h>
#include <pier.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#if defined(__has_feature)
#if __has_feature(thread_sanitizer) || __has_feature(address_sanitizer)
#define SLOW 1
#endif
#endif
#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
#define SLOW 1
#endif

#define WORKERS 4
#define PAIRS	4
#ifdef SLOW
#define ITEMS 10000
#else
#define ITEMS 100000
#endif

struct item {
	unsigned sender, number;
};

struct crowd;

struct one {
	struct crowd *crowd;
	unsigned id;
	int (*fn)(void *);
	uint64_t seed;
	uint64_t sum, count; /* of what went through for certain */
};

struct crowd {
	pier_chan *c, *d;
	atomic_uint senders; /* that still run */
	struct one ones[2 * PAIRS];
};

static int call_away(void *arg)
{
	struct one *me = arg;
	return pier_call(me->id % WORKERS, me->fn, me);
}

static uint64_t sent(const struct crowd *k, uint64_t *count)
{
	uint64_t sum = 0;
	*count = 0;
	for (unsigned i = 0; i < PAIRS; i++) {
		sum += k->ones[i].sum;
		*count += k->ones[i].count;
	}
	return sum;
}

static uint64_t received(const struct crowd *k, uint64_t *count)
{
	uint64_t sum = 0;
	*count = 0;
	for (unsigned i = 0; i < PAIRS; i++) {
		sum += k->ones[PAIRS + i].sum;
		*count += k->ones[PAIRS + i].count;
	}
	return sum;
}

/* PAIRS senders and PAIRS receivers, each worker with both. */
static void run_crowd(struct crowd *k, int (*send)(void *), int (*recv)(void *), uint64_t seed)
{
	pier_group g = PIER_GROUP;
	atomic_store(&k->senders, PAIRS);
	for (unsigned i = 0; i < 2 * PAIRS; i++) {
		k->ones[i] = (struct one){.crowd = k,
					  .id = i,
					  .fn = i < PAIRS ? send : recv,
					  .seed = seed * 1000 + i + 1};
		CHECK_OK(pier_go(&g, call_away, &k->ones[i]));
	}
	CHECK_OK(pier_group_wait(&g));
}

static void sender_ends(struct one *me)
{
	if (atomic_fetch_sub(&me->crowd->senders, 1) == 1) {
		pier_chan_close(me->crowd->c);
		pier_chan_close(me->crowd->d);
	}
}

static void note(struct one *me, const struct item *it)
{
	me->sum += it->sender * 1000003u + it->number;
	me->count++;
}

/* ---- Everything arrives once, each sender's in its order --------------------------------------------- */

static int send_all(void *arg)
{
	struct one *me = arg;
	for (unsigned i = 0; i < ITEMS; i++) {
		struct item it = {me->id, i};
		CHECK_EQ(pier_chan_send(me->crowd->c, &it), 0);
		note(me, &it);
	}
	sender_ends(me);
	return 0;
}

static int recv_all(void *arg)
{
	struct one *me = arg;
	unsigned next[PAIRS] = {0};
	struct item it;
	int got;

	while ((got = pier_chan_recv(me->crowd->c, &it)) == 1) {
		CHECK(it.sender < PAIRS && it.number >= next[it.sender]);
		next[it.sender] = it.number + 1;
		note(me, &it);
	}
	CHECK_EQ(got, 0);
	return 0;
}

static int everything(void *capacity)
{
	struct crowd k = {.c = pier_chan_new(sizeof(struct item), *(unsigned *)capacity)};
	uint64_t in, out;

	run_crowd(&k, send_all, recv_all, 0);
	CHECK_EQ(sent(&k, &in), received(&k, &out));
	CHECK_EQ(in, (uint64_t)PAIRS * ITEMS);
	CHECK_EQ(out, in);
	pier_chan_free(k.c);
	return 0;
}

TEST_WITHIN(60, everything_arrives_once_and_in_each_senders_order)
{
	CHECK_EQ(pier_run(everything, &(unsigned){64}, .workers = WORKERS), 0);
}

TEST_WITHIN(60, everything_arrives_through_a_channel_of_one)
{
	CHECK_EQ(pier_run(everything, &(unsigned){1}, .workers = WORKERS), 0);
}

TEST_WITHIN(60, everything_arrives_hand_to_hand)
{
	CHECK_EQ(pier_run(everything, &(unsigned){0}, .workers = WORKERS), 0);
}

/* ---- By dice --------------------------------------------------------------------------------------- */

/* xorshift64 */
static unsigned roll(struct one *me, unsigned sides)
{
	me->seed ^= me->seed << 13;
	me->seed ^= me->seed >> 7;
	me->seed ^= me->seed << 17;
	return (unsigned)(me->seed >> 33) % sides;
}

/* One step: into or out of either channel, by itself or by a select, under a deadline that may be over
 * before it begins. What counts is that an error means "not done", and success "done once". */
static int step(struct one *me, bool send, struct item *it)
{
	struct crowd *k = me->crowd;
	pier_case both[2] = {{.chan = k->c, .send = send ? it : NULL, .recv = send ? NULL : it},
			     {.chan = k->d, .send = send ? it : NULL, .recv = send ? NULL : it}};
	pier_chan *c = roll(me, 2) ? k->c : k->d;
	int result = -ETIMEDOUT;

	PIER_WITHIN (PIER_US(roll(me, 200))) {
		switch (roll(me, 4)) {
		case 0:
			result = send ? pier_chan_try_send(c, it) : pier_chan_try_recv(c, it);
			break;
		case 1:
			result = send ? pier_chan_send(c, it) : pier_chan_recv(c, it);
			break;
		default:
			result = pier_select(both, 2);
			if (result >= 0)
				result = both[result].result;
		}
	}
	return result;
}

static int send_by_dice(void *arg)
{
	struct one *me = arg;
	for (unsigned i = 0; i < ITEMS / 20; i++) {
		struct item it = {me->id, i};
		if (step(me, true, &it) == 0)
			note(me, &it);
	}
	sender_ends(me);
	return 0;
}

static int recv_by_dice(void *arg)
{
	struct one *me = arg;
	unsigned ended = 0;
	while (ended < 50) { /* times in a row, so that both channels have been found empty */
		struct item it;
		int got = step(me, false, &it);
		ended = got == 0 ? ended + 1 : 0;
		if (got == 1)
			note(me, &it);
		if (got == -EAGAIN)
			pier_yield();
	}
	return 0;
}

static int by_dice(void *arg)
{
	unsigned seed = *(unsigned *)arg;
	struct crowd k = {.c = pier_chan_new(sizeof(struct item), seed % 3),
			  .d = pier_chan_new(sizeof(struct item), seed % 2)};
	uint64_t in, out;

	run_crowd(&k, send_by_dice, recv_by_dice, seed);
	uint64_t sum_in = sent(&k, &in), sum_out = received(&k, &out);
	if (sum_in != sum_out || in != out || in == 0)
		test_fail(__FILE__, __LINE__, "seed %u: %ju went in, %ju came out", seed,
			  (uintmax_t)in, (uintmax_t)out);
	pier_chan_free(k.c);
	pier_chan_free(k.d);
	return 0;
}

TEST_WITHIN(60, what_was_sent_and_what_was_received_agree_whatever_was_given_up)
{
	for (unsigned seed = 1; seed <= 6; seed++)
		CHECK_EQ(pier_run(by_dice, &seed, .workers = WORKERS), 0);
}

/* ---- Cancels ---------------------------------------------------------------------------------------- */

static int send_until_stopped(void *arg)
{
	struct one *me = arg;
	for (unsigned i = 0;; i++) {
		struct item it = {me->id, i};
		int err = pier_chan_send(me->crowd->c, &it);
		if (err < 0)
			return 0;
		note(me, &it);
	}
}

static int recv_until_stopped(void *arg)
{
	struct one *me = arg;
	struct item it;
	while (pier_chan_recv(me->crowd->c, &it) == 1)
		note(me, &it);
	return 0;
}

static void count_rest(struct crowd *k, uint64_t *sum, uint64_t *count)
{
	struct item it;
	struct one rest = {0};
	while (pier_chan_try_recv(k->c, &it) == 1)
		note(&rest, &it);
	*sum += rest.sum;
	*count += rest.count;
}

/* All run; then some are cancelled, or the channel is closed under them, in the middle of everything. */
static int stopped_in_the_middle(void *arg)
{
	unsigned seed = *(unsigned *)arg;
	struct crowd k = {.c = pier_chan_new(sizeof(struct item), seed % 4)};
	pier_group g = PIER_GROUP;
	uint64_t in, out;

	for (unsigned i = 0; i < 2 * PAIRS; i++) {
		k.ones[i] = (struct one){.crowd = &k,
					 .id = i,
					 .fn = i < PAIRS ? send_until_stopped : recv_until_stopped};
		CHECK_OK(pier_go(&g, call_away, &k.ones[i]));
	}
	pier_sleep(PIER_US(200 * (seed % 7)));
	if (seed % 2)
		pier_chan_close(k.c);
	else
		pier_group_cancel(&g);
	pier_group_wait(&g);
	uint64_t sum_in = sent(&k, &in), sum_out = received(&k, &out);
	count_rest(&k, &sum_out, &out);
	CHECK_EQ(sum_in, sum_out);
	CHECK_EQ(in, out);
	pier_chan_free(k.c);
	return 0;
}

TEST_WITHIN(60, a_cancel_or_a_close_in_the_middle_loses_nothing_that_was_sent)
{
	for (unsigned seed = 1; seed <= 40; seed++)
		CHECK_EQ(pier_run(stopped_in_the_middle, &seed, .workers = WORKERS), 0);
}

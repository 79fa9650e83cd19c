/* Fibers of several workers: channels between them, calls to each other, and all of it cancelled at any moment. */
#include "test.h"

#include <errno.h>
#include <pier.h>
#include <string.h>

#define ITEMS	 40
#define SPEAKERS 3

struct market {
	pier_sim *sim;
	pier_chan *chan;
	int taken[SPEAKERS * ITEMS];
	int count;
};

struct seller {
	struct market *market;
	int number;
};

static int sell(void *arg)
{
	struct seller *me = arg;
	for (int i = 0; i < ITEMS; i++) {
		int item = me->number * ITEMS + i;
		int err = pier_chan_send(me->market->chan, &item);
		if (err < 0)
			return err;
		if (pier_sim_chance(me->market->sim, 4) == 0)
			pier_sleep((int64_t)pier_sim_chance(me->market->sim, PIER_MS(2)));
	}
	return 0;
}

static int buy(void *arg)
{
	struct market *m = arg;
	int item, last[SPEAKERS] = {-1, -1, -1};
	while (pier_chan_recv(m->chan, &item) == 1) {
		CHECK(item > last[item / ITEMS]); /* of one seller, in order */
		last[item / ITEMS] = item;
		m->taken[item]++;
		m->count++;
	}
	return 0;
}

static int on_worker(int (*fn)(void *), void *arg, pier_sim *s)
{
	return pier_call((unsigned)pier_sim_chance(s, (uint64_t)pier_workers()), fn, arg);
}

static int sell_elsewhere(void *arg)
{
	struct seller *me = arg;
	return on_worker(sell, me, me->market->sim);
}

static int buy_elsewhere(void *arg)
{
	struct market *m = arg;
	return on_worker(buy, m, m->sim);
}

static int trade(pier_sim *s)
{
	struct market m = {.sim = s};
	struct seller sellers[SPEAKERS];
	PIER_AUTO_GROUP buyers = PIER_GROUP, all = PIER_GROUP;
	m.chan = pier_chan_new(sizeof(int), (unsigned)pier_sim_chance(s, 4));
	CHECK(m.chan != NULL);
	for (int i = 0; i < 2; i++)
		CHECK_OK(pier_go(&buyers, buy_elsewhere, &m));
	for (int i = 0; i < SPEAKERS; i++) {
		sellers[i] = (struct seller){.market = &m, .number = i};
		CHECK_OK(pier_go(&all, sell_elsewhere, &sellers[i]));
	}
	CHECK_OK(pier_group_wait(&all));
	pier_chan_close(m.chan);
	CHECK_OK(pier_group_wait(&buyers));
	CHECK_EQ(m.count, SPEAKERS * ITEMS);
	for (int i = 0; i < SPEAKERS * ITEMS; i++)
		CHECK_EQ(m.taken[i], 1);
	pier_chan_free(m.chan);
	return 0;
}

TEST_WITHIN(60, what_goes_through_a_channel_comes_out_once_and_in_order)
{
	CHECK_EQ(pier_sim_run(trade, .seeds = 500, .workers = 4), 0);
}

/* Cancelled at any moment, what a send was refused has not been taken, and what it was not, has. */
static int sell_once(void *arg)
{
	struct market *m = arg;
	int item = 0;
	if (pier_chan_send(m->chan, &item) == 0)
		m->count--;
	return 0;
}

static int sell_once_elsewhere(void *arg)
{
	struct market *m = arg;
	on_worker(sell_once, m, m->sim);
	return 0;
}

static int buy_once(void *arg)
{
	struct market *m = arg;
	int item;
	if (pier_chan_recv(m->chan, &item) == 1)
		m->count++;
	return 0;
}

static int buy_once_elsewhere(void *arg)
{
	struct market *m = arg;
	on_worker(buy_once, m, m->sim);
	return 0;
}

static int trade_and_leave(pier_sim *s)
{
	struct market m = {.sim = s, .chan = pier_chan_new(sizeof(int), 0)};
	for (int i = 0; i < 10; i++) {
		PIER_AUTO_GROUP a = PIER_GROUP, b = PIER_GROUP;
		for (int k = 0; k < 3; k++) {
			CHECK_OK(pier_go(&a, sell_once_elsewhere, &m));
			CHECK_OK(pier_go(&b, buy_once_elsewhere, &m));
		}
		pier_sleep((int64_t)pier_sim_chance(s, PIER_US(20)));
		pier_group_cancel(&a);
		pier_sleep((int64_t)pier_sim_chance(s, PIER_US(5)));
		pier_group_cancel(&b);
		pier_group_wait(&a);
		pier_group_wait(&b);
		CHECK_EQ(m.count, 0);
	}
	pier_chan_free(m.chan);
	return 0;
}

TEST_WITHIN(60, a_trade_that_is_cancelled_is_made_on_both_sides_or_on_none)
{
	CHECK_EQ(pier_sim_run(trade_and_leave, .seeds = 500, .workers = 4), 0);
}

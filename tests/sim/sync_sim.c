/* Select, locks, conditions and semaphores between fibers of several workers: nobody who could go on stays asleep, and
 * nothing is had twice or by none. */
#include "test.h"

#include <errno.h>
#include <pier.h>
#include <string.h>

#define CHANS	3
#define TRADERS 4 /* of each side */
#define ITEMS	2
#define FAIRS	10

static int on_any_worker(pier_sim *s, int (*fn)(void *), void *arg)
{
	return pier_call((unsigned)pier_sim_chance(s, (uint64_t)pier_workers()), fn, arg);
}

/* ---- Select --------------------------------------------------------------------------------------- */

struct fair {
	pier_sim *sim;
	pier_chan *chans[CHANS];
	int made, taken[TRADERS * ITEMS];
};

static void offer_anywhere(struct fair *f, int *item)
{
	pier_case cases[CHANS];
	for (int k = 0; k < CHANS; k++)
		cases[k] = (pier_case){.chan = f->chans[k], .send = item};
	int chosen = pier_select(cases, CHANS);
	CHECK(chosen >= 0);
	CHECK_EQ(cases[chosen].result, 0);
}

static int sell(void *arg)
{
	struct fair *f = arg;
	int first = f->made++ * ITEMS;
	for (int item = first; item < first + ITEMS; item++) {
		if (pier_sim_chance(f->sim, 2))
			offer_anywhere(f, &item);
		else
			CHECK_OK(pier_chan_send(f->chans[pier_sim_chance(f->sim, CHANS)], &item));
		if (pier_sim_chance(f->sim, 4) == 0)
			pier_sleep((int64_t)pier_sim_chance(f->sim, PIER_US(50)));
	}
	return 0;
}

/* Exactly as many as a seller has: whoever had enough does not come back to find what others slept past. */
static int buy(void *arg)
{
	struct fair *f = arg;
	for (int i = 0; i < ITEMS; i++) {
		int item = 0;
		pier_case cases[CHANS];
		for (int k = 0; k < CHANS; k++)
			cases[k] = (pier_case){.chan = f->chans[k], .recv = &item};
		int chosen = pier_select(cases, CHANS);
		CHECK(chosen >= 0);
		CHECK_EQ(cases[chosen].result, 1);
		f->taken[item]++;
	}
	return 0;
}

static int sell_somewhere(void *arg)
{
	return on_any_worker(((struct fair *)arg)->sim, sell, arg);
}

static int buy_somewhere(void *arg)
{
	return on_any_worker(((struct fair *)arg)->sim, buy, arg);
}

static void hold_fair(pier_sim *s)
{
	struct fair f = {.sim = s};
	PIER_AUTO_GROUP buyers = PIER_GROUP, sellers = PIER_GROUP;
	for (int k = 0; k < CHANS; k++)
		f.chans[k] = pier_chan_new(sizeof(int), (unsigned)pier_sim_chance(s, 3));
	for (int i = 0; i < TRADERS; i++)
		CHECK_OK(pier_go(&buyers, buy_somewhere, &f));
	for (int i = 0; i < TRADERS; i++)
		CHECK_OK(pier_go(&sellers, sell_somewhere, &f));
	CHECK_OK(pier_group_wait(&sellers));
	CHECK_OK(pier_group_wait(&buyers));
	for (int i = 0; i < TRADERS * ITEMS; i++)
		CHECK_EQ(f.taken[i], 1);
	for (int k = 0; k < CHANS; k++)
		pier_chan_free(f.chans[k]);
}

static int trade(pier_sim *s)
{
	for (int i = 0; i < FAIRS; i++)
		hold_fair(s);
	return 0;
}

TEST_WITHIN(60, a_select_takes_each_item_once_and_sleeps_past_none)
{
	CHECK_EQ(pier_sim_run(trade, .seeds = 500, .workers = 4), 0);
}

/* ---- Mutex and condition -------------------------------------------------------------------------- */

#define SHELF  2
#define BAKERS 3
#define LOAVES 20 /* of each baker */

struct bakery {
	pier_sim *sim;
	pier_mutex lock;
	pier_cond room, bread;
	int shelf, baked, eaten, inside;
};

static bool is_in_order(void *arg)
{
	const struct bakery *b = arg;
	return b->shelf >= 0 && b->shelf <= SHELF && b->inside >= 0 && b->inside <= 1 &&
	       b->baked - b->eaten == b->shelf;
}

static void enter(struct bakery *b)
{
	CHECK_OK(pier_mutex_lock(&b->lock));
	b->inside++;
}

static void leave(struct bakery *b)
{
	b->inside--;
	pier_mutex_unlock(&b->lock);
}

static void wait_for(struct bakery *b, pier_cond *what)
{
	b->inside--;
	CHECK_OK(pier_cond_wait(what, &b->lock));
	b->inside++;
}

static int bake(void *arg)
{
	struct bakery *b = arg;
	for (int i = 0; i < LOAVES; i++) {
		enter(b);
		while (b->shelf == SHELF)
			wait_for(b, &b->room);
		b->shelf++;
		b->baked++;
		pier_cond_signal(&b->bread);
		leave(b);
	}
	return 0;
}

static int eat(void *arg)
{
	struct bakery *b = arg;
	for (int i = 0; i < LOAVES; i++) {
		enter(b);
		while (b->shelf == 0)
			wait_for(b, &b->bread);
		b->shelf--;
		b->eaten++;
		pier_cond_signal(&b->room);
		if (pier_sim_chance(b->sim, 4) == 0)
			pier_sleep((int64_t)pier_sim_chance(b->sim, PIER_US(20)));
		leave(b);
	}
	return 0;
}

static int bake_somewhere(void *arg)
{
	return on_any_worker(((struct bakery *)arg)->sim, bake, arg);
}

static int eat_somewhere(void *arg)
{
	return on_any_worker(((struct bakery *)arg)->sim, eat, arg);
}

static int run_bakery(pier_sim *s)
{
	static struct bakery b;
	PIER_AUTO_GROUP all = PIER_GROUP;
	b.sim = s;
	CHECK_OK(pier_sim_always(s, is_in_order, &b, "one at a time, and no loaf lost"));
	for (int i = 0; i < BAKERS; i++) {
		CHECK_OK(pier_go(&all, bake_somewhere, &b));
		CHECK_OK(pier_go(&all, eat_somewhere, &b));
	}
	CHECK_OK(pier_group_wait(&all));
	return pier_sim_check(s, b.eaten == BAKERS * LOAVES && b.shelf == 0);
}

TEST_WITHIN(60, who_waits_for_a_condition_is_woken_when_it_comes)
{
	CHECK_EQ(pier_sim_run(run_bakery, .seeds = 500, .workers = 4), 0);
}

/* ---- Semaphores, cancelled ------------------------------------------------------------------------ */

#define SEATS  2
#define GUESTS 8

struct table {
	pier_sim *sim;
	pier_sem seats;
	int sitting, served, left;
};

static bool has_seats(void *arg)
{
	const struct table *t = arg;
	return t->sitting >= 0 && t->sitting <= SEATS;
}

static int dine(void *arg)
{
	struct table *t = arg;
	int err = 0;
	PIER_WITHIN (pier_sim_chance(t->sim, 3) ? PIER_FOREVER
						: (int64_t)pier_sim_chance(t->sim, PIER_US(80)))
		err = pier_sem_take(&t->seats);
	if (err < 0) {
		t->left++;
		return 0;
	}
	t->sitting++;
	pier_sleep((int64_t)pier_sim_chance(t->sim, PIER_US(30)));
	t->sitting--;
	t->served++;
	pier_sem_give(&t->seats);
	return 0;
}

static int dine_somewhere(void *arg)
{
	on_any_worker(((struct table *)arg)->sim, dine, arg);
	return 0;
}

/* Some are sent away at any moment; all seats are free in the end. */
static int seat_guests(pier_sim *s)
{
	static struct table t = {.seats = PIER_SEM(SEATS)};
	PIER_AUTO_GROUP stay = PIER_GROUP, go = PIER_GROUP;
	t.sim = s;
	CHECK_OK(pier_sim_always(s, has_seats, &t, "no more guests than seats"));
	for (int i = 0; i < GUESTS; i++)
		CHECK_OK(pier_go(i % 2 ? &stay : &go, dine_somewhere, &t));
	pier_sleep((int64_t)pier_sim_chance(s, PIER_US(100)));
	pier_group_cancel(&go);
	CHECK_OK(pier_group_wait(&stay));
	pier_group_wait(&go);
	for (int i = 0; i < SEATS; i++)
		CHECK(pier_sem_try_take(&t.seats));
	return pier_sim_check(s, !pier_sem_try_take(&t.seats));
}

TEST_WITHIN(60, a_seat_that_was_taken_is_given_back_whoever_leaves)
{
	CHECK_EQ(pier_sim_run(seat_guests, .seeds = 500, .workers = 4), 0);
}

/* Deadlines and cancels at every moment of every wait: it ends once, for a reason that there was, and what it waited for
 * was either had or is still there. */
#include "test.h"

#include <errno.h>
#include <pier.h>
#include <string.h>

#define ROUNDS 20
#define MOMENT PIER_US(200) /* within which all happens: arrival, deadline, cancel */

/* A fiber that waits, one that gives it what it waits for, and a scenario that may cancel the first. */
struct round {
	pier_sim *sim;
	const struct wait *wait;
	pier_conn *ends[2];
	pier_chan *chan;
	pier_sem sem, after;
	pier_mutex mutex;
	int64_t give_at, deadline, began, ended;
	unsigned begun, returned;
	bool given, cancelled;
	int result;
};

/* One kind of wait: < 0 when it was not had. */
struct wait {
	const char *name;
	int (*wait)(struct round *r);
	void (*give)(struct round *r);
	bool (*is_there)(struct round *r); /* what was given, after all; NULL: it cannot be told */
};

static int wait_time(struct round *r)
{
	return pier_sleep(r->give_at);
}

static void give_nothing(struct round *r)
{
	(void)r;
}

static int wait_byte(struct round *r)
{
	char byte;
	ssize_t n = pier_recv(r->ends[0], &byte, 1);
	return n == 1 && byte == 'x' ? 0 : (int)n;
}

static void give_byte(struct round *r)
{
	CHECK_EQ(pier_send(r->ends[1], "x", 1), 1);
}

/* A time-out is forgotten, and the byte comes by the next call; after a cancel the conn is done. */
static bool is_byte_there(struct round *r)
{
	int err = -ECANCELED;
	pier_clear(r->ends[0]);
	PIER_WITHIN (PIER_MS(1))
		err = wait_byte(r);
	return err == 0 || err == -ECANCELED;
}

static int wait_input(struct round *r)
{
	int n = pier_poll(r->ends[0], PIER_FOREVER);
	return n == 1 ? wait_byte(r) : n;
}

static int wait_item(struct round *r)
{
	int item = 0, n = pier_chan_recv(r->chan, &item);
	return n == 1 && item == 7 ? 0 : n;
}

static void give_item(struct round *r)
{
	CHECK_OK(pier_chan_send(r->chan, &(int){7}));
}

static bool is_item_there(struct round *r)
{
	int item = 0;
	return pier_chan_try_recv(r->chan, &item) == 1 && item == 7;
}

static int wait_any(struct round *r)
{
	int item = 0;
	pier_case cases[] = {{0}, {.chan = r->chan, .recv = &item}};
	int n = pier_select(cases, 2);
	return n < 0 ? n : n == 1 && cases[1].result == 1 && item == 7 ? 0 : -EPROTO;
}

static int wait_sem(struct round *r)
{
	return pier_sem_take(&r->sem);
}

static void give_sem(struct round *r)
{
	pier_sem_give(&r->sem);
}

static bool is_sem_there(struct round *r)
{
	return pier_sem_try_take(&r->sem);
}

/* The round holds it from the begin, and whoever gets it keeps it. */
static int wait_mutex(struct round *r)
{
	return pier_mutex_lock(&r->mutex);
}

static void give_mutex(struct round *r)
{
	pier_mutex_unlock(&r->mutex);
}

static bool is_mutex_there(struct round *r)
{
	return pier_mutex_try_lock(&r->mutex);
}

static int wait_name(struct round *r)
{
	pier_addrs found = {0};
	int err = pier_resolve(pier_text("scenario"), 7, false, &found);
	(void)r;
	CHECK(err < 0 || found.count == 2);
	return err;
}

static int wait_dial(struct round *r)
{
	PIER_AUTO *c = pier_dial("tcp://srv:7000");
	(void)r;
	return pier_err(c);
}

static int sleep_on(void *arg)
{
	return pier_sleep(((struct round *)arg)->give_at);
}

static int wait_call(struct round *r)
{
	unsigned worker = (unsigned)pier_sim_chance(r->sim, (uint64_t)pier_workers());
	return pier_call(worker, sleep_on, r);
}

static int wait_group(struct round *r)
{
	PIER_AUTO_GROUP all = PIER_GROUP;
	for (int i = 0; i < 3; i++) {
		int err = pier_go(&all, sleep_on, r);
		if (err < 0)
			return err;
	}
	return pier_group_wait(&all);
}

static const struct wait waits[] = {
	{"time", wait_time, give_nothing, NULL},
	{"a byte", wait_byte, give_byte, is_byte_there},
	{"input", wait_input, give_byte, is_byte_there},
	{"an item", wait_item, give_item, is_item_there},
	{"one of several", wait_any, give_item, is_item_there},
	{"a semaphore", wait_sem, give_sem, is_sem_there},
	{"a mutex", wait_mutex, give_mutex, is_mutex_there},
	{"a name", wait_name, give_nothing, NULL},
	{"a dial", wait_dial, give_nothing, NULL},
	{"a call", wait_call, give_nothing, NULL},
	{"a group", wait_group, give_nothing, NULL},
};
#define WAITS (sizeof waits / sizeof *waits)

/* After the deadline has been left, it is not felt any more, however the wait in it ended. */
static void look_for_what_is_left(struct round *r)
{
	int err = pier_sem_take(&r->after);
	CHECK(err == 0 || (err == -ECANCELED && r->cancelled));
}

static int taker(void *arg)
{
	struct round *r = arg;
	r->begun++;
	r->began = pier_now();
	PIER_WITHIN (r->deadline)
		r->result = r->wait->wait(r);
	r->returned++;
	r->ended = pier_now();
	look_for_what_is_left(r);
	return 0;
}

static int giver(void *arg)
{
	struct round *r = arg;
	pier_sleep(r->give_at);
	r->wait->give(r);
	r->given = true;
	pier_sleep(2 * MOMENT);
	pier_sem_give(&r->after);
	return 0;
}

static int64_t any_moment(pier_sim *s)
{
	return (int64_t)pier_sim_chance(s, MOMENT);
}

/* A deadline that comes at once, soon, or never. */
static int64_t any_deadline(pier_sim *s)
{
	return pier_sim_chance(s, 4) ? any_moment(s) : pier_sim_chance(s, 3) ? PIER_FOREVER : 0;
}

static void judge(struct round *r)
{
	CHECK_EQ(r->begun, 1);
	CHECK_EQ(r->returned, 1);
	CHECK(r->given);
	if (r->result == -ETIMEDOUT)
		CHECK(r->deadline != PIER_FOREVER && r->ended - r->began >= r->deadline);
	else if (r->result == -ECANCELED)
		CHECK(r->cancelled);
	else
		CHECK_OK(r->result);
	if (r->wait->is_there)
		CHECK_EQ(r->wait->is_there(r), r->result < 0);
}

static void play(struct round *r, bool cancels)
{
	PIER_AUTO_GROUP takers = PIER_GROUP, givers = PIER_GROUP;
	CHECK_OK(pier_go(&takers, taker, r));
	CHECK_OK(pier_go(&givers, giver, r));
	if (cancels) {
		pier_sleep(any_moment(r->sim));
		r->cancelled = true;
		pier_group_cancel(&takers);
	}
	CHECK_OK(pier_group_wait(&takers));
	CHECK_OK(pier_group_wait(&givers));
	judge(r);
}

static void one_round(pier_sim *s, const struct wait *w)
{
	struct round r = {.sim = s,
			  .wait = w,
			  .give_at = any_moment(s),
			  .sem = PIER_SEM(0),
			  .after = PIER_SEM(0)};
	r.deadline = any_deadline(s);
	r.chan = pier_chan_new(sizeof(int), 1);
	CHECK_OK(pier_pair(r.ends));
	CHECK(pier_mutex_try_lock(&r.mutex));
	play(&r, pier_sim_chance(s, 2));
	pier_abort(r.ends[0]);
	pier_abort(r.ends[1]);
	pier_chan_free(r.chan);
}

static void greet(pier_conn *c, void *arg)
{
	(void)arg;
	pier_send(c, "hello", 5);
}

static int server(void)
{
	return pier_serve("tcp://:7000", greet, .quiet = true);
}

static int end_waits(pier_sim *s)
{
	CHECK_OK(pier_sim_node(s, "srv", server));
	for (int i = 0; i < ROUNDS; i++)
		one_round(s, &waits[pier_sim_chance(s, WAITS)]);
	return 0;
}

TEST_WITHIN(60, every_wait_ends_once_and_for_a_reason_that_there_was)
{
	CHECK_EQ(pier_sim_run(end_waits, .seeds = 1000, .delay = PIER_US(50), .workers = 3), 0);
}

/* ---- Sends ---------------------------------------------------------------------------------------- */

#define MUCH 400000

struct flood {
	pier_sim *sim;
	pier_conn *ends[2];
	size_t got;
	int err;
};

static char nth(size_t at)
{
	return (char)('a' + at % 23);
}

static int pour(void *arg)
{
	struct flood *f = arg;
	static char much[MUCH];
	for (size_t i = 0; i < MUCH; i++)
		much[i] = nth(i);
	PIER_WITHIN (any_moment(f->sim) * 10)
		f->err = pier_send(f->ends[0], much, MUCH) < 0 ? pier_err(f->ends[0]) : 0;
	pier_abort(f->ends[0]);
	return 0;
}

/* What came before the end is the begin of what was sent, and all of it when the send said so. */
static int pour_and_stop(pier_sim *s)
{
	struct flood f = {.sim = s};
	char in[4096];
	ssize_t n;
	PIER_AUTO_GROUP all = PIER_GROUP;
	CHECK_OK(pier_pair(f.ends));
	CHECK_OK(pier_go(&all, pour, &f));
	while ((n = pier_recv(f.ends[1], in, sizeof in)) > 0) {
		for (ssize_t i = 0; i < n; i++)
			CHECK_EQ(in[i], nth(f.got++));
		pier_sleep((int64_t)pier_sim_chance(s, PIER_US(40)));
	}
	CHECK_OK(pier_group_wait(&all));
	CHECK(f.err == 0 || f.err == -ETIMEDOUT);
	CHECK(f.err < 0 || f.got == MUCH || pier_err(f.ends[1]) == -ECONNRESET);
	pier_close(f.ends[1]);
	return 0;
}

TEST_WITHIN(60, a_send_that_is_ended_has_sent_a_beginning)
{
	CHECK_EQ(pier_sim_run(pour_and_stop, .seeds = 200), 0);
}

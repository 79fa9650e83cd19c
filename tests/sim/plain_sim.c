/* Programs without a fiber: their main waits itself, and each wait ends in time, with what came or with the reason. */
#include "test.h"

#include <errno.h>
#include <pier.h>
#include <string.h>

#define CALLS 8
#define SLACK PIER_MS(20)

static pier_sim *sim;
static int served; /* streams */
static bool over;  /* the client's main has returned */

static void echo(pier_conn *c, void *arg)
{
	(void)arg;
	served += !pier_is_message(c);
	for (pier_bytes b; (b = pier_next(c)).p;) {
		if (pier_sim_chance(sim, 3) == 0)
			pier_sleep((int64_t)pier_sim_chance(sim, PIER_MS(400)));
		pier_send(c, b.p, b.len);
	}
	served -= !pier_is_message(c);
}

static int server(void)
{
	static const char *const also[] = {"udp://:7000", NULL};
	return pier_serve("tcp://:7000", echo, .also = also, .quiet = true);
}

/* A conn that hears nothing in time forgets that, and goes on. */
static void ask(pier_conn *c, int64_t most)
{
	char in[64];
	int64_t began = pier_now();
	PIER_WITHIN (most) {
		pier_printf(c, "hello\n");
		pier_gets(c, in, sizeof in);
	}
	CHECK(pier_now() - began <= most + SLACK);
	CHECK(pier_err(c) == 0 || pier_err(c) == -ETIMEDOUT);
	pier_clear(c);
}

static void dial_and_ask(const char *url)
{
	int64_t most = 1 + (int64_t)pier_sim_chance(sim, PIER_MS(600)), began = pier_now();
	PIER_AUTO *c = pier_dial(url, .timeout = most);
	CHECK(pier_now() - began <= most + SLACK);
	CHECK(pier_err(c) == 0 || pier_err(c) == -ETIMEDOUT);
	for (int i = 0; i < 3 && pier_err(c) == 0; i++)
		ask(c, 1 + (int64_t)pier_sim_chance(sim, PIER_MS(600)));
}

static int client(void)
{
	for (int i = 0; i < CALLS; i++)
		dial_and_ask(pier_sim_chance(sim, 4) ? "tcp://srv:7000" : "udp://srv:7000");
	over = true;
	return 0;
}

static int ask_without_fibers(pier_sim *s)
{
	pier_sim_wire slow = {.delay = (int64_t)pier_sim_chance(s, PIER_MS(400))};
	sim = s;
	CHECK_OK(pier_sim_node(s, "srv", server));
	if (pier_sim_chance(s, 2))
		CHECK_OK(pier_sim_link(s, NULL, NULL,
				       &slow)); /* the second address is tried as well */
	CHECK_OK(pier_sim_node(s, "client", client));
	for (int i = 0; i < 600 && !over; i++)
		pier_sleep(PIER_S(1));
	CHECK(over);
	pier_sim_calm(s);
	pier_sleep(PIER_MIN(5));
	return pier_sim_check(s, served == 0);
}

TEST_WITHIN(60, a_program_without_fibers_waits_as_long_as_it_said)
{
	CHECK_EQ(pier_sim_run(ask_without_fibers, .seeds = 500, .loss = 0.1, .delay = PIER_MS(50)),
		 0);
}

/* ---- Channels between a plain thread and fibers ---------------------------------------------------- */

#define ITEMS 30

static pier_chan *to_plain, *to_fiber;
static pier_sem turn;

static int answer_items(void *arg)
{
	int item;
	(void)arg;
	while (pier_chan_recv(to_fiber, &item) == 1) {
		if (pier_sim_chance(sim, 3) == 0)
			pier_sleep((int64_t)pier_sim_chance(sim, PIER_US(100)));
		item = -item;
		if (pier_chan_send(to_plain, &item) < 0)
			break;
		pier_sem_give(&turn);
	}
	return 0;
}

/* The scenario's own main is a fiber: it serves what the plain main of the other node asks. */
static int ask_items(void)
{
	for (int i = 1; i <= ITEMS; i++) {
		int answer = 0, n = 0;
		CHECK_OK(pier_chan_send(to_fiber, &i));
		while (n != 1) {
			PIER_WITHIN ((int64_t)pier_sim_chance(sim, PIER_US(100)))
				n = pier_chan_recv(to_plain, &answer);
			CHECK(n == 1 || n == -ETIMEDOUT);
		}
		CHECK_EQ(answer, -i);
		CHECK_OK(pier_sem_take(&turn));
	}
	over = true;
	return 0;
}

static int talk_to_a_thread(pier_sim *s)
{
	PIER_AUTO_GROUP all = PIER_GROUP;
	sim = s;
	to_plain = pier_chan_new(sizeof(int), (unsigned)pier_sim_chance(s, 2));
	to_fiber = pier_chan_new(sizeof(int), (unsigned)pier_sim_chance(s, 2));
	CHECK_OK(pier_go(&all, answer_items, NULL));
	CHECK_OK(pier_sim_node(s, "plain", ask_items));
	for (int i = 0; i < 600 && !over; i++)
		pier_sleep(PIER_MS(10));
	pier_chan_close(to_fiber);
	CHECK_OK(pier_group_wait(&all));
	pier_chan_free(to_plain);
	pier_chan_free(to_fiber);
	return pier_sim_check(s, over);
}

TEST_WITHIN(60, a_thread_and_a_fiber_hand_each_other_items)
{
	CHECK_EQ(pier_sim_run(talk_to_a_thread, .seeds = 500), 0);
}

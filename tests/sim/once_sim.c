/* The ways in which a server comes to its end by itself: so many conns, an order from a handler, a deadline, a cancel; each
 * at any moment, and the port is free again. */
#include "test.h"

#include <errno.h>
#include <pier.h>
#include <string.h>

#define ROUNDS 6

static void answer(pier_conn *c, void *arg)
{
	char line[32];
	(void)arg;
	while (pier_gets(c, line, sizeof line) > 0) {
		if (!strcmp(line, "stop"))
			pier_serve_stop(c);
		pier_printf(c, "%s\n", line);
	}
}

static void answer_once(pier_conn *c, void *arg)
{
	char line[32];
	(void)arg;
	if (pier_gets(c, line, sizeof line) <= 0)
		return;
	if (!strcmp(line, "stop"))
		pier_serve_stop(c);
	pier_printf(c, "%s", line); /* the LF is the frame's */
}

struct episode {
	pier_sim *sim;
	uint64_t kind;
	int result;
	bool over;
};

static int serve(void *arg)
{
	struct episode *e = arg;
	bool once = pier_sim_chance(e->sim, 2);
	PIER_WITHIN (e->kind == 0 ? (int64_t)pier_sim_chance(e->sim, PIER_MS(50)) : PIER_FOREVER)
		e->result =
			pier_serve("tcp://:7000", once ? answer_once : answer, .per_message = once,
				   .frame = once ? PIER_LINES : PIER_RAW, .quiet = true,
				   .grace = PIER_MS(100), .max_served = e->kind == 1 ? 3 : 0);
	e->over = true;
	return 0;
}

static int come(void *arg)
{
	struct episode *e = arg;
	char line[32];
	while (!e->over) {
		PIER_AUTO *c = pier_dial("tcp://localhost:7000");
		for (uint64_t i = pier_sim_chance(e->sim, 3); i && pier_err(c) == 0; i--) {
			pier_printf(c, "hello\n");
			if (pier_gets(c, line, sizeof line) > 0)
				CHECK_STR(line, "hello");
		}
		if (e->kind == 2 && pier_sim_chance(e->sim, 4) == 0)
			pier_printf(c, "stop\n");
		pier_sleep((int64_t)pier_sim_chance(e->sim, PIER_MS(3)));
	}
	return 0;
}

static void one_end(pier_sim *s)
{
	struct episode e = {.sim = s, .kind = pier_sim_chance(s, 4), .result = 1};
	PIER_AUTO_GROUP server = PIER_GROUP, guests = PIER_GROUP;
	CHECK_OK(pier_go(&server, serve, &e));
	for (int i = 0; i < 3; i++)
		CHECK_OK(pier_go(&guests, come, &e));
	if (e.kind == 3) {
		pier_sleep((int64_t)pier_sim_chance(s, PIER_MS(20)));
		pier_group_cancel(&server);
	}
	pier_group_wait(&server);
	CHECK(e.result == 0 || (e.result == -ETIMEDOUT && e.kind == 0) ||
	      (e.result == -ECANCELED && e.kind == 3));
	CHECK_OK(pier_group_wait(&guests));
}

static int many_ends(pier_sim *s)
{
	for (int i = 0; i < ROUNDS; i++)
		one_end(s);
	return 0;
}

TEST_WITHIN(60, a_server_ends_when_it_is_enough_and_another_may_begin)
{
	CHECK_EQ(pier_sim_run(many_ends, .seeds = 300, .workers = 4), 0);
}

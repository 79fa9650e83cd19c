/* Memory that is refused, anywhere: what a server then cannot do ends with an error, and the rest of it goes on. */
#include "test.h"

#include <pier.h>
#include <string.h>

static void answer(pier_conn *c, void *arg)
{
	char line[64];
	(void)arg;
	while (pier_gets(c, line, sizeof line) > 0)
		pier_printf(c, "%s\n", line);
}

/* Starts until it can: what it needs at first may be refused too. */
static int server(void)
{
	int err;
	do
		err = pier_serve("tcp://:7000", answer, .quiet = true);
	while (err == -ENOMEM);
	return err;
}

/* The answer, or an error; never a wrong one. */
static bool ask(pier_conn *c, const char *what)
{
	char line[64] = "";
	PIER_WITHIN (PIER_S(20)) {
		pier_printf(c, "%s\n", what);
		pier_gets(c, line, sizeof line);
	}
	CHECK(!*line || !strcmp(line, what));
	return *line;
}

static int ask_often(pier_sim *s)
{
	CHECK_OK(pier_sim_node(s, "srv", server));
	for (int i = 0; i < 20; i++) {
		PIER_AUTO *c = pier_dial("tcp://srv:7000");
		while (ask(c, "hello") && pier_sim_chance(s, 3))
			;
	}
	pier_sim_calm(s);
	PIER_AUTO *last = pier_dial("tcp://srv:7000");
	return pier_sim_check(s, ask(last, "hello"));
}

TEST_WITHIN(60, a_server_lives_through_a_lack_of_memory)
{
	CHECK_EQ(pier_sim_run(ask_often, .seeds = 300, .memory_faults = 0.05), 0);
}

/* How much of a simulated room a core does in a second: the wire has a delay and loses a little, each member speaks and
 * all hear. */
#include <pier.h>
#include <pier/sim.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define MEMBERS 8
#define LINES	4000 /* of each */

static pier_topic *room;

static void chat(pier_conn *c, void *arg)
{
	char line[128];
	(void)arg;
	pier_topic_add(room, c);
	pier_printf(c, "welcome\n");
	while (pier_gets(c, line, sizeof line) > 0)
		pier_sayf(room, NULL, "%s\n", line);
}

static int server(void)
{
	room = pier_topic_new(.on_full = PIER_WAIT);
	int err = pier_serve("tcp://:7000", chat);
	pier_topic_free(room);
	return err;
}

static int speak(void *arg)
{
	for (int i = 0; i < LINES; i++) {
		pier_printf(arg, "what is said is of a usual length, and this is line %d\n", i);
		if (i % 16 == 15) /* a person, not a file */
			pier_sleep(PIER_MS(1));
	}
	return 0;
}

static int hear(void *arg)
{
	char line[128];
	for (int i = 0; i < MEMBERS * LINES; i++)
		if (pier_gets(arg, line, sizeof line) <= 0)
			return -PIER_ETRUNCATED;
	return 0;
}

static double seconds(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int talk(pier_conn **members)
{
	PIER_AUTO_GROUP all = PIER_GROUP;
	for (int i = 0; i < MEMBERS; i++) {
		pier_go(&all, hear, members[i]);
		pier_go(&all, speak, members[i]);
	}
	return pier_group_wait(&all);
}

static int scenario(pier_sim *s)
{
	pier_conn *members[MEMBERS];
	char line[128];
	pier_sim_node(s, "srv", server);
	for (int i = 0; i < MEMBERS; i++) {
		members[i] = pier_dial("tcp://srv:7000");
		pier_gets(members[i], line, sizeof line);
	}
	double began = seconds();
	int err = talk(members);
	double took = seconds() - began;
	for (int i = 0; i < MEMBERS; i++)
		pier_close(members[i]);
	if (err == 0)
		printf("{\"lines said / s\": %.0f, \"lines heard / s\": %.0f}\n",
		       MEMBERS * LINES / took, MEMBERS * MEMBERS * LINES / took);
	fflush(stdout);
	return err;
}

/* One seed, in this process. */
int main(void)
{
	setenv("PIER_SIM_SEED", "1", 1);
	return pier_sim_run(scenario, .loss = 0.02, .delay = PIER_MS(2));
}

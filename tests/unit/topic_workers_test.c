/* Topics over several workers. */
#include "on_fiber.h"

#include <netinet/in.h>
#include <pier.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* ---- Several workers ------------------------------------------------------------------------------ */

#define MEMBERS	 12
#define SPEAKERS 3
#define FOREIGN	 2
#define SPEECHES 500

struct crowd {
	pier_topic *topic;
	char where[PIER_ADDR_TEXT];
	atomic_uint here, workers;
	atomic_bool go;
	uint64_t sums[MEMBERS];
	atomic_int readers;
};

static void take_place(const char *where, void *arg)
{
	struct crowd *crowd = arg;
	snprintf(crowd->where, sizeof crowd->where, "%s", where);
}

static void speech(struct crowd *crowd, int who)
{
	for (int i = 0; i < SPEECHES; i++)
		while (pier_sayf(crowd->topic, NULL, "%d %d", who, i) < 0)
			;
}

/* "speak N" makes this member speak, on its own worker. */
static void member(pier_conn *c, void *arg)
{
	struct crowd *crowd = arg;
	char line[32];
	CHECK_OK(pier_topic_add(crowd->topic, c));
	atomic_fetch_add(&crowd->here, 1);
	while (pier_gets(c, line, sizeof line) > 0) {
		int who = atoi(line + 6);
		for (int i = 0; i < SPEECHES; i++) {
			CHECK_OK(pier_sayf(crowd->topic, NULL, "%d %d", who, i));
			if (i % 8 == 0)
				pier_yield();
		}
	}
}

struct client {
	struct crowd *crowd;
	int number;
};

static int be_client(void *arg)
{
	struct client *me = arg;
	struct crowd *crowd = me->crowd;
	char url[256];
	int next[SPEAKERS + FOREIGN] = {0};
	snprintf(url, sizeof url, "tcp://%s", crowd->where);
	PIER_AUTO *c = pier_dial(url, .frame = PIER_LINES);
	CHECK_OK(pier_err(c));
	while (atomic_load(&crowd->here) < MEMBERS)
		pier_sleep(PIER_MS(1));
	atomic_store(&crowd->go, true);
	if (me->number < SPEAKERS)
		CHECK_OK(pier_printf(c, "speak %d", me->number));
	for (int i = 0; i < (SPEAKERS + FOREIGN) * SPEECHES; i++) {
		char line[32];
		int who, what;
		CHECK(pier_gets(c, line, sizeof line) > 0);
		CHECK_EQ(sscanf(line, "%d %d", &who, &what), 2);
		CHECK_EQ(what, next[who]++);
		crowd->sums[me->number] = crowd->sums[me->number] * 31 + (uint64_t)who;
	}
	return 0;
}

static int serve_crowd(void *arg)
{
	struct crowd *crowd = arg;
	return pier_serve("tcp://127.0.0.1:0", member, .arg = crowd, .on_listen = take_place,
			  .frame = PIER_LINES);
}

struct foreigner {
	struct crowd *crowd;
	int number;
};

static void *speak_abroad(void *arg)
{
	struct foreigner *f = arg;
	while (!atomic_load(&f->crowd->go))
		usleep(1000);
	speech(f->crowd, f->number);
	return NULL;
}

/* Everybody hears everything in one order, whoever says it where. */
ON_FIBER_WITHIN(30, members_on_several_workers_hear_one_order)
{
	static struct crowd crowd;
	struct client clients[MEMBERS];
	struct foreigner abroad[FOREIGN];
	pthread_t threads[FOREIGN];
	pier_group server = PIER_GROUP, g = PIER_GROUP;
	crowd.topic = pier_topic_new(.backlog = 4096);
	CHECK_OK(pier_go(&server, serve_crowd, &crowd));
	while (!*crowd.where)
		CHECK_OK(pier_sleep(PIER_MS(1)));
	for (int i = 0; i < FOREIGN; i++) {
		abroad[i] = (struct foreigner){&crowd, SPEAKERS + i};
		CHECK_EQ(pthread_create(&threads[i], NULL, speak_abroad, &abroad[i]), 0);
	}
	for (int i = 0; i < MEMBERS; i++) {
		clients[i] = (struct client){&crowd, i};
		CHECK_OK(pier_go(&g, be_client, &clients[i]));
	}
	CHECK_OK(pier_group_wait(&g));
	for (int i = 1; i < MEMBERS; i++)
		CHECK(crowd.sums[i] == crowd.sums[0]);
	for (int i = 0; i < FOREIGN; i++)
		pthread_join(threads[i], NULL);
	pier_group_end(&server);
	pier_topic_free(crowd.topic);
}

/* ---- Coming and going ------------------------------------------------------------------------------ */

static void passer_by(pier_conn *c, void *arg)
{
	struct crowd *crowd = arg;
	char line[32];
	if (pier_topic_add(crowd->topic, c) < 0)
		return;
	for (int i = 0; i < 3; i++) {
		pier_sayf(crowd->topic, i % 2 ? c : NULL, "hello %d", i);
		pier_yield();
	}
	if (crowd->here++ % 3 == 0) {
		pier_topic_remove(crowd->topic, c);
		pier_yield();
		pier_topic_add(crowd->topic, c);
	}
	pier_gets(c, line, sizeof line);
}

static int serve_passers(void *arg)
{
	return pier_serve("tcp://127.0.0.1:0", passer_by, .arg = arg, .on_listen = take_place,
			  .frame = PIER_LINES, .grace = PIER_MS(100));
}

static int come_and_go(void *arg)
{
	struct crowd *crowd = arg;
	char url[256];
	snprintf(url, sizeof url, "tcp://%s", crowd->where);
	for (int i = 0; i < 60; i++) {
		pier_conn *c = pier_dial(url, .frame = PIER_LINES);
		for (int k = 0; k < i % 4; k++)
			pier_next(c);
		if (i % 2)
			pier_abort(c);
		else
			pier_close(c);
	}
	return 0;
}

static void *speak_always(void *arg)
{
	struct crowd *crowd = arg;
	while (!atomic_load(&crowd->go)) {
		pier_sayf(crowd->topic, NULL, "from abroad");
		usleep(50);
	}
	return NULL;
}

ON_FIBER_WITHIN(40, members_come_and_go_while_messages_fly)
{
	static struct crowd crowd;
	pthread_t thread;
	pier_group server = PIER_GROUP, g = PIER_GROUP;
	crowd.topic = pier_topic_new(.backlog = 16, .on_full = PIER_DROP_OLDEST);
	CHECK_OK(pier_go(&server, serve_passers, &crowd));
	while (!*crowd.where)
		CHECK_OK(pier_sleep(PIER_MS(1)));
	CHECK_EQ(pthread_create(&thread, NULL, speak_always, &crowd), 0);
	for (int i = 0; i < 8; i++)
		CHECK_OK(pier_go(&g, come_and_go, &crowd));
	CHECK_OK(pier_group_wait(&g));
	pier_group_end(&server); /* while the other thread still speaks */
	atomic_store(&crowd.go, true);
	pthread_join(thread, NULL);
	pier_topic_free(crowd.topic);
}

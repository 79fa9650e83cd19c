#include "test.h"

#include <errno.h>
#include <pier.h>
#include <string.h>

#define ON_FIBER(name)                                                                             \
	static int name##_body(void *arg);                                                         \
	TEST(name)                                                                                 \
	{                                                                                          \
		CHECK_EQ(pier_run(name##_body, NULL, .workers = 3), 0);                            \
	}                                                                                          \
	static int name##_body(void *arg __attribute__((unused)))

static void check_line(pier_conn *c, const char *line)
{
	char got[64];
	CHECK(pier_gets(c, got, sizeof got) > 0);
	CHECK_STR(got, line);
}

/* Waits for a line, then answers. */
static int answer(pier_conn *c, void *line)
{
	check_line(c, line);
	CHECK_OK(pier_printf(c, "on %d: %s\n", pier_worker_id(), (char *)line));
	return pier_worker_id();
}

static int say_later(void *c)
{
	pier_sleep(PIER_MS(5)); /* the other end has parked by now */
	return pier_printf(c, "hello\n") < 0 ? -EIO : 0;
}

ON_FIBER(a_conn_waits_wherever_it_is_passed)
{
	pier_group g = PIER_GROUP;
	pier_conn *p[2];
	char text[32];

	CHECK_OK(pier_pair(p));
	for (int round = 0; round < 2; round++) { /* there, back, and there again */
		for (int worker = 0; worker < 3; worker++) {
			CHECK_OK(pier_go(&g, say_later, p[1]));
			CHECK_EQ(pier_pass(p[0], (unsigned)worker, answer, "hello"), worker);
			CHECK_OK(pier_group_wait(&g));
			snprintf(text, sizeof text, "on %d: hello", worker);
			check_line(p[1], text);

			CHECK_OK(pier_go(&g, say_later, p[1]));
			check_line(p[0], "hello");
			CHECK_OK(pier_group_wait(&g));
		}
	}
	pier_abort(p[1]);
	pier_close(p[0]);
	return 0;
}

ON_FIBER(what_was_received_goes_along)
{
	pier_conn *p[2];
	CHECK_OK(pier_pair(p));
	CHECK_OK(pier_printf(p[1], "one\ntwo\nthree\n"));
	check_line(p[0], "one");
	CHECK_EQ(pier_pass(p[0], 1, answer, "two"), 1);
	check_line(p[0], "three");
	check_line(p[1], "on 1: two");
	pier_abort(p[1]);
	pier_close(p[0]);
	return 0;
}

static int join_and_hear(pier_conn *c, void *topic)
{
	CHECK_OK(pier_topic_add(topic, c));
	CHECK_OK(pier_say(topic, NULL, pier_text("news\n")));
	pier_sleep(PIER_MS(1)); /* it comes by mail, also here */
	return 0;
}

ON_FIBER(topics_joined_there_are_left_there)
{
	pier_topic *t = pier_topic_new();
	pier_conn *p[2];

	CHECK_OK(pier_pair(p));
	CHECK_OK(pier_pass(p[0], 1, join_and_hear, t));
	check_line(p[1], "news");
	CHECK_OK(pier_topic_add(t, p[0])); /* as one that is no member */
	CHECK_EQ(pier_pass(p[0], 1, join_and_hear, t), -EBUSY);
	pier_topic_remove(t, p[0]);
	CHECK_OK(pier_pass(p[0], 1, join_and_hear, t));
	check_line(p[1], "news");
	pier_abort(p[1]);
	pier_close(p[0]);
	pier_topic_free(t);
	return 0;
}

static int read_one(void *c)
{
	char line[8];
	pier_gets(c, line, sizeof line);
	return 0;
}

ON_FIBER(a_conn_that_someone_waits_on_stays)
{
	pier_group g = PIER_GROUP;
	pier_conn *p[2];

	CHECK_OK(pier_pair(p));
	CHECK_OK(pier_go(&g, read_one, p[0]));
	pier_yield();
	CHECK_EQ(pier_pass(p[0], 1, answer, "hello"), -EBUSY);
	CHECK_EQ(pier_pass(NULL, 1, answer, "hello"), -ENOMEM);
	CHECK_EQ(pier_pass(p[1], 9, answer, "hello"), -EINVAL);
	pier_group_end(&g);
	CHECK_EQ(pier_pass(p[0], 1, answer, "hello"), -ECANCELED); /* its error */
	pier_abort(p[1]);
	pier_close(p[0]);
	return 0;
}

static int wait_for_end(pier_conn *c, void *arg)
{
	(void)arg;
	return (int)pier_gets(c, (char[8]){0}, 8);
}

ON_FIBER(a_deadline_reaches_a_conn_that_was_passed)
{
	pier_conn *p[2];
	CHECK_OK(pier_pair(p));
	PIER_WITHIN (PIER_MS(5))
		CHECK_EQ(pier_pass(p[0], 1, wait_for_end, NULL), -ETIMEDOUT);
	CHECK_EQ(pier_err(p[0]), -ECANCELED);
	pier_abort(p[1]);
	pier_close(p[0]);
	return 0;
}

/* Topics on one worker. */
#include "on_fiber.h"

#include <netinet/in.h>
#include <pier.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* A member and who hears what it hears. */
struct ear {
	pier_conn *member, *reader;
};

static struct ear ear_in(pier_topic *t, pier_frame frame)
{
	pier_conn *p[2];
	CHECK_OK(pier_pair(p));
	pier_set_frame(p[0], frame, 0);
	pier_set_frame(p[1], frame, 0);
	if (t)
		CHECK_OK(pier_topic_add(t, p[0]));
	return (struct ear){p[0], p[1]};
}

static void ear_end(struct ear *e)
{
	pier_abort(e->reader);
	pier_close(e->member);
}

static void say_number(pier_topic *t, int i)
{
	char text[32];
	snprintf(text, sizeof text, "%d", i);
	CHECK_OK(pier_say(t, NULL, pier_text(text)));
}

static int hear_number(pier_conn *c)
{
	pier_bytes m = pier_next(c);
	char text[32] = "";
	CHECK(m.p && m.len < sizeof text);
	memcpy(text, m.p, m.len);
	return atoi(text);
}

static void silent(pier_conn *c)
{
	CHECK_EQ(pier_poll(c, PIER_MS(10)), 0);
}

/* ---- One worker ----------------------------------------------------------------------------------- */

ON_FIBER(all_members_hear_all_in_order)
{
	pier_topic *t = pier_topic_new();
	struct ear e[3];
	for (int i = 0; i < 3; i++)
		e[i] = ear_in(t, PIER_LINES);
	for (int i = 0; i < 500; i++)
		say_number(t, i);
	for (int k = 0; k < 3; k++)
		for (int i = 0; i < 500; i++)
			CHECK_EQ(hear_number(e[k].reader), i);
	for (int i = 0; i < 3; i++)
		ear_end(&e[i]);
	pier_topic_free(t);
}

ON_FIBER(a_member_hears_exactly_what_is_said_while_it_is_one)
{
	pier_topic *t = pier_topic_new();
	struct ear first = ear_in(t, PIER_LINES), e = ear_in(NULL, PIER_LINES);
	say_number(t, 1);
	CHECK_OK(pier_topic_add(t, e.member));
	CHECK_EQ(pier_topic_add(t, e.member), -EALREADY);
	say_number(t, 2);
	CHECK_EQ(hear_number(e.reader), 2);
	pier_topic_remove(t, e.member);
	pier_topic_remove(t, e.member);
	say_number(t, 3);
	silent(e.reader);
	CHECK_OK(pier_topic_add(t, e.member));
	say_number(t, 4);
	CHECK_EQ(hear_number(e.reader), 4);
	for (int i = 1; i <= 4; i++)
		CHECK_EQ(hear_number(first.reader), i);
	ear_end(&e);
	ear_end(&first);
	pier_topic_free(t);
}

ON_FIBER(the_one_that_is_left_out_does_not_hear_it)
{
	pier_topic *t = pier_topic_new();
	struct ear a = ear_in(t, PIER_LINES), b = ear_in(t, PIER_LINES);
	CHECK_OK(pier_sayf(t, a.member, "%s", "not for a"));
	CHECK_OK(pier_sayf(t, NULL, "for %s", "both"));
	CHECK_BYTES(pier_next(a.reader), "for both");
	CHECK_BYTES(pier_next(b.reader), "not for a");
	CHECK_BYTES(pier_next(b.reader), "for both");
	ear_end(&a);
	ear_end(&b);
	pier_topic_free(t);
}

ON_FIBER(messages_of_topics_wait_while_corked)
{
	pier_topic *t = pier_topic_new();
	struct ear e = ear_in(t, PIER_LINES);
	pier_cork(e.member);
	CHECK_OK(pier_send(e.member, "one", 3));
	say_number(t, 3);
	CHECK_OK(pier_yield());
	pier_sleep(PIER_MS(2));
	CHECK_OK(pier_send(e.member, "two", 3));
	pier_uncork(e.member);
	CHECK_BYTES(pier_next(e.reader), "one");
	CHECK_BYTES(pier_next(e.reader), "two");
	CHECK_EQ(hear_number(e.reader), 3);
	ear_end(&e);
	pier_topic_free(t);
}

ON_FIBER(corked_past_its_queue_a_member_is_slow)
{
	pier_topic *t = pier_topic_new(.backlog = 3);
	struct ear e = ear_in(t, PIER_LINES);
	pier_cork(e.member);
	for (int i = 0; i < 4; i++)
		say_number(t, i);
	pier_sleep(PIER_MS(2));
	CHECK_EQ(pier_err(e.member), -PIER_ESLOW);
	ear_end(&e);
	pier_topic_free(t);
}

static int await_end(void *arg)
{
	CHECK(!pier_next(arg).p);
	return 0;
}

static void say_long(pier_topic *t, int i)
{
	CHECK_OK(pier_sayf(t, NULL, "%d %01000d", i, 0));
}

struct listener {
	struct ear e;
	int count;
};

#define LONG_ROOM 2000

static int hear_long_number(pier_conn *c)
{
	char line[LONG_ROOM];
	CHECK(pier_gets(c, line, sizeof line) > 1000);
	return atoi(line);
}

static int hear_long(void *arg)
{
	struct listener *l = arg;
	for (int i = 0; i < l->count; i++)
		CHECK_EQ(hear_long_number(l->e.reader), i);
	return 0;
}

ON_FIBER(a_slow_member_is_cut_and_the_others_hear_all)
{
	pier_topic *t = pier_topic_new();
	struct ear slow = ear_in(t, PIER_LINES);
	struct listener quick[2];
	pier_group g = PIER_GROUP, waits = PIER_GROUP;
	CHECK_OK(pier_go(&waits, await_end, slow.member));
	for (int i = 0; i < 2; i++) {
		quick[i] = (struct listener){ear_in(t, PIER_LINES), 3000};
		CHECK_OK(pier_go(&g, hear_long, &quick[i]));
	}
	for (int i = 0; i < 3000; i++) {
		say_long(t, i);
		if (i % 20 == 0)
			pier_yield();
		if (i % 100 == 0)
			pier_sleep(PIER_MS(1));
	}
	CHECK_OK(pier_group_wait(&g));
	CHECK_EQ(pier_err(slow.member), -PIER_ESLOW);
	CHECK_OK(pier_group_wait(&waits)); /* its fiber was told */
	int64_t start = pier_now();
	pier_close(slow.member);
	CHECK(pier_now() - start < PIER_MS(500));
	int heard = 0;
	while (pier_next(slow.reader).p) /* what had left before, whole */
		heard++;
	CHECK(heard < 3000);
	pier_close(slow.reader);
	for (int i = 0; i < 2; i++)
		ear_end(&quick[i].e);
	pier_topic_free(t);
}

ON_FIBER(a_slow_member_may_miss_the_oldest_instead)
{
	pier_topic *t = pier_topic_new(.backlog = 8, .on_full = PIER_DROP_OLDEST);
	struct ear slow = ear_in(t, PIER_LINES);
	for (int i = 0; i < 2000; i++) {
		say_long(t, i);
		if (i % 10 == 0)
			pier_sleep(PIER_US(100));
	}
	CHECK_EQ(pier_err(slow.member), 0);
	int last = -1, heard = 0;
	while (last != 1999) {
		int i = hear_long_number(slow.reader);
		CHECK(i > last);
		last = i;
		heard++;
	}
	CHECK(heard > 8 && heard < 2000);
	ear_end(&slow);
	pier_topic_free(t);
}

ON_FIBER(with_room_for_one_message_the_last_is_never_missed)
{
	pier_topic *t = pier_topic_new(.backlog = 1, .on_full = PIER_DROP_OLDEST);
	struct ear slow = ear_in(t, PIER_LINES);
	for (int i = 0; i < 2000; i++) {
		say_long(t, i);
		if (i % 10 == 0)
			pier_sleep(PIER_US(100));
	}
	pier_sleep(PIER_MS(5));
	int last = -1;
	PIER_WITHIN (PIER_S(2))
		while (last != 1999)
			last = hear_long_number(slow.reader);
	ear_end(&slow);
	pier_topic_free(t);
}

ON_FIBER(a_message_larger_than_any_queue_is_refused_and_cuts_nobody)
{
	pier_topic *t = pier_topic_new(.backlog_max = 100);
	pier_topic *u = pier_topic_new(.backlog_max = 100, .on_full = PIER_DROP_OLDEST);
	struct ear a = ear_in(t, PIER_LINES), b = ear_in(u, PIER_LINES);
	static char big[101];
	say_number(u, 1);
	CHECK_EQ(pier_say(t, NULL, pier_bytes_of(big, 101)), -EMSGSIZE);
	CHECK_EQ(pier_say(u, NULL, pier_bytes_of(big, 101)), -EMSGSIZE);
	CHECK_EQ(pier_sayf(t, NULL, "%0101d", 1), -EMSGSIZE);
	say_number(t, 2);
	CHECK_EQ(hear_number(a.reader), 2);
	CHECK_EQ(hear_number(b.reader), 1);
	CHECK_OK(pier_say(t, NULL, pier_bytes_of(big, 100)));
	CHECK_EQ(pier_next(a.reader).len, 100);
	ear_end(&a);
	ear_end(&b);
	pier_topic_free(t);
	pier_topic_free(u);
}

ON_FIBER(each_member_hears_by_its_own_frame)
{
	static const struct {
		pier_frame frame;
		const char *bytes;
		size_t len;
	} want[] = {{PIER_RAW, "hiho", 4},
		    {PIER_LINES, "hi\n\nho\n", 7},
		    {PIER_LEN16, "\0\2hi\0\0\0\2ho", 10},
		    {PIER_LEN32, "\0\0\0\2hi\0\0\0\0\0\0\0\2ho", 16}};
	pier_topic *t = pier_topic_new();
	struct ear e[4];
	for (int i = 0; i < 4; i++)
		e[i] = ear_in(t, want[i].frame);
	CHECK_OK(pier_say(t, NULL, pier_text("hi")));
	CHECK_OK(pier_say(t, NULL, pier_text("")));
	CHECK_OK(pier_say(t, NULL, pier_text("ho")));
	for (int i = 0; i < 4; i++) {
		char got[32];
		CHECK_EQ(pier_recv_all(e[i].reader, got, want[i].len), want[i].len);
		CHECK(memcmp(got, want[i].bytes, want[i].len) == 0);
		silent(e[i].reader);
		ear_end(&e[i]);
	}
	pier_topic_free(t);
}

ON_FIBER(a_conn_is_in_sixteen_topics_at_most)
{
	pier_topic *t[17];
	struct ear e = ear_in(NULL, PIER_LINES);
	for (int i = 0; i < 17; i++) {
		t[i] = pier_topic_new(.backlog = (unsigned)(1 + i % 5 * 20));
		CHECK_EQ(pier_topic_add(t[i], e.member), i < 16 ? 0 : -ENOSPC);
	}
	for (int i = 0; i < 16; i++)
		say_number(t[i], i);
	for (int i = 0; i < 16; i++)
		CHECK_EQ(hear_number(e.reader), i);
	ear_end(&e);
	for (int i = 0; i < 17; i++)
		pier_topic_free(t[i]);
}

#define BIG 900000

static int send_big(void *arg)
{
	char *text = malloc(BIG);
	memset(text, 'o', BIG);
	for (int i = 0; i < 5; i++)
		CHECK_EQ(pier_send(arg, text, BIG), BIG);
	free(text);
	return 0;
}

ON_FIBER(own_messages_and_those_of_topics_go_whole)
{
	pier_topic *t = pier_topic_new(.backlog_max = 8u << 20);
	struct ear e = ear_in(t, PIER_LINES);
	char *text = malloc(BIG);
	int own = 0, theirs = 0;
	pier_group g = PIER_GROUP;
	CHECK_OK(pier_go(&g, send_big, e.member));
	memset(text, 't', BIG);
	for (int i = 0; i < 5; i++) {
		CHECK_OK(pier_say(t, NULL, pier_bytes_of(text, BIG)));
		pier_sleep(PIER_MS(1));
	}
	for (int i = 0; i < 10; i++) {
		pier_bytes m = pier_next(e.reader);
		CHECK_EQ(m.len, BIG);
		for (size_t k = 0; k < m.len; k++)
			CHECK_EQ(m.p[k], m.p[0]);
		own += m.p[0] == 'o';
		theirs += m.p[0] == 't';
	}
	CHECK_EQ(own, 5);
	CHECK_EQ(theirs, 5);
	CHECK_OK(pier_group_wait(&g));
	ear_end(&e);
	free(text);
	pier_topic_free(t);
}

static int read_to_end(void *arg)
{
	struct listener *l = arg;
	while (pier_next(l->e.reader).p)
		l->count++;
	return 0;
}

ON_FIBER(close_sends_what_waits)
{
	pier_topic *t = pier_topic_new(.backlog = 1000);
	struct listener l = {.e = ear_in(t, PIER_LINES)};
	pier_group g = PIER_GROUP;
	pier_cork(l.e.member);
	for (int i = 0; i < 1000; i++)
		say_long(t, i);
	pier_sleep(PIER_MS(2));
	CHECK_EQ(pier_err(l.e.member), 0);
	CHECK_OK(pier_go(&g, read_to_end, &l));
	pier_close(l.e.member);
	CHECK_OK(pier_group_wait(&g));
	CHECK_EQ(l.count, 1000);
	pier_close(l.e.reader);
	pier_topic_free(t);
}

ON_FIBER(a_member_whose_queue_is_stuck_can_be_closed)
{
	pier_topic *t = pier_topic_new(.backlog = 4096, .backlog_max = 16u << 20);
	struct ear e[3];
	int64_t start = pier_now();
	for (int i = 0; i < 3; i++)
		e[i] = ear_in(t, PIER_LINES);
	for (int i = 0; i < 2000; i++)
		say_long(t, i);
	pier_sleep(PIER_MS(5));
	pier_abort(e[0].member);
	pier_abort(e[1].reader);
	pier_close(e[1].member);
	CHECK(pier_now() - start < PIER_S(1));
	pier_close(e[2].member); /* nobody reads: it waits its linger */
	CHECK(pier_now() - start < PIER_LINGER + PIER_S(2));
	pier_close(e[0].reader);
	pier_close(e[2].reader);
	pier_topic_free(t);
}

static pier_topic *lasting;

static int use_lasting(void *arg)
{
	(void)arg;
	struct ear e = ear_in(lasting, PIER_LINES);
	say_number(lasting, 7);
	CHECK_EQ(hear_number(e.reader), 7);
	say_number(lasting, 8); /* on its way when all ends */
	ear_end(&e);
	return 0;
}

TEST(a_topic_outlives_the_runtimes_that_use_it)
{
	lasting = pier_topic_new();
	CHECK_OK(pier_say(lasting, NULL, pier_text("to nobody")));
	for (int i = 0; i < 5; i++)
		CHECK_EQ(pier_run(use_lasting, NULL), 0);
	CHECK_OK(pier_say(lasting, NULL, pier_text("to nobody")));
	pier_topic_free(lasting);
	pier_topic_free(NULL);
}

TEST(outside_of_fibers_nobody_can_be_a_member)
{
	pier_topic *t = pier_topic_new();
	pier_conn *p[2];
	CHECK_OK(pier_pair(p));
	CHECK_EQ(pier_topic_add(t, p[0]), -ENOTSUP);
	CHECK_EQ(pier_say(NULL, NULL, pier_text("x")), -ENOMEM);
	pier_abort(p[0]);
	pier_abort(p[1]);
	pier_topic_free(t);
}

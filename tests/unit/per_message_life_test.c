/* Handlers that are called per message: how conns begin, idle and end. */
#include "quiet_town.h"

/* ---- Begin and end --------------------------------------------------------------------------------- */

struct visitor {
	int messages;
};

static void greet(pier_conn *c, void *arg)
{
	note_open(c, arg);
	struct visitor *v = calloc(1, sizeof *v);
	pier_set_data(c, v);
	pier_printf(c, "welcome");
}

static void count_for(pier_conn *c, void *arg)
{
	struct town *t = arg;
	struct visitor *v = pier_data(c);
	t->begun++;
	if (pier_next(c).p)
		pier_printf(c, "%d", ++v->messages);
	t->ended++;
}

static void part(pier_conn *c, void *arg)
{
	struct visitor *v = pier_data(c);
	pier_addr peer = *pier_peer_addr(c); /* all of it may be copied */
	char text[PIER_ADDR_TEXT];
	CHECK_STR(pier_addr_format(&peer, text, sizeof text), pier_peer(c));
	pier_printf(c, "bye after %d", v->messages);
	free(v);
	note_close(c, arg);
}

/* ---- Room of the application's own, from the server --------------------------------------------------- */

static void enter(pier_conn *c, void *arg)
{
	note_open(c, arg);
	struct visitor *v = pier_data(c);
	CHECK(v && v->messages == 0);
	v->messages = 100;
}

static void take_leave(pier_conn *c, void *arg)
{
	struct visitor *v = pier_data(c);
	pier_printf(c, "bye after %d", v->messages);
	note_close(c, arg);
}

ON_FIBER(a_server_gives_each_conn_the_room_it_is_told_to)
{
	for (int per_message = 0; per_message < 2; per_message++) {
		struct town t = quiet_town("tcp://127.0.0.1:0", count_for);
		t.o.per_message = per_message;
		t.o.data_size = sizeof(struct visitor);
		t.o.on_open = enter;
		t.o.on_close = take_leave;
		open_town(&t);
		for (int i = 0; i < 2; i++) { /* one after the other, and each its own */
			PIER_AUTO *c = pier_dial(t.where, .frame = PIER_LINES);
			say(c, "x");
			CHECK_BYTES(pier_next(c), "101");
			CHECK_OK(pier_finish(c));
			CHECK_BYTES(pier_next(c), "bye after 101");
		}
		close_quiet_town(&t);
	}
}

ON_FIBER(there_is_a_limit_to_that_room)
{
	CHECK_EQ(pier_serve("tcp://127.0.0.1:0", count_for, .data_size = PIER_DATA_MAX + 1),
		 -EINVAL);
}

/* ---- Data of its own ---------------------------------------------------------------------------------- */

ON_FIBER(a_conn_has_its_data_from_open_to_close)
{
	for (int per_message = 0; per_message < 2; per_message++) {
		struct town t = quiet_town("tcp://127.0.0.1:0", count_for);
		t.o.per_message = per_message;
		t.o.on_open = greet;
		t.o.on_close = part;
		open_town(&t);
		PIER_AUTO *c = pier_dial(t.where, .frame = PIER_LINES);
		CHECK_BYTES(pier_next(c), "welcome");
		say(c, "x");
		CHECK_BYTES(pier_next(c), "1");
		if (per_message) {
			say(c, "x");
			CHECK_BYTES(pier_next(c), "2");
			CHECK_OK(pier_finish(c));
		}
		CHECK_BYTES(pier_next(c), per_message ? "bye after 2" : "bye after 1");
		CHECK(!pier_next(c).p);
		PIER_AUTO *silent = pier_dial(t.where, .frame = PIER_LINES);
		CHECK_BYTES(pier_next(silent), "welcome");
		pier_close(silent);
		silent = NULL;
		await(&closed, per_message ? 2 : 1);
		close_quiet_town(&t);
	}
}

static void hang_up(pier_conn *c, void *arg)
{
	struct town *t = arg;
	pier_bytes m = pier_next(c);
	t->begun++;
	if (pier_send(c, m.p, m.len) > 0) {
		if (*m.p == 'a')
			pier_abort(c);
		else
			pier_close(c);
	}
	CHECK(pier_err(c) < 0);
	CHECK(pier_send(c, "x", 1) < 0);
	CHECK(!pier_next(c).p);
	CHECK(strncmp(pier_peer(c), "127.0.0.1:", 10) == 0);
	t->ended++;
}

ON_FIBER(a_handler_may_end_its_conn)
{
	for (int i = 0; i < 4; i++) {
		struct town t =
			quiet_town(i < 3 ? "tcp://127.0.0.1:0" : "udp://127.0.0.1:0", hang_up);
		t.o.per_message = i > 0;
		open_town(&t);
		PIER_AUTO *c = pier_dial(t.where, .frame = PIER_LINES);
		say(c, "close\nmore");
		CHECK_BYTES(pier_next(c), i < 3 ? "close" : "close\nmore");
		if (i < 3)
			CHECK(!pier_next(c).p);
		PIER_AUTO *d = pier_dial(t.where, .frame = PIER_LINES);
		say(d, "abort");
		pier_next(d);
		await(&closed, 2);
		close_quiet_town(&t);
		CHECK_EQ(t.begun, 2);
		CHECK_EQ(t.errors, 0);
	}
}

ON_FIBER(a_peer_that_leaves_while_idle_is_gone_at_once)
{
	struct town t = quiet_town("tcp://127.0.0.1:0", answer);
	t.o.max_conns = 3;
	open_town(&t);
	for (int i = 0; i < 50; i++) {
		pier_conn *c = pier_dial(t.where, .frame = PIER_LINES);
		ask(c, "hello");
		if (i % 2)
			pier_abort(c);
		else
			pier_close(c);
		await(&closed, i + 1);
		pier_sleep(PIER_MS(1)); /* its place is free a moment after */
	}
	close_quiet_town(&t);
	CHECK_EQ(t.begun, 50);
	CHECK_EQ(t.errors, 0);
}

/* ---- Time-outs ------------------------------------------------------------------------------------- */

ON_FIBER(an_idle_conn_is_let_go_and_reported)
{
	const char *urls[] = {"tcp://127.0.0.1:0", "udp://127.0.0.1:0"};
	for (int i = 0; i < 2; i++) {
		struct town t = quiet_town(urls[i], answer);
		t.o.idle = PIER_MS(80);
		open_town(&t);
		PIER_AUTO *c = pier_dial(t.where, .frame = PIER_LINES);
		for (int k = 0; k < 4; k++) {
			ask(c, "still here");
			CHECK_OK(pier_sleep(PIER_MS(30)));
		}
		CHECK_EQ(closed, 0);
		int64_t start = pier_now();
		await(&closed, 1);
		int64_t took = pier_now() - start;
		CHECK(took > PIER_MS(20) && took < PIER_MS(1000));
		CHECK_EQ(t.error, -ETIMEDOUT);
		close_quiet_town(&t);
		CHECK_EQ(t.errors, 1);
		CHECK_EQ(opened, 1);
	}
}

static void choose_a_time(pier_conn *c, void *arg)
{
	struct town *t = arg;
	t->begun++;
	pier_set_timeouts(c, PIER_MS(atoi(pier_next(c).p)), 0);
	t->ended++;
}

ON_FIBER(each_conn_has_a_time_out_of_its_own)
{
	struct town t = quiet_town("tcp://127.0.0.1:0", choose_a_time);
	static const char *times[] = {"60000", "300", "50", "120", "0"};
	pier_conn *c[5];
	t.o.rd = PIER_S(30);
	t.o.workers = 1;
	open_town(&t);
	for (int i = 0; i < 5; i++) {
		c[i] = pier_dial(t.where, .frame = PIER_LINES);
		say(c[i], times[i]);
	}
	int64_t start = pier_now();
	await(&closed, 1);
	CHECK(pier_poll(c[2], 0) == 1);
	CHECK(pier_now() - start >= PIER_MS(40));
	await(&closed, 2);
	CHECK(pier_poll(c[3], 0) == 1);
	CHECK(pier_poll(c[1], 0) == 0);
	await(&closed, 3);
	CHECK(pier_poll(c[1], 0) == 1);
	CHECK(pier_now() - start >= PIER_MS(290));
	CHECK(pier_poll(c[0], 0) == 0);
	CHECK(pier_poll(c[4], 0) == 0);
	for (int i = 0; i < 5; i++)
		pier_close(c[i]);
	close_quiet_town(&t);
}

ON_FIBER(the_quiet_udp_peer_makes_room)
{
	struct town t = quiet_town("udp://127.0.0.1:0", answer);
	t.o.max_conns = 2;
	t.o.workers = 1;
	open_town(&t);
	PIER_AUTO *a = pier_dial(t.where);
	PIER_AUTO *b = pier_dial(t.where);
	PIER_AUTO *c = pier_dial(t.where);
	ask(a, "one");
	ask(b, "two");
	ask(a, "three");
	say(c, "lost"); /* but b is let go for it */
	await(&closed, 1);
	ask(c, "four");
	ask(a, "five");
	close_quiet_town(&t);
}

/* ---- Stopping -------------------------------------------------------------------------------------- */

static void answer_late(pier_conn *c, void *arg)
{
	struct town *t = arg;
	pier_bytes m = pier_next(c);
	t->begun++;
	if (*m.p == 'l')
		pier_sleep(PIER_MS(150));
	if (*m.p == 'n')
		CHECK_EQ(pier_sleep(PIER_S(100)), -ECANCELED);
	pier_printf(c, "%.*s%s", (int)m.len, m.p, pier_stopping(c) ? ", stopping" : "");
	t->ended++;
}

ON_FIBER(stopping_closes_the_idle_and_lets_one_inside_go_on)
{
	struct town t = quiet_town("tcp://127.0.0.1:0", answer_late);
	open_town(&t);
	PIER_AUTO *idle = pier_dial(t.where, .frame = PIER_LINES);
	PIER_AUTO *late = pier_dial(t.where, .frame = PIER_LINES);
	PIER_AUTO *half = pier_dial(t.where);
	ask(idle, "hello");
	ask(late, "hello");
	say(half, "half");
	say(late, "late");
	pier_sleep(PIER_MS(30));
	int64_t start = pier_now();
	pier_group_cancel(&t.group);
	CHECK(!pier_next(idle).p);
	CHECK(pier_now() - start < PIER_MS(100));
	CHECK_BYTES(pier_next(late), "late, stopping");
	CHECK(!pier_next(late).p);
	CHECK_EQ(pier_poll(half, PIER_MS(20)), 0);
	say(half, " and half\n");
	CHECK_BYTES(pier_next(half), "half and half, stopping\n");
	CHECK(!pier_next(half).p);
	pier_close(idle);
	pier_close(late);
	pier_close(half);
	idle = late = half = NULL;
	close_quiet_town(&t);
	CHECK(pier_now() - start < PIER_S(1));
	CHECK_EQ(t.errors, 0);
}

ON_FIBER(one_inside_a_message_has_no_longer_than_the_grace)
{
	struct town t = quiet_town("tcp://127.0.0.1:0", answer_late);
	t.o.grace = PIER_MS(100);
	open_town(&t);
	PIER_AUTO *never = pier_dial(t.where, .frame = PIER_LINES);
	PIER_AUTO *half = pier_dial(t.where);
	say(never, "never");
	say(half, "half");
	await(&t.begun, 1);
	pier_sleep(PIER_MS(20));
	int64_t start = pier_now();
	close_quiet_town(&t);
	CHECK(pier_now() - start >= PIER_MS(90));
	CHECK(pier_now() - start < PIER_S(4));
}

ON_FIBER(a_thousand_idle_conns_stop_at_once)
{
	enum {
		CONNS = 1000
	};
	static pier_conn *c[CONNS];
	struct town t = quiet_town("tcp://127.0.0.1:0", answer);
	t.o.grace = 1; /* ns */
	open_town(&t);
	for (int i = 0; i < CONNS; i++) {
		c[i] = pier_dial(t.where, .frame = PIER_LINES);
		ask(c[i], "hello");
	}
	int64_t start = pier_now();
	close_quiet_town(&t); /* they linger, all at the same time */
	CHECK(pier_now() - start < PIER_S(5));
	CHECK_EQ(closed, CONNS);
	for (int i = 0; i < CONNS; i++)
		pier_close(c[i]);
}

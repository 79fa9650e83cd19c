/* Handlers that are called per message: one at a time, in order, and nothing held between. */
#include "quiet_town.h"

ON_FIBER(every_transport_is_served)
{
	char path[64], seqpacket[64], gram[64];
	snprintf(path, sizeof path, "unix:/tmp/pier-quiet-%d", (int)getpid());
	snprintf(seqpacket, sizeof seqpacket, "seqpacket:@pier-quiet-%d", (int)getpid());
	snprintf(gram, sizeof gram, "unixgram:/tmp/pier-quiet-%d", (int)getpid());
	const char *urls[] = {"tcp://127.0.0.1:0",
			      "tcp://[::1]:0",
			      "udp://127.0.0.1:0",
			      "udp://[::1]:0",
			      path,
			      seqpacket,
			      gram};
	for (int i = 0; i < 14; i++) {
		struct town t = quiet_town(urls[i / 2], answer);
		t.o.frame = i % 2 ? PIER_RAW : PIER_LEN16;
		fprintf(stderr, "%s\n", t.url);
		open_town(&t);
		PIER_WITHIN (PIER_S(5)) {
			PIER_AUTO *c = pier_dial(t.where, .frame = t.o.frame);
			PIER_AUTO *d = pier_dial(t.where, .frame = t.o.frame);
			CHECK_OK(pier_err(c));
			ask(c, "hello");
			ask(d, "you too");
			ask(c, "again");
			ask(c, "and again");
		}
		close_quiet_town(&t);
		CHECK_EQ(t.begun, 4);
		CHECK_EQ(t.errors, 0);
		CHECK_EQ(opened, 2);
	}
}

/* ---- Messages -------------------------------------------------------------------------------------- */

static int inside, last, wrong;

static void count_one_by_one(pier_conn *c, void *arg)
{
	struct town *t = arg;
	pier_bytes m = pier_next(c);
	int n = atoi(m.p);

	wrong += inside++ || n != last + 1;
	t->begun++;
	if (n % 97 == 0)
		pier_sleep(PIER_MS(1));
	last = n;
	inside--;
	t->ended++;
}

ON_FIBER(messages_come_in_order_and_one_at_a_time)
{
	enum {
		MESSAGES = 1000
	};
	struct town t = quiet_town("tcp://127.0.0.1:0", count_one_by_one);
	char *all = malloc(MESSAGES * 8);
	size_t len = 0;
	for (int i = 1; i <= MESSAGES; i++)
		len += (size_t)sprintf(all + len, "%d\n", i);
	open_town(&t);
	PIER_AUTO *c = pier_dial(t.where);
	/* In pieces that end anywhere. */
	for (size_t at = 0, n; at < len; at += n) {
		n = len - at < 61 ? len - at : 61;
		CHECK_OK(pier_send(c, all + at, n));
		if (at % 5 == 0)
			pier_yield();
	}
	await(&t.ended, MESSAGES);
	close_quiet_town(&t);
	CHECK_EQ(t.begun, MESSAGES);
	CHECK_EQ(wrong, 0);
	free(all);
}

ON_FIBER(half_a_message_waits_for_its_other_half)
{
	static const pier_frame frames[] = {PIER_LINES, PIER_LEN16, PIER_LEN32};
	static const char *first[] = {"hel", "\0\5hel", "\0\0\0\5hel"},
			  *rest[] = {"lo\n", "lo", "lo"};
	static const size_t lens[] = {3, 5, 7};
	for (int i = 0; i < 3; i++) {
		struct town t = quiet_town("tcp://127.0.0.1:0", answer);
		t.o.frame = frames[i];
		open_town(&t);
		PIER_AUTO *c = pier_dial(t.where);
		for (size_t k = 0; k < lens[i]; k++) {
			CHECK_OK(pier_send(c, first[i] + k, 1));
			pier_sleep(PIER_MS(2));
		}
		CHECK_EQ(t.begun, 0);
		say(c, rest[i]);
		pier_set_frame(c, frames[i], 0);
		CHECK_BYTES(pier_next(c), "hello");
		ask(c, "whole");
		close_quiet_town(&t);
		CHECK_EQ(t.begun, 2);
	}
}

ON_FIBER(a_message_may_be_larger_than_a_buffer)
{
	enum {
		LARGE = 200000
	};
	struct town t = quiet_town("tcp://127.0.0.1:0", answer);
	char *text = malloc(LARGE);
	memset(text, 'x', LARGE);
	t.o.frame = PIER_LEN32;
	open_town(&t);
	PIER_AUTO *c = pier_dial(t.where, .frame = PIER_LEN32);
	for (int i = 0; i < 3; i++) {
		CHECK_OK(pier_send(c, text, LARGE));
		pier_bytes m = pier_next(c);
		CHECK_EQ(m.len, (size_t)LARGE);
		CHECK(memcmp(m.p, text, LARGE) == 0);
		ask(c, "");
	}
	close_quiet_town(&t);
	CHECK_EQ(t.begun, 6);
	free(text);
}

ON_FIBER(a_piece_that_was_put_aside_is_joined_to_what_follows)
{
	static const size_t pieces[] = {1, 500, 1023, 1024, 1025, 16384, 30000};
	enum {
		WHOLE = 60000
	};
	struct town t = quiet_town("tcp://127.0.0.1:0", answer);
	char *text = malloc(WHOLE);
	for (int i = 0; i < WHOLE; i++)
		text[i] = (char)('a' + i * 7 % 26);
	open_town(&t);
	PIER_AUTO *c = pier_dial(t.where);
	for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++) {
		pier_set_frame(c, PIER_RAW, 0);
		for (size_t at = 0, n = pieces[i]; at < WHOLE; at += n, n = WHOLE - at) {
			CHECK_OK(pier_send(c, text + at, n));
			pier_sleep(PIER_MS(5));
		}
		say(c, "\n");
		pier_set_frame(c, PIER_LINES, 0);
		pier_bytes m = pier_next(c);
		CHECK_EQ(m.len, (size_t)WHOLE);
		CHECK(memcmp(m.p, text, WHOLE) == 0);
	}
	close_quiet_town(&t);
	CHECK_EQ(t.errors, 0);
	free(text);
}

static void take_every_second(pier_conn *c, void *arg)
{
	struct town *t = arg;
	if (++t->begun % 2 == 0) {
		pier_bytes m = pier_next(c);
		pier_send(c, m.p, m.len);
	}
	t->ended++;
}

ON_FIBER(a_message_not_taken_is_dropped)
{
	struct town t = quiet_town("tcp://127.0.0.1:0", take_every_second);
	open_town(&t);
	PIER_AUTO *c = pier_dial(t.where, .frame = PIER_LINES);
	CHECK_OK(pier_printf(c, "one\ntwo\nthree\nfour"));
	CHECK_BYTES(pier_next(c), "two");
	CHECK_BYTES(pier_next(c), "four");
	close_quiet_town(&t);
	CHECK_EQ(t.begun, 4);

	t = quiet_town("udp://127.0.0.1:0", take_every_second);
	open_town(&t);
	PIER_AUTO *d = pier_dial(t.where);
	say(d, "one");
	say(d, "two");
	CHECK_BYTES(pier_next(d), "two");
	close_quiet_town(&t);
}

/* Takes three bytes at a time, when there are. */
static void take_threes(pier_conn *c, void *arg)
{
	struct town *t = arg;
	pier_bytes in = pier_view(c);
	t->begun++;
	if (in.len >= 3) {
		pier_send(c, in.p, 3);
		pier_spend(c, 3);
	}
	t->ended++;
}

ON_FIBER(of_a_raw_stream_what_is_left_unread_stays)
{
	struct town t = quiet_town("tcp://127.0.0.1:0", take_threes);
	char got[10] = "";
	t.o.frame = PIER_RAW;
	t.o.message_max = 1000;
	open_town(&t);
	PIER_AUTO *c = pier_dial(t.where);
	say(c, "abcdefgh");
	CHECK_EQ(pier_recv_all(c, got, 6), 6);
	CHECK_STR(got, "abcdef");
	await(&t.ended, 3); /* the last has seen "gh" */
	pier_sleep(PIER_MS(20));
	CHECK_EQ(t.begun, 3);
	say(c, "i");
	CHECK_EQ(pier_recv_all(c, got, 3), 3);
	CHECK_BYTES(pier_text(got), "ghidef");
	close_quiet_town(&t);
	CHECK_EQ(t.errors, 0);
}

static void take_none(pier_conn *c, void *arg)
{
	struct town *t = arg;
	(void)c;
	t->begun++;
	t->ended++;
}

ON_FIBER(what_is_left_unread_has_a_limit)
{
	struct town t = quiet_town("tcp://127.0.0.1:0", take_none);
	t.o.frame = PIER_RAW;
	t.o.message_max = 1000;
	open_town(&t);
	PIER_AUTO *c = pier_dial(t.where);
	for (int i = 0; i < 1000; i++)
		pier_send(c, "0123456789", 10);
	await(&t.errors, 1);
	CHECK_EQ(t.error, -EMSGSIZE);
	close_quiet_town(&t);
}

ON_FIBER(a_message_above_the_limit_ends_the_conn)
{
	static const pier_frame frames[] = {PIER_LINES, PIER_LEN32};
	for (int i = 0; i < 2; i++) {
		struct town t = quiet_town("tcp://127.0.0.1:0", answer);
		t.o.frame = frames[i];
		t.o.message_max = 100;
		open_town(&t);
		PIER_AUTO *c = pier_dial(t.where, .frame = frames[i]);
		char text[101];
		memset(text, 'x', sizeof text);
		CHECK_OK(pier_send(c, text, 100));
		CHECK_EQ(pier_next(c).len, 100u);
		CHECK_OK(pier_send(c, text, 101));
		CHECK(!pier_next(c).p);
		await(&t.errors, 1);
		CHECK_EQ(t.error, -EMSGSIZE);
		close_quiet_town(&t);
		CHECK_EQ(t.begun, 1);
	}
}

ON_FIBER(a_last_line_counts_and_half_a_frame_does_not)
{
	struct town t = quiet_town("tcp://127.0.0.1:0", answer);
	open_town(&t);
	PIER_AUTO *c = pier_dial(t.where);
	say(c, "one\ntwo");
	CHECK_OK(pier_finish(c));
	char got[16] = "";
	CHECK_EQ(pier_recv_all(c, got, 8), 8);
	CHECK_STR(got, "one\ntwo\n");
	close_quiet_town(&t);

	t = quiet_town("tcp://127.0.0.1:0", answer);
	t.o.frame = PIER_LEN16;
	open_town(&t);
	PIER_AUTO *d = pier_dial(t.where);
	CHECK_OK(pier_send(d, "\0\5hel", 5));
	CHECK_OK(pier_finish(d));
	CHECK(!pier_next(d).p);
	close_quiet_town(&t);
	CHECK_EQ(t.begun, 0);
	CHECK_EQ(t.errors, 0); /* the peer left: that is no error */
}

/* ---- Waiting inside -------------------------------------------------------------------------------- */

static void take_its_time(pier_conn *c, void *arg)
{
	struct town *t = arg;
	pier_bytes m = pier_next(c);
	t->begun++;
	CHECK_OK(pier_sleep(PIER_MS(200)));
	pier_send(c, m.p, m.len);
	t->ended++;
}

ON_FIBER(a_handler_may_wait_and_holds_up_nobody)
{
	enum {
		CONNS = 100
	};
	struct town t = quiet_town("tcp://127.0.0.1:0", take_its_time);
	static pier_conn *c[CONNS];
	open_town(&t);
	for (int i = 0; i < CONNS; i++)
		c[i] = pier_dial(t.where, .frame = PIER_LINES);
	int64_t start = pier_now();
	for (int i = 0; i < CONNS; i++)
		say(c[i], "hello");
	for (int i = 0; i < CONNS; i++)
		CHECK_BYTES(pier_next(c[i]), "hello");
	CHECK(pier_now() - start < PIER_S(3)); /* one after the other they would take 20 s */
	for (int i = 0; i < CONNS; i++)
		pier_close(c[i]);
	close_quiet_town(&t);
}

/* A line announces how many follow. */
static void add_up(pier_conn *c, void *arg)
{
	struct town *t = arg;
	int n = atoi(pier_next(c).p), sum = 0;
	t->begun++;
	for (pier_bytes m; n > 0 && (m = pier_next(c)).p; n--)
		sum += atoi(m.p);
	pier_printf(c, "%d", sum);
	t->ended++;
}

ON_FIBER(a_handler_may_receive_more)
{
	struct town t = quiet_town("tcp://127.0.0.1:0", add_up);
	open_town(&t);
	PIER_AUTO *c = pier_dial(t.where, .frame = PIER_LINES);
	for (int i = 1; i <= 3; i++) {
		say(c, "2");
		say(c, "40");
		pier_sleep(PIER_MS(5));
		say(c, "2\n1\n3"); /* the rest of it, and another whole */
		CHECK_BYTES(pier_next(c), "42");
		CHECK_BYTES(pier_next(c), "3");
		await(&t.ended, 2 * i);
	}
	close_quiet_town(&t);
}

static int key;
static atomic_int ended_values;

static void end_value(void *value)
{
	CHECK_EQ(*(int *)value, 7);
	ended_values++;
}

static void set_value(pier_conn *c, void *arg)
{
	static int seven = 7;
	struct town *t = arg;
	t->begun++;
	CHECK(!pier_local_get(key));
	CHECK_OK(pier_local_set(key, &seven));
	pier_bytes m = pier_next(c);
	pier_send(c, m.p, m.len);
	t->ended++;
}

ON_FIBER(the_values_of_a_call_end_with_it)
{
	struct town t = quiet_town("tcp://127.0.0.1:0", set_value);
	key = pier_local_key(end_value);
	open_town(&t);
	PIER_AUTO *c = pier_dial(t.where, .frame = PIER_LINES);
	say(c, "1\n2\n3");
	await(&ended_values, 3);
	close_quiet_town(&t);
}

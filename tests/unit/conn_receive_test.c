/* Receiving, of conn.h: on a fiber and outside of fibers. */
#include "raw_peer.h"

/* ---- Messages ------------------------------------------------------------------------------------- */

ON_BOTH(next_gives_what_has_arrived)
{
	int raw;
	PIER_AUTO *c = joined(&raw, PIER_RAW, 0);
	CHECK(!pier_is_message(c));
	put_text(raw, "hello");
	CHECK_BYTES(pier_next(c), "hello");
	put_text(raw, "again");
	CHECK_BYTES(pier_next(c), "again");
	close(raw);
	CHECK(!pier_next(c).p);
	CHECK(!pier_next(c).p);
	CHECK_EQ(pier_err(c), 0);
	CHECK_STR(pier_why(c), "");
}

/* After much at a time a wait is as any other: it ends in time, nothing is lost, and the end is told. */
ON_BOTH(much_at_a_time_and_then_little)
{
	static char much[40000], got[sizeof much];
	int raw;
	PIER_AUTO *c = joined(&raw, PIER_RAW, 0);
	for (int round = 0; round < 3; round++) {
		memset(much, 'a' + round, sizeof much);
		put(raw, much, sizeof much);
		for (size_t at = 0; at < sizeof much;) {
			pier_bytes b = pier_next(c);
			CHECK(b.p && b.len <= sizeof much - at);
			memcpy(got + at, b.p, b.len);
			at += b.len;
		}
		CHECK(memcmp(got, much, sizeof much) == 0);
		PIER_WITHIN (PIER_MS(5))
			CHECK(!pier_next(c).p);
		CHECK_EQ(pier_err(c), -ETIMEDOUT);
		pier_clear(c);
		put_text(raw, "little");
		CHECK_BYTES(pier_next(c), "little");
	}
	put(raw, much, sizeof much);
	close(raw);
	for (size_t left = sizeof much; left;)
		left -= pier_next(c).len;
	CHECK(!pier_next(c).p);
	CHECK_EQ(pier_err(c), 0);
}

ON_BOTH(a_view_is_good_until_the_next_receive)
{
	int raw;
	char got[64] = "";
	PIER_AUTO *c = joined(&raw, PIER_LINES, 0);
	put_text(raw, "one\ntwo\n");
	pier_bytes one = pier_next(c);
	CHECK_EQ(pier_send(c, one.p, one.len), 3);
	CHECK_EQ(pier_printf(c, "%.*s!", (int)one.len, one.p), 4);
	put_text(raw, "three\n");
	CHECK_EQ(pier_poll(c, PIER_S(5)), 1);
	CHECK_BYTES(one, "one");
	one.p[0] = 'O'; /* it may be edited */
	CHECK_BYTES(one, "One");
	CHECK_BYTES(pier_next(c), "two");
	CHECK_BYTES(pier_next(c), "three");
	usleep(1000);
	CHECK_EQ(read(raw, got, sizeof got), 9);
	CHECK_STR(got, "one\none!\n");
	close(raw);
}

static const struct wire {
	pier_frame frame;
	const char *bytes;
	size_t len;
	const char *messages[5];
} wires[] = {
	{PIER_LINES, "hello\r\n\nfour\nlast", 17, {"hello", "", "four", "last"}},
	{PIER_LEN16, "\0\5hello\0\0\0\4four", 15, {"hello", "", "four"}},
	{PIER_LEN32, "\0\0\0\5hello\0\0\0\0\0\0\0\4four", 21, {"hello", "", "four"}},
};

static void take_all(const struct wire *w, size_t first, size_t step)
{
	int raw;
	PIER_AUTO *c = joined(&raw, w->frame, 5);
	CHECK(pier_is_message(c));
	struct feed f = {
		.fd = raw, .p = w->bytes, .len = w->len, .first = first, .step = step, .end = true};
	feed(&f);
	for (const char *const *m = w->messages; *m; m++) {
		pier_bytes got = pier_next(c);
		CHECK(got.p);
		CHECK_BYTES(got, *m);
	}
	CHECK(!pier_next(c).p);
	CHECK_EQ(pier_err(c), 0);
	fed(&f);
	close(raw);
}

ON_BOTH_WITHIN(20, frames_come_whole_however_they_are_cut)
{
	for (const struct wire *w = wires; w < wires + 3; w++) {
		take_all(w, w->len, w->len);
		take_all(w, 1, 1);
		for (size_t cut = 1; cut < w->len; cut++)
			take_all(w, cut, w->len);
	}
}

ON_BOTH(many_frames_in_one_piece_come_one_by_one)
{
	int raw, count = 0;
	PIER_AUTO *c = joined(&raw, PIER_LINES, 0);
	char *all = malloc(200000);
	size_t len = 0;
	for (int i = 0; len < 190000; i++)
		len += (size_t)sprintf(all + len, "line %d of many\n", i);
	struct feed f = {.fd = raw, .p = all, .len = len, .first = len, .end = true};
	feed(&f);
	for (pier_bytes m; (m = pier_next(c)).p; count++) {
		char want[64];
		snprintf(want, sizeof want, "line %d of many", count);
		CHECK_BYTES(m, want);
	}
	CHECK(count > 9000);
	fed(&f);
	free(all);
	close(raw);
}

ON_BOTH(a_message_of_the_greatest_length_comes_whole)
{
	enum {
		MOST = 300000
	};
	static const pier_frame frames[] = {PIER_LINES, PIER_LEN32};
	for (int i = 0; i < 2; i++) {
		int raw;
		PIER_AUTO *c = joined(&raw, frames[i], MOST);
		char *wire = malloc(2 * (MOST + 4));
		memset(wire, 'a', 2 * (MOST + 4));
		size_t one = MOST + (frames[i] == PIER_LINES ? 2 : 4);
		for (size_t at = 0; at < 2 * one; at += one) {
			if (frames[i] == PIER_LINES)
				memcpy(wire + at + MOST, "\r\n", 2);
			else
				memcpy(wire + at, "\0\4\x93\xe0", 4);
		}
		struct feed f = {
			.fd = raw, .p = wire, .len = 2 * one, .first = 2 * one, .end = true};
		feed(&f);
		CHECK_EQ(pier_next(c).len, MOST);
		CHECK_EQ(pier_next(c).len, MOST);
		CHECK(!pier_next(c).p);
		CHECK_OK(pier_err(c));
		fed(&f);
		free(wire);
		close(raw);
	}
}

ON_BOTH(a_message_too_long_fails_the_conn_for_good)
{
	static const struct wire long_ones[] = {
		{PIER_LINES, "12345678901\n", 12, {0}},
		{PIER_LINES, "1234567890123", 13, {0}},
		{PIER_LEN16, "\0\x0b", 2, {0}},
		{PIER_LEN32, "\xff\xff\xff\xff", 4, {0}},
	};
	for (int i = 0; i < 4; i++) {
		int raw;
		char line[8];
		PIER_AUTO *c = joined(&raw, long_ones[i].frame, 10);
		put(raw, long_ones[i].bytes, long_ones[i].len);
		CHECK(!pier_next(c).p);
		CHECK_EQ(pier_err(c), -EMSGSIZE);
		pier_clear(c);
		CHECK_EQ(pier_err(c), -EMSGSIZE);
		CHECK(!pier_next(c).p);
		CHECK_EQ(pier_gets(c, line, sizeof line), -EMSGSIZE);
		CHECK_EQ(pier_recv(c, line, sizeof line), -EMSGSIZE);
		CHECK_EQ(pier_recv_all(c, line, sizeof line), -EMSGSIZE);
		CHECK_EQ(pier_fill(c), -EMSGSIZE);
		CHECK_EQ(pier_send(c, "x", 1), -EMSGSIZE);
		CHECK_EQ(pier_printf(c, "x"), -EMSGSIZE);
		CHECK_EQ(pier_sendfile(c, "/etc/passwd", 0, -1), -EMSGSIZE);
		CHECK_EQ(pier_finish(c), -EMSGSIZE);
		CHECK_EQ(pier_poll(c, 0), 1);
		CHECK(strstr(pier_why(c), "receive from 127.0.0.1:"));
		CHECK(strstr(pier_why(c), pier_strerror(EMSGSIZE)));
		close(raw);
	}
}

ON_BOTH(half_a_frame_at_the_end_is_truncated)
{
	for (const struct wire *w = wires + 1; w < wires + 3; w++) {
		for (size_t len = 1; len < 5; len++) {
			int raw;
			PIER_AUTO *c = joined(&raw, w->frame, 0);
			put(raw, w->bytes, len);
			close(raw);
			CHECK(!pier_next(c).p);
			CHECK_EQ(pier_err(c), -PIER_ETRUNCATED);
			CHECK(pier_is_disconnect(pier_err(c)));
		}
	}
}

ON_BOTH(set_frame_keeps_what_is_buffered)
{
	int raw;
	PIER_AUTO *c = joined(&raw, PIER_LINES, 0);
	put(raw, "head\n\0\4bodyrest", 15);
	CHECK_BYTES(pier_next(c), "head");
	pier_set_frame(c, PIER_LEN16, 0);
	CHECK_BYTES(pier_next(c), "body");
	pier_set_frame(c, PIER_RAW, 0);
	CHECK_BYTES(pier_next(c), "rest");
	close(raw);
}

/* ---- Lines of a raw stream ------------------------------------------------------------------------- */

ON_BOTH(gets_gives_lines_without_their_ends)
{
	for (size_t step = 1; step < 30; step += 7) {
		int raw;
		char line[6];
		PIER_AUTO *c = joined(&raw, PIER_RAW, 0);
		const char *text = "one\r\n\n\r\nfives\nlast";
		struct feed f = {.fd = raw,
				 .p = text,
				 .len = strlen(text),
				 .first = step,
				 .step = step,
				 .end = true};
		feed(&f);
		CHECK_EQ(pier_gets(c, line, sizeof line), 5);
		CHECK_STR(line, "one");
		CHECK_EQ(pier_gets(c, line, sizeof line), 1);
		CHECK_STR(line, "");
		CHECK_EQ(pier_gets(c, line, sizeof line), 2);
		CHECK_STR(line, "");
		CHECK_EQ(pier_gets(c, line, sizeof line), 6);
		CHECK_STR(line, "fives");
		CHECK_EQ(pier_gets(c, line, sizeof line), 4);
		CHECK_STR(line, "last");
		CHECK_EQ(pier_gets(c, line, sizeof line), 0);
		CHECK_EQ(pier_gets(c, line, sizeof line), 0);
		fed(&f);
		close(raw);
	}
}

ON_BOTH(gets_refuses_a_line_that_does_not_fit)
{
	static const char *const texts[] = {"123456\n", "1234567890", "12345\r\r\n"};
	for (int i = 0; i < 3; i++) {
		int raw;
		char line[6] = "keep";
		PIER_AUTO *c = joined(&raw, PIER_RAW, 0);
		put_text(raw, texts[i]);
		shutdown(raw, SHUT_WR);
		CHECK_EQ(pier_gets(c, line, sizeof line), -EMSGSIZE);
		CHECK_STR(line, "keep");
		CHECK_EQ(pier_err(c), -EMSGSIZE);
		close(raw);
	}
}

ON_BOTH(gets_and_recv_share_the_stream)
{
	int raw;
	char line[16], body[8] = "";
	PIER_AUTO *c = joined(&raw, PIER_RAW, 0);
	put_text(raw, "5\nhello\nrest");
	CHECK_EQ(pier_gets(c, line, sizeof line), 2);
	CHECK_EQ(pier_recv_all(c, body, 5), 5);
	CHECK_STR(body, "hello");
	CHECK_EQ(pier_gets(c, line, sizeof line), 1);
	CHECK_EQ(pier_recv(c, body, sizeof body), 4);
	close(raw);
}

/* ---- Into the caller's memory ---------------------------------------------------------------------- */

ON_BOTH(recv_gives_at_most_what_fits_and_keeps_the_rest)
{
	int raw;
	char got[8] = "";
	PIER_AUTO *c = joined(&raw, PIER_RAW, 0);
	put_text(raw, "hello");
	CHECK_EQ(pier_recv(c, got, 2), 2);
	CHECK_EQ(pier_recv(c, got, sizeof got), 3);
	CHECK(memcmp(got, "llo", 3) == 0);
	close(raw);
	CHECK_EQ(pier_recv(c, got, sizeof got), 0);
}

ON_BOTH(recv_all_waits_for_all)
{
	int raw;
	char got[8] = "";
	PIER_AUTO *c = joined(&raw, PIER_RAW, 0);
	struct feed f = {.fd = raw, .p = "hello12", .len = 7, .first = 1, .step = 1, .end = true};
	feed(&f);
	CHECK_EQ(pier_recv_all(c, got, 5), 5);
	CHECK_STR(got, "hello");
	CHECK_EQ(pier_recv_all(c, got, 5), -PIER_ETRUNCATED);
	CHECK_EQ(pier_err(c), -PIER_ETRUNCATED);
	fed(&f);
	close(raw);

	PIER_AUTO *d = joined(&raw, PIER_RAW, 0);
	close(raw);
	CHECK_EQ(pier_recv_all(d, got, 5), 0);
	CHECK_EQ(pier_err(d), 0);
}

ON_BOTH(view_fill_and_spend_let_a_parser_look_ahead)
{
	int raw;
	PIER_AUTO *c = joined(&raw, PIER_RAW, 0);
	CHECK(pier_view(c).p);
	CHECK_EQ(pier_view(c).len, 0);
	put_text(raw, "GET /");
	CHECK_EQ(pier_fill(c), 5);
	CHECK_BYTES(pier_view(c), "GET /");
	pier_spend(c, 4);
	CHECK_BYTES(pier_view(c), "/");
	put_text(raw, "x");
	CHECK_EQ(pier_fill(c), 1);
	CHECK_BYTES(pier_view(c), "/x");
	CHECK_BYTES(pier_next(c), "/x");
	close(raw);
	CHECK_EQ(pier_fill(c), 0);
	CHECK_EQ(pier_view(c).len, 0);
}

ON_BOTH(fill_stops_at_message_max)
{
	int raw;
	PIER_AUTO *c = joined(&raw, PIER_RAW, 1000);
	char *flood = calloc(1, 100000);
	put(raw, flood, 100000);
	ssize_t n;
	while ((n = pier_fill(c)) > 0)
		CHECK(pier_view(c).len <= 16384 + 256); /* a pool buffer */
	CHECK_EQ(n, -EMSGSIZE);
	CHECK(pier_view(c).len >= 1000);
	free(flood);
	close(raw);
}

ON_BOTH(fill_gives_all_that_message_max_allows)
{
	enum {
		MOST = 500000
	};
	int raw;
	PIER_AUTO *c = joined(&raw, PIER_RAW, MOST);
	char *flood = calloc(1, MOST);
	struct feed f = {.fd = raw, .p = flood, .len = MOST, .first = MOST, .step = MOST};
	feed(&f);
	while (pier_view(c).len < MOST)
		CHECK(pier_fill(c) > 0);
	CHECK_EQ(pier_fill(c), -EMSGSIZE);
	fed(&f);
	free(flood);
	close(raw);
}

/* ---- Waiting -------------------------------------------------------------------------------------- */

ON_BOTH(poll_waits_for_input_and_its_time_does_not_stick)
{
	int raw;
	PIER_AUTO *c = joined(&raw, PIER_RAW, 0);
	CHECK_EQ(pier_poll(c, 0), 0);
	int64_t start = pier_now();
	CHECK_EQ(pier_poll(c, PIER_MS(20)), 0);
	int64_t took = pier_now() - start;
	CHECK(took >= PIER_MS(20) && took < PIER_MS(500));
	CHECK_EQ(pier_err(c), 0);
	put_text(raw, "x");
	CHECK_EQ(pier_poll(c, PIER_S(5)), 1);
	CHECK_EQ(pier_poll(c, 0), 1);
	CHECK_BYTES(pier_next(c), "x");
	CHECK_EQ(pier_poll(c, 0), 0);
	PIER_WITHIN (PIER_MS(10))
		CHECK_EQ(pier_poll(c, PIER_S(5)), -ETIMEDOUT);
	CHECK_EQ(pier_err(c), 0);
	close(raw);
	CHECK_EQ(pier_poll(c, PIER_S(5)), 1);
	CHECK(!pier_next(c).p);
}

ON_BOTH(poll_of_a_framed_conn_waits_for_a_whole_message)
{
	int raw;
	PIER_AUTO *c = joined(&raw, PIER_LINES, 0);
	put_text(raw, "one\ntw");
	CHECK_EQ(pier_poll(c, PIER_S(5)), 1);
	CHECK_BYTES(pier_next(c), "one");
	CHECK_EQ(pier_poll(c, PIER_MS(5)), 0);
	CHECK_EQ(pier_poll(c, 0), 0);
	put_text(raw, "o");
	CHECK_EQ(pier_poll(c, PIER_MS(5)), 0);
	put_text(raw, "\nthree");
	CHECK_EQ(pier_poll(c, PIER_S(5)), 1);
	CHECK_BYTES(pier_next(c), "two");
	CHECK_EQ(pier_poll(c, PIER_MS(5)), 0);
	CHECK_EQ(pier_err(c), 0);
	close(raw);
	CHECK_EQ(pier_poll(c, PIER_S(5)), 1);
	CHECK_BYTES(pier_next(c), "three");
	CHECK_EQ(pier_poll(c, 0), 1);
	CHECK(!pier_next(c).p);
}

ON_BOTH(poll_tells_of_a_message_that_will_be_refused)
{
	int raw;
	PIER_AUTO *c = joined(&raw, PIER_LEN32, 100);
	CHECK_EQ(write(raw, "\0\0", 2), 2);
	CHECK_EQ(pier_poll(c, PIER_MS(5)), 0);
	CHECK_EQ(write(raw, "\1\0x", 3), 3); /* 256 bytes are to come */
	CHECK_EQ(pier_poll(c, PIER_S(5)), 1);
	CHECK(!pier_next(c).p);
	CHECK_EQ(pier_err(c), -EMSGSIZE);
	close(raw);
}

ON_BOTH(a_time_out_can_be_cleared_and_nothing_is_lost)
{
	int raw;
	PIER_AUTO *c = joined(&raw, PIER_LINES, 0);
	pier_set_timeouts(c, PIER_MS(20), 0);
	put_text(raw, "hal");
	int64_t start = pier_now();
	CHECK(!pier_next(c).p);
	CHECK(pier_now() - start >= PIER_MS(20));
	CHECK_EQ(pier_err(c), -ETIMEDOUT);
	CHECK(!pier_next(c).p);
	CHECK_EQ(pier_send(c, "x", 1), -ETIMEDOUT);
	pier_clear(c);
	CHECK_EQ(pier_err(c), 0);
	put_text(raw, "f\n");
	CHECK_BYTES(pier_next(c), "half");
	close(raw);
}

ON_BOTH(a_deadline_around_is_a_time_out)
{
	int raw;
	PIER_AUTO *c = joined(&raw, PIER_RAW, 0);
	PIER_WITHIN (PIER_MS(10))
		CHECK(!pier_next(c).p);
	CHECK_EQ(pier_err(c), -ETIMEDOUT);
	pier_clear(c);
	put_text(raw, "x");
	CHECK_BYTES(pier_next(c), "x");
	close(raw);
}

ON_BOTH(a_time_out_counts_from_the_call_not_from_the_turn)
{
	int raw;
	PIER_AUTO *c = joined(&raw, PIER_RAW, 0);
	pier_yield();
	usleep(60000); /* a handler that computes */
	pier_set_timeouts(c, PIER_MS(50), 0);
	struct feed f = {.fd = raw, .p = "ab", .len = 2, .first = 1, .step = 1};
	put_text(raw, "x");
	CHECK_BYTES(pier_next(c), "x");
	pier_yield();
	usleep(60000);
	usleep(0);
	feed(&f);
	CHECK(pier_next(c).p);
	CHECK_EQ(pier_err(c), 0);
	fed(&f);
	close(raw);
}

ON_BOTH(a_send_to_one_who_does_not_read_times_out_and_tears)
{
	int raw;
	pier_conn *c = joined(&raw, PIER_RAW, 0);
	char *much = calloc(1, 32 << 20);
	pier_set_timeouts(c, 0, PIER_MS(50));
	CHECK_EQ(pier_send(c, much, 32 << 20), -ETIMEDOUT);
	pier_clear(c); /* a part of the message is gone: no clearing */
	CHECK_EQ(pier_err(c), -ETIMEDOUT);
	CHECK_EQ(pier_send(c, "x", 1), -ETIMEDOUT);
	int64_t start = pier_now();
	pier_close(c);
	CHECK(pier_now() - start < PIER_MS(500)); /* after an error at once */
	free(much);
	close(raw);
}

/* A receive stops at the urgent mark though there is more behind it: tcp(7). */
ON_BOTH(urgent_data_holds_up_nothing_behind_it)
{
	int raw;
	char got[16];
	PIER_AUTO *c = joined(&raw, PIER_RAW, 0);
	pier_set_timeouts(c, PIER_MS(20), 0);
	CHECK_EQ(pier_recv(c, got, sizeof got), -ETIMEDOUT); /* from now on it waits for news */
	pier_clear(c);
	pier_set_timeouts(c, PIER_S(5), 0);
	put_text(raw, "x");
	CHECK_EQ(pier_recv(c, got, sizeof got), 1);
	put_text(raw, "abc");
	CHECK_EQ(send(raw, "!", 1, MSG_OOB), 1);
	put_text(raw, "efg");
	usleep(10000); /* all of it is there */
	CHECK_EQ(pier_recv_all(c, got, 6), 6);
	CHECK_EQ(memcmp(got, "abcefg", 6), 0);
	close(raw);
}

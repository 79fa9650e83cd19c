/* What a conn promises, outside fibers and on them. */
#include "test.h"

#include <pier.h>

static pier_conn *ends[2];

/* The promise, once by plain blocking calls and once on a fiber. */
static int on_fiber(void *promise)
{
	CHECK_OK(pier_pair(ends));
	((void (*)(void))(uintptr_t)promise)();
	for (int i = 0; i < 2; i++)
		pier_abort(ends[i]);
	return 0;
}

static void both_ways(void (*promise)(void))
{
	on_fiber((void *)(uintptr_t)promise);
	CHECK_OK(pier_run(on_fiber, (void *)(uintptr_t)promise, .workers = 1));
}

#define CONN_TEST(name)                                                                            \
	static void conn_##name(void);                                                             \
	TEST(name)                                                                                 \
	{                                                                                          \
		both_ways(conn_##name);                                                            \
	}                                                                                          \
	static void conn_##name(void)

TEST(every_call_takes_a_conn_that_could_not_be_made)
{
	char byte;

	CHECK(!pier_next(NULL).p);
	CHECK_EQ(pier_gets(NULL, &byte, 1), -ENOMEM);
	CHECK_EQ(pier_recv(NULL, &byte, 1), -ENOMEM);
	CHECK_EQ(pier_recv_all(NULL, &byte, 1), -ENOMEM);
	CHECK_EQ(pier_fill(NULL), -ENOMEM);
	CHECK(pier_view(NULL).p);
	CHECK_EQ(pier_poll(NULL, 0), 1); /* a receive would not wait */
	CHECK_EQ(pier_send(NULL, "x", 1), -ENOMEM);
	CHECK_EQ(pier_printf(NULL, "x"), -ENOMEM);
	CHECK_EQ(pier_sendfile(NULL, "/dev/null", 0, -1), -ENOMEM);
	CHECK_EQ(pier_finish(NULL), -ENOMEM);
	CHECK_EQ(pier_err(NULL), -ENOMEM);
	CHECK_STR(pier_peer(NULL), "?");
	CHECK(pier_why(NULL)[0]);
	pier_spend(NULL, 0);
	pier_clear(NULL);
	pier_cork(NULL);
	pier_uncork(NULL);
	pier_set_timeouts(NULL, 1, 1);
	pier_set_frame(NULL, PIER_LINES, 1);
	pier_set_data(NULL, NULL);
	CHECK(!pier_data(NULL));
	CHECK_EQ(pier_fileno(NULL), -1);
	pier_abort(NULL);
	pier_close(NULL);
}

TEST(a_dial_that_failed_tells_why_and_stays_failed)
{
	PIER_AUTO *c = pier_dial("tcp://127.0.0.1:1");

	CHECK_EQ(pier_err(c), -ECONNREFUSED);
	CHECK_EQ(pier_printf(c, "x"), -ECONNREFUSED);
	CHECK(!pier_next(c).p);
	pier_clear(c);
	CHECK_EQ(pier_err(c), -ECONNREFUSED);
	CHECK_STR(pier_why(c), "connect to tcp://127.0.0.1:1: Connection refused");
}

TEST(what_is_no_endpoint_cannot_be_dialled)
{
	PIER_AUTO *nothing = pier_dial(NULL);
	PIER_AUTO *nonsense = pier_dial("localhost");

	CHECK_EQ(pier_err(nothing), -PIER_EURL);
	CHECK_EQ(pier_err(nonsense), -PIER_EURL);
}

CONN_TEST(lines_come_one_by_one_and_the_last_needs_no_end)
{
	char line[8];

	pier_printf(ends[0], "one\r\n\nthree\nlast");
	pier_finish(ends[0]);
	CHECK_EQ(pier_gets(ends[1], line, sizeof line), 5);
	CHECK_STR(line, "one");
	CHECK_EQ(pier_gets(ends[1], line, sizeof line), 1);
	CHECK_STR(line, "");
	CHECK_EQ(pier_gets(ends[1], line, sizeof line), 6);
	CHECK_STR(line, "three");
	CHECK_EQ(pier_gets(ends[1], line, sizeof line), 4);
	CHECK_STR(line, "last");
	CHECK_EQ(pier_gets(ends[1], line, sizeof line), 0);
	CHECK_EQ(pier_err(ends[1]), 0);
}

CONN_TEST(a_line_that_does_not_fit_is_refused)
{
	char line[5];

	pier_printf(ends[0], "1234\n12345\n");
	CHECK_EQ(pier_gets(ends[1], line, sizeof line), 5);
	CHECK_STR(line, "1234");
	CHECK_EQ(pier_gets(ends[1], line, sizeof line), -EMSGSIZE);
	CHECK_EQ(pier_err(ends[1]), -EMSGSIZE);
}

CONN_TEST(an_empty_message_is_not_the_end)
{
	pier_set_frame(ends[0], PIER_LEN16, 0);
	pier_set_frame(ends[1], PIER_LEN16, 0);
	CHECK_EQ(pier_send(ends[0], "", 0), 0);
	CHECK_EQ(pier_send(ends[0], "x", 1), 1);
	pier_finish(ends[0]);

	pier_bytes m = pier_next(ends[1]);
	CHECK(m.p);
	CHECK_EQ(m.len, 0);
	CHECK_BYTES(pier_next(ends[1]), "x");
	CHECK(!pier_next(ends[1]).p);
	CHECK_EQ(pier_err(ends[1]), 0);
}

CONN_TEST(a_message_above_its_maximum_fails_the_conn)
{
	pier_set_frame(ends[0], PIER_LEN32, 0);
	pier_set_frame(ends[1], PIER_LEN32, 5);
	pier_printf(ends[0], "12345");
	pier_printf(ends[0], "123456");
	CHECK_BYTES(pier_next(ends[1]), "12345");
	CHECK(!pier_next(ends[1]).p);
	CHECK_EQ(pier_err(ends[1]), -EMSGSIZE);
}

CONN_TEST(a_message_that_ends_early_is_truncated)
{
	pier_set_frame(ends[1], PIER_LEN32, 0);
	pier_send(ends[0], "\0\0\0\5hel", 7);
	pier_finish(ends[0]);
	CHECK(!pier_next(ends[1]).p);
	CHECK_EQ(pier_err(ends[1]), -PIER_ETRUNCATED);
}

CONN_TEST(a_16_bit_length_has_no_room_for_more)
{
	static char big[65536];

	pier_set_frame(ends[0], PIER_LEN16, 0);
	CHECK_EQ(pier_send(ends[0], big, sizeof big), -EMSGSIZE);
}

CONN_TEST(the_frame_may_change_in_the_middle_of_what_has_arrived)
{
	char body[4];

	pier_send(ends[0], "head\n\0\2abraw!rest", 17);
	pier_finish(ends[0]);
	pier_set_frame(ends[1], PIER_LINES, 0);
	CHECK_BYTES(pier_next(ends[1]), "head");
	pier_set_frame(ends[1], PIER_LEN16, 0);
	CHECK_BYTES(pier_next(ends[1]), "ab");
	pier_set_frame(ends[1], PIER_RAW, 0);
	CHECK_EQ(pier_recv_all(ends[1], body, 4), 4);
	CHECK_EQ(memcmp(body, "raw!", 4), 0);
	CHECK_BYTES(pier_next(ends[1]), "rest");
	CHECK(!pier_next(ends[1]).p);
}

CONN_TEST(exactly_so_many_bytes_or_truncated)
{
	char into[8];

	pier_send(ends[0], "12345678123", 11);
	pier_finish(ends[0]);
	CHECK_EQ(pier_recv_all(ends[1], into, 8), 8);
	CHECK_EQ(pier_recv_all(ends[1], into, 8), -PIER_ETRUNCATED);
	CHECK_EQ(pier_err(ends[1]), -PIER_ETRUNCATED);
}

CONN_TEST(exactly_so_many_bytes_at_the_end_is_the_end)
{
	char into[8];

	pier_finish(ends[0]);
	CHECK_EQ(pier_recv_all(ends[1], into, 8), 0);
	CHECK_EQ(pier_err(ends[1]), 0);
}

CONN_TEST(a_parser_of_its_own_sees_fills_and_spends)
{
	CHECK(pier_view(ends[1]).p);
	CHECK_EQ(pier_view(ends[1]).len, 0);
	pier_send(ends[0], "abc", 3);
	CHECK(pier_fill(ends[1]) > 0);
	CHECK_BYTES(pier_view(ends[1]), "abc");
	pier_spend(ends[1], 2);
	CHECK_BYTES(pier_view(ends[1]), "c");
	pier_send(ends[0], "de", 2);
	CHECK(pier_fill(ends[1]) > 0);
	CHECK_BYTES(pier_view(ends[1]), "cde");
	pier_finish(ends[0]);
	CHECK_EQ(pier_fill(ends[1]), 0);
	CHECK_BYTES(pier_view(ends[1]), "cde");
}

CONN_TEST(a_view_grows_to_the_maximum_and_no_further)
{
	static char big[10000];

	pier_set_frame(ends[1], PIER_RAW, 4096);
	pier_send(ends[0], big, sizeof big);
	ssize_t n;
	while ((n = pier_fill(ends[1])) > 0)
		;
	CHECK_EQ(n, -EMSGSIZE);
	CHECK(pier_view(ends[1]).len >= 4096);
}

CONN_TEST(a_time_out_can_be_forgotten_and_loses_nothing)
{
	char line[16];

	pier_set_timeouts(ends[1], PIER_MS(30), 0);
	pier_printf(ends[0], "half a ");
	CHECK_EQ(pier_gets(ends[1], line, sizeof line), -ETIMEDOUT);
	CHECK_EQ(pier_err(ends[1]), -ETIMEDOUT);
	CHECK_EQ(pier_gets(ends[1], line, sizeof line), -ETIMEDOUT);
	pier_clear(ends[1]);
	pier_printf(ends[0], "line\n");
	CHECK_EQ(pier_gets(ends[1], line, sizeof line), 12);
	CHECK_STR(line, "half a line");
}

CONN_TEST(a_deadline_ends_every_wait)
{
	int64_t start = pier_now();

	PIER_WITHIN (PIER_MS(50))
		PIER_WITHIN (PIER_S(9))
			CHECK(!pier_next(ends[1]).p);
	CHECK_EQ(pier_err(ends[1]), -ETIMEDOUT);
	CHECK(pier_now() - start >= PIER_MS(50));
	CHECK(pier_now() - start < PIER_S(2));
}

CONN_TEST(a_poll_that_times_out_does_not_stick)
{
	CHECK_EQ(pier_poll(ends[1], PIER_MS(10)), 0);
	CHECK_EQ(pier_err(ends[1]), 0);
	pier_printf(ends[0], "x");
	CHECK_EQ(pier_poll(ends[1], PIER_S(5)), 1);
	CHECK_BYTES(pier_next(ends[1]), "x");
	pier_finish(ends[0]);
	CHECK_EQ(pier_poll(ends[1], PIER_S(5)), 1);
	CHECK(!pier_next(ends[1]).p);
}

CONN_TEST(a_poll_sees_what_is_buffered_already)
{
	char line[8];

	pier_printf(ends[0], "one\ntwo\n");
	pier_gets(ends[1], line, sizeof line);
	CHECK_EQ(pier_poll(ends[1], 0), 1);
}

CONN_TEST(sending_to_one_who_left_is_an_error_and_no_signal)
{
	static char big[1 << 20];

	pier_abort(ends[1]);
	ends[1] = NULL;
	pier_set_timeouts(ends[0], 0, PIER_S(5));
	CHECK(pier_send(ends[0], big, sizeof big) < 0);
	CHECK(pier_is_disconnect(pier_err(ends[0])));
	CHECK(strstr(pier_why(ends[0]), "send"));
}

CONN_TEST(one_who_reads_nothing_times_a_sender_out)
{
	static char big[8 << 20];

	pier_set_timeouts(ends[0], 0, PIER_MS(50));
	CHECK_EQ(pier_send(ends[0], big, sizeof big), -ETIMEDOUT);
	pier_clear(ends[0]); /* a part went: the stream is torn, and this cannot be forgotten */
	CHECK_EQ(pier_err(ends[0]), -ETIMEDOUT);
}

CONN_TEST(an_error_is_the_first_one)
{
	char line[4];

	pier_printf(ends[0], "too long\n");
	CHECK_EQ(pier_gets(ends[1], line, sizeof line), -EMSGSIZE);
	pier_set_timeouts(ends[1], PIER_MS(1), 0);
	CHECK(!pier_next(ends[1]).p);
	CHECK_EQ(pier_printf(ends[1], "x"), -EMSGSIZE);
	CHECK_EQ(pier_err(ends[1]), -EMSGSIZE);
}

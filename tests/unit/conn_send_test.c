/* Sending, of conn.h, and several fibers on one conn. */
#include "raw_peer.h"

/* ---- Sending -------------------------------------------------------------------------------------- */

ON_BOTH(printf_of_any_length_is_one_message)
{
	int raw;
	PIER_AUTO *c = joined(&raw, PIER_LEN16, 0);
	static char got[8000];
	CHECK_EQ(pier_printf(c, "%0*d", 5000, 7), 5000);
	CHECK_EQ(pier_printf(c, "%s", ""), 0);
	CHECK_EQ(recv(raw, got, 5004, MSG_WAITALL), 5004);
	CHECK(memcmp(got, "\x13\x88", 2) == 0);
	CHECK_EQ(got[5001], '7');
	CHECK(memcmp(got + 5002, "\0\0", 2) == 0);
	close(raw);
}

ON_BOTH(a_message_that_its_frame_cannot_hold_is_refused)
{
	int raw;
	PIER_AUTO *c = joined(&raw, PIER_LEN16, 0);
	static char big[70000];
	CHECK_EQ(pier_send(c, big, sizeof big), -EMSGSIZE);
	close(raw);
}

ON_BOTH(finish_ends_our_side_only)
{
	int raw;
	char got[8] = "";
	PIER_AUTO *c = joined(&raw, PIER_RAW, 0);
	CHECK_EQ(pier_send(c, "bye", 3), 3);
	CHECK_OK(pier_finish(c));
	CHECK_OK(pier_finish(c));
	CHECK_EQ(recv(raw, got, sizeof got, MSG_WAITALL), 3);
	put_text(raw, "answer");
	CHECK_BYTES(pier_next(c), "answer");
	CHECK_EQ(pier_send(c, "x", 1), -EPIPE);
	close(raw);
}

ON_BOTH(close_lets_the_peer_read_our_last_words)
{
	int raw;
	pier_conn *c = joined(&raw, PIER_RAW, 0);
	static char unread[50000];
	put(raw, unread, sizeof unread); /* would turn a plain close into a reset */
	CHECK_EQ(pier_printf(c, "last words"), 10);
	struct sink s = {.fd = raw, .delay_us = 30000};
	drain(&s, 100);
	pier_close(c);
	drained(&s);
	CHECK_EQ(s.err, 0);
	CHECK_BYTES(pier_bytes_of(s.got, s.len), "last words");
	free(s.got);
}

ON_BOTH(close_waits_no_longer_than_its_linger)
{
	int raw;
	pier_conn *c = joined(&raw, PIER_RAW, 0);
	CHECK_EQ(pier_send(c, "x", 1), 1);
	int64_t start = pier_now();
	pier_close(c); /* the peer never closes */
	int64_t took = pier_now() - start;
	CHECK(took >= PIER_LINGER && took < PIER_LINGER + PIER_S(1));
	close(raw);
}

ON_BOTH(abort_resets)
{
	int raw;
	char got;
	pier_conn *c = joined(&raw, PIER_RAW, 0);
	pier_abort(c);
	struct pollfd p = {.fd = raw, .events = POLLIN};
	poll(&p, 1, 1000);
	CHECK_EQ(read(raw, &got, 1), -1);
	CHECK_EQ(errno, ECONNRESET);
	close(raw);
}

ON_BOTH(a_peer_that_is_gone_is_an_error_that_sticks)
{
	int raw;
	PIER_AUTO *c = joined(&raw, PIER_RAW, 0);
	struct linger now = {.l_onoff = 1};
	setsockopt(raw, SOL_SOCKET, SO_LINGER, &now, sizeof now);
	close(raw);
	CHECK(!pier_next(c).p);
	CHECK_EQ(pier_err(c), -ECONNRESET);
	CHECK(pier_is_disconnect(pier_err(c)));
	CHECK_EQ(pier_send(c, "x", 1), -ECONNRESET);
}

/* ---- Files ---------------------------------------------------------------------------------------- */

ON_BOTH(sendfile_sends_exactly_the_range)
{
	char path[32];
	int raw, fd = file_of(3000000, path);
	PIER_AUTO *c = joined(&raw, PIER_RAW, 0);
	struct sink s = {.fd = raw, .delay_us = 20000};
	drain(&s, 2000005);
	CHECK_EQ(pier_sendfile(c, path, 26, 5), 5);
	CHECK_EQ(pier_sendfile_fd(c, fd, 1000000, -1), 2000000);
	CHECK_EQ(pier_sendfile_fd(c, fd, 3000000, -1), 0);
	CHECK_EQ(pier_sendfile_fd(c, fd, 0, 0), 0);
	CHECK_OK(pier_finish(c));
	drained(&s);
	CHECK_EQ(s.len, 2000005);
	CHECK(memcmp(s.got, "abcde", 5) == 0);
	for (size_t i = 0; i < 2000000; i++)
		CHECK_EQ(s.got[5 + i], 'a' + (1000000 + i) % 26);
	free(s.got);
	close(fd);
	unlink(path);
}

ON_BOTH(a_file_shorter_than_promised_fails_the_conn)
{
	char path[32];
	int raw, fd = file_of(1000, path);
	PIER_AUTO *c = joined(&raw, PIER_RAW, 0);
	CHECK_EQ(pier_sendfile_fd(c, fd, 900, 200), -EIO);
	CHECK_EQ(pier_err(c), -EIO);
	close(raw);
	PIER_AUTO *d = joined(&raw, PIER_RAW, 0);
	CHECK_EQ(pier_sendfile(d, "/nonexistent/file", 0, -1), -ENOENT);
	close(raw);
	PIER_AUTO *e = joined(&raw, PIER_LINES, 0);
	CHECK_EQ(pier_sendfile_fd(e, fd, 0, -1), -EPROTOTYPE);
	close(raw);
	close(fd);
	unlink(path);
}

ON_BOTH(sendfile_goes_to_a_pipe)
{
	char path[32];
	int fds[2], fd = file_of(500000, path);
	CHECK_EQ(pipe2(fds, O_CLOEXEC), 0);
	PIER_AUTO *c = pier_adopt(fds[1], NULL);
	struct sink s = {.fd = fds[0], .delay_us = 20000};
	drain(&s, 499990);
	CHECK_EQ(pier_sendfile_fd(c, fd, 10, -1), 499990);
	drained(&s);
	CHECK_EQ(s.len, 499990);
	CHECK_EQ(s.got[0], 'k');
	free(s.got);
	close(fd);
	unlink(path);
}

/* ---- Several fibers ------------------------------------------------------------------------------- */

#define MUCH (4u << 20)

static int send_much(void *arg)
{
	char *much = malloc(MUCH);
	memset(much, 'm', MUCH);
	CHECK_EQ(pier_send(arg, much, MUCH), MUCH);
	free(much);
	return pier_finish(arg);
}

static int receive_much(void *arg)
{
	size_t sum = 0;
	for (pier_bytes m; (m = pier_next(arg)).p; sum += m.len)
		CHECK_EQ(m.p[m.len - 1], 'm');
	CHECK_EQ(sum, MUCH);
	return pier_err(arg);
}

ON_FIBER(two_fibers_use_a_conn_in_opposite_directions)
{
	pier_conn *p[2];
	pier_group g = PIER_GROUP;
	CHECK_OK(pier_pair(p));
	for (int i = 0; i < 2; i++) {
		CHECK_OK(pier_go(&g, send_much, p[i]));
		CHECK_OK(pier_go(&g, receive_much, p[i]));
	}
	CHECK_OK(pier_group_wait(&g));
	pier_close(p[0]);
	pier_close(p[1]);
}

struct speaker {
	pier_conn *to;
	char letter;
};

static int speak(void *arg)
{
	struct speaker *s = arg;
	char *text = malloc(300000);
	memset(text, s->letter, 300000);
	for (int i = 0; i < 5; i++)
		CHECK_EQ(pier_send(s->to, text, 300000), 300000);
	free(text);
	return 0;
}

ON_FIBER(messages_of_several_fibers_go_whole_and_in_turn)
{
	int raw, heard[8] = {0}, last = -1, same = 0;
	pier_conn *c = joined(&raw, PIER_LEN32, 0);
	pier_group g = PIER_GROUP;
	struct speaker s[8];
	PIER_AUTO *reader = pier_adopt(raw, &(pier_dial_opts){.frame = PIER_LEN32});
	for (int i = 0; i < 8; i++) {
		s[i] = (struct speaker){c, (char)('a' + i)};
		CHECK_OK(pier_go(&g, speak, &s[i]));
	}
	for (int i = 0; i < 40; i++) {
		pier_bytes m = pier_next(reader);
		CHECK_EQ(m.len, 300000);
		for (size_t k = 0; k < m.len; k++)
			CHECK_EQ(m.p[k], m.p[0]);
		int who = m.p[0] - 'a';
		heard[who]++;
		same += who == last;
		last = who;
	}
	CHECK_OK(pier_group_wait(&g));
	for (int i = 0; i < 8; i++)
		CHECK_EQ(heard[i], 5);
	CHECK(same < 20); /* nobody keeps the others out */
	pier_abort(c);
}

struct torn {
	pier_conn *c;
	ssize_t result;
	size_t len;
};

static int send_torn(void *arg)
{
	struct torn *t = arg;
	char *much = calloc(1, t->len);
	t->result = pier_send(t->c, much, t->len);
	free(much);
	return 0;
}

ON_FIBER(a_cancel_inside_a_message_tears_the_conn)
{
	int raw;
	pier_conn *c = joined(&raw, PIER_LEN32, 0);
	struct torn t = {.c = c, .len = 32 << 20};
	pier_group g = PIER_GROUP;
	CHECK_OK(pier_go(&g, send_torn, &t));
	pier_sleep(PIER_MS(10));
	pier_group_cancel(&g);
	CHECK_OK(pier_group_wait(&g));
	CHECK_EQ(t.result, -ECANCELED);
	CHECK_EQ(pier_err(c), -ECANCELED);
	CHECK_EQ(pier_send(c, "x", 1), -ECANCELED);
	CHECK(!pier_next(c).p);
	pier_close(c);
	close(raw);
}

ON_FIBER(an_error_ends_every_fiber_that_waits_on_the_conn)
{
	int raw;
	pier_conn *c = joined(&raw, PIER_LINES, 10);
	struct torn t[3] = {{.c = c, .len = 32 << 20}, {.c = c, .len = 5}, {.c = c, .len = 5}};
	pier_group g = PIER_GROUP;
	for (int i = 0; i < 3; i++)
		CHECK_OK(pier_go(&g, send_torn, &t[i]));
	pier_sleep(PIER_MS(10));
	put_text(raw, "a line that is too long\n");
	CHECK(!pier_next(c).p);
	PIER_WITHIN (PIER_S(2))
		CHECK_OK(pier_group_wait(&g));
	for (int i = 0; i < 3; i++)
		CHECK_EQ(t[i].result, -EMSGSIZE);
	pier_close(c);
	close(raw);
}

static int read_line(void *arg)
{
	CHECK(!pier_next(arg).p);
	return 0;
}

/* The line and the room to send come in one turn: when the reader fails the conn, its writer waits no more, and
 * goes on to wait again. */
ON_FIBER(an_error_reaches_a_writer_that_was_about_to_go_on)
{
	int raw;
	static char sink[1 << 20];
	pier_conn *c = joined(&raw, PIER_LINES, 10);
	struct torn t = {.c = c, .len = 32 << 20};
	pier_group g = PIER_GROUP;
	CHECK_OK(pier_go(&g, read_line, c));
	CHECK_OK(pier_go(&g, send_torn, &t));
	pier_sleep(PIER_MS(10));
	put_text(raw, "a line that is too long\n");
	for (size_t got = 0; got < 2 << 20;)
		got += (size_t)recv(raw, sink, sizeof sink, 0);
	PIER_WITHIN (PIER_S(2))
		CHECK_OK(pier_group_wait(&g));
	CHECK_EQ(t.result, -EMSGSIZE);
	pier_close(c);
	close(raw);
}

ON_FIBER(a_writer_that_gives_up_its_turn_lets_the_next_write)
{
	int raw;
	pier_conn *c = joined(&raw, PIER_RAW, 0);
	pier_group first = PIER_GROUP, g = PIER_GROUP, last = PIER_GROUP;
	struct torn t[3] = {{.c = c, .len = 8 << 20}, {.c = c, .len = 5}, {.c = c, .len = 7}};
	CHECK_OK(pier_go(&first, send_torn, &t[0]));
	pier_yield();
	CHECK_OK(pier_go(&g, send_torn, &t[1]));
	pier_yield();
	CHECK_OK(pier_go(&last, send_torn, &t[2]));
	pier_sleep(PIER_MS(5));
	pier_group_cancel(&g);
	CHECK_OK(pier_group_wait(&g));
	CHECK_EQ(t[1].result, -ECANCELED);
	pier_group_cancel(&last);
	CHECK_OK(pier_group_wait(&last));
	pier_group_cancel(&first);
	CHECK_OK(pier_group_wait(&first));
	CHECK_EQ(pier_err(c), -ECANCELED);
	pier_abort(c);
	close(raw);
}

static int hear_end(void *arg)
{
	CHECK(!pier_next(arg).p);
	return 0;
}

ON_FIBER(a_cancelled_reader_fails_the_conn_with_its_cancel)
{
	pier_conn *p[2];
	pier_group g = PIER_GROUP;
	CHECK_OK(pier_pair(p));
	CHECK_OK(pier_go(&g, hear_end, p[0]));
	pier_yield();
	pier_group_end(&g);
	CHECK_EQ(pier_err(p[0]), -ECANCELED);
	pier_close(p[0]);
	CHECK(!pier_next(p[1]).p);
	pier_close(p[1]);
}

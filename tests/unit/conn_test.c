/* Every call of conn.h, against raw sockets on the other side; on a fiber and outside of fibers. */
#include "test.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pier.h>
#include <poll.h>
#include <pthread.h>
#include <pty.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <termios.h>
#include <unistd.h>

#define ON_FIBER_WITHIN(seconds, name)                                                             \
	static void name##_body(void);                                                             \
	static int name##_main(void *arg)                                                          \
	{                                                                                          \
		(void)arg;                                                                         \
		name##_body();                                                                     \
		return 0;                                                                          \
	}                                                                                          \
	TEST_WITHIN(seconds, name)                                                                 \
	{                                                                                          \
		CHECK_EQ(pier_run(name##_main, NULL, .workers = 1), 0);                            \
	}                                                                                          \
	static void name##_body(void)
#define ON_FIBER(name) ON_FIBER_WITHIN(10, name)

/* The same promise outside of fibers, then on one. */
#define ON_BOTH_WITHIN(seconds, name)                                                              \
	static void name##_body(void);                                                             \
	static int name##_main(void *arg)                                                          \
	{                                                                                          \
		(void)arg;                                                                         \
		fprintf(stderr, "on a fiber:\n");                                                  \
		name##_body();                                                                     \
		return 0;                                                                          \
	}                                                                                          \
	TEST_WITHIN(seconds, name)                                                                 \
	{                                                                                          \
		fprintf(stderr, "outside of fibers:\n");                                           \
		name##_body();                                                                     \
		CHECK_EQ(pier_run(name##_main, NULL, .workers = 1), 0);                            \
	}                                                                                          \
	static void name##_body(void)
#define ON_BOTH(name) ON_BOTH_WITHIN(10, name)

/* ---- The other side ------------------------------------------------------------------------------- */

static int raw_listener(const char *host, int backlog, int *port)
{
	pier_addr a;
	int fd = socket(strchr(host, ':') ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	CHECK_OK(pier_addr_parse(pier_text(host), 0, &a));
	CHECK_EQ(bind(fd, &a.sa, a.len), 0);
	CHECK_EQ(listen(fd, backlog), 0);
	CHECK_EQ(getsockname(fd, &a.sa, &a.len), 0);
	*port = pier_addr_port(&a);
	return fd;
}

/* A conn over tcp, dialled, and its other side. */
static pier_conn *joined(int *raw, pier_frame frame, size_t message_max)
{
	char url[64];
	int port, listener = raw_listener("127.0.0.1", 1, &port);
	snprintf(url, sizeof url, "tcp://127.0.0.1:%d", port);
	pier_conn *c = pier_dial(url, .frame = frame, .message_max = message_max);
	CHECK_OK(pier_err(c));
	*raw = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	CHECK_OK(*raw);
	close(listener);
	return c;
}

static void put(int fd, const void *p, size_t len)
{
	for (size_t done = 0; done < len;) {
		ssize_t n = write(fd, (const char *)p + done, len - done);
		CHECK(n > 0);
		done += (size_t)n;
	}
}

static void put_text(int fd, const char *text)
{
	put(fd, text, strlen(text));
}

/* Writes piece by piece from a thread of its own. */
struct feed {
	int fd;
	const char *p;
	size_t len, first, step; /* the first piece, and the others */
	bool end;
	pthread_t thread;
};

static void *run_feed(void *arg)
{
	struct feed *f = arg;
	size_t n = f->first;
	for (size_t at = 0; at < f->len; at += n, n = f->step) {
		if (at)
			usleep(500);
		if (n > f->len - at)
			n = f->len - at;
		put(f->fd, f->p + at, n);
	}
	if (f->end)
		shutdown(f->fd, SHUT_WR);
	return NULL;
}

static void feed(struct feed *f)
{
	CHECK_EQ(pthread_create(&f->thread, NULL, run_feed, f), 0);
}

static void fed(struct feed *f)
{
	pthread_join(f->thread, NULL);
}

/* Reads all that comes, from a thread of its own; slowly at first. */
struct sink {
	int fd;
	unsigned delay_us;
	char *got;
	size_t len, room;
	int err;
	pthread_t thread;
};

static void *run_sink(void *arg)
{
	struct sink *s = arg;
	usleep(s->delay_us);
	for (ssize_t n; s->len < s->room; s->len += (size_t)n) {
		n = read(s->fd, s->got + s->len, s->room - s->len);
		if (n < 0)
			s->err = -errno;
		if (n <= 0)
			break;
	}
	close(s->fd);
	return NULL;
}

static void drain(struct sink *s, size_t room)
{
	s->room = room;
	s->got = malloc(room);
	CHECK_EQ(pthread_create(&s->thread, NULL, run_sink, s), 0);
}

static void drained(struct sink *s)
{
	pthread_join(s->thread, NULL);
}

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
		CHECK(pier_view(c).len <= 16384 + 4);
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

/* ---- NULL ----------------------------------------------------------------------------------------- */

ON_BOTH(every_call_accepts_null)
{
	char room[8];
	pier_addr addr;
	CHECK(!pier_next(NULL).p);
	CHECK_EQ(pier_gets(NULL, room, sizeof room), -ENOMEM);
	CHECK_EQ(pier_recv(NULL, room, sizeof room), -ENOMEM);
	CHECK_EQ(pier_recv_all(NULL, room, sizeof room), -ENOMEM);
	CHECK_EQ(pier_view(NULL).len, 0);
	CHECK(pier_view(NULL).p);
	CHECK_EQ(pier_fill(NULL), -ENOMEM);
	pier_spend(NULL, 0);
	CHECK_EQ(pier_poll(NULL, PIER_S(100)), 1);
	CHECK_EQ(pier_send(NULL, "x", 1), -ENOMEM);
	CHECK_EQ(pier_printf(NULL, "x"), -ENOMEM);
	CHECK_EQ(pier_sendfile(NULL, "/etc/passwd", 0, -1), -ENOMEM);
	CHECK_EQ(pier_sendfile_fd(NULL, 0, 0, -1), -ENOMEM);
	CHECK_EQ(pier_finish(NULL), -ENOMEM);
	pier_cork(NULL);
	pier_uncork(NULL);
	CHECK_EQ(pier_err(NULL), -ENOMEM);
	CHECK(*pier_why(NULL));
	pier_clear(NULL);
	CHECK_STR(pier_peer(NULL), "?");
	CHECK_EQ(pier_peer_addr(NULL)->len, 0);
	CHECK(pier_local_addr(NULL, &addr) < 0);
	CHECK(!pier_is_message(NULL));
	CHECK_EQ(pier_fileno(NULL), -1);
	pier_set_timeouts(NULL, 1, 1);
	pier_set_frame(NULL, PIER_LINES, 0);
	pier_set_data(NULL, room);
	CHECK(pier_data(NULL) == NULL);
	pier_serve_stop(NULL);
	CHECK(!pier_stopping(NULL));
	pier_topic *t = pier_topic_new();
	CHECK_EQ(pier_topic_add(t, NULL), -ENOMEM);
	pier_topic_remove(t, NULL);
	pier_topic_free(t);
	pier_close(NULL);
	pier_abort(NULL);
}

/* A failed conn may be freed by the caller, and asked for everything before. */
static void use_all(pier_conn *c, int err)
{
	char room[8];
	pier_addr addr;
	CHECK_EQ(pier_err(c), err);
	CHECK(!pier_next(c).p);
	CHECK_EQ(pier_gets(c, room, sizeof room), err);
	CHECK_EQ(pier_recv(c, room, sizeof room), err);
	CHECK_EQ(pier_recv_all(c, room, sizeof room), err);
	CHECK_EQ(pier_view(c).len, 0);
	CHECK_EQ(pier_fill(c), err);
	pier_spend(c, 0);
	CHECK_EQ(pier_poll(c, PIER_S(100)), 1);
	CHECK_EQ(pier_send(c, "x", 1), err);
	CHECK_EQ(pier_printf(c, "%2000d", 1), err);
	CHECK_EQ(pier_sendfile(c, "/etc/passwd", 0, -1), err);
	CHECK_EQ(pier_sendfile_fd(c, 0, 0, -1), err);
	CHECK_EQ(pier_finish(c), err);
	pier_cork(c);
	pier_uncork(c);
	pier_clear(c);
	CHECK_EQ(pier_err(c), err);
	CHECK(*pier_peer(c));
	CHECK(pier_local_addr(c, &addr) < 0);
	CHECK_EQ(pier_fileno(c), -1);
	pier_set_timeouts(c, 1, 1);
	pier_set_frame(c, PIER_LINES, 0);
	pier_set_data(c, room);
	CHECK(pier_data(c) == room);
	CHECK(*pier_why(c));
	pier_serve_stop(c);
	CHECK(!pier_stopping(c));
}

/* ---- Dialling ------------------------------------------------------------------------------------- */

ON_BOTH(a_dial_that_fails_gives_a_conn_that_tells_why)
{
	char url[64];
	int port, listener = raw_listener("127.0.0.1", 1, &port);
	close(listener);
	snprintf(url, sizeof url, "tcp://127.0.0.1:%d", port);
	PIER_AUTO *refused = pier_dial(url);
	use_all(refused, -ECONNREFUSED);
	char want[128];
	snprintf(want, sizeof want, "connect to %s: Connection refused", url);
	CHECK_STR(pier_why(refused), want);
	PIER_AUTO *nobody = pier_dial("tcp://no-such-host.invalid:80");
	CHECK(pier_err(nobody) == -PIER_ENONAME || pier_err(nobody) == -PIER_ENAMETEMP);
	use_all(nobody, pier_err(nobody));
	PIER_AUTO *missing = pier_dial("unix:/nonexistent/socket");
	use_all(missing, -ENOENT);
	PIER_AUTO *nonsense = pier_dial("nonsense");
	use_all(nonsense, -PIER_EURL);
	PIER_AUTO *closed = pier_dial("fd:999");
	use_all(closed, -EBADF);
	PIER_AUTO *option = pier_dial("tcp://127.0.0.1:1?speed=9");
	use_all(option, -PIER_EURL);
}

ON_BOTH(a_dialled_conn_knows_both_addresses)
{
	int raw;
	char want[PIER_ADDR_TEXT];
	pier_addr peer = {.len = sizeof peer.storage}, own;
	PIER_AUTO *c = joined(&raw, PIER_RAW, 0);
	CHECK_EQ(getsockname(raw, &peer.sa, &peer.len), 0);
	CHECK(pier_addr_eq(pier_peer_addr(c), &peer));
	CHECK_STR(pier_peer(c), pier_addr_format(&peer, want, sizeof want));
	CHECK_OK(pier_local_addr(c, &own));
	peer.len = sizeof peer.storage;
	CHECK_EQ(getpeername(raw, &peer.sa, &peer.len), 0);
	CHECK(pier_addr_eq(&own, &peer));
	int one = 0;
	socklen_t len = sizeof one;
	CHECK_EQ(getsockopt(pier_fileno(c), IPPROTO_TCP, TCP_NODELAY, &one, &len), 0);
	CHECK_EQ(one, 1);
	close(raw);
}

ON_BOTH(a_dial_comes_from_the_source_asked_for)
{
	char url[64], from[64];
	int port, free_port, listener = raw_listener("127.0.0.1", 4, &port);
	close(raw_listener("127.0.0.2", 1, &free_port));
	snprintf(url, sizeof url, "tcp://127.0.0.1:%d", port);
	snprintf(from, sizeof from, "127.0.0.2:%d", free_port);
	const char *sources[] = {from, "127.0.0.3"};
	for (int i = 0; i < 2; i++) {
		PIER_AUTO *c = pier_dial(url, .source = sources[i]);
		CHECK_OK(pier_err(c));
		pier_addr peer = {.len = sizeof peer.storage};
		char text[PIER_ADDR_TEXT];
		int raw = accept(listener, &peer.sa, &peer.len);
		pier_addr_format(&peer, text, sizeof text);
		CHECK(strncmp(text, sources[i], strlen(sources[i])) == 0);
		close(raw);
	}
	PIER_AUTO *c = pier_dial(url, .source = "::1");
	CHECK_EQ(pier_err(c), -EAFNOSUPPORT);
	PIER_AUTO *d = pier_dial(url, .source = "nonsense");
	CHECK(pier_err(d) < 0);
	close(listener);
}

/* A listener whose queue is full answers no more. */
struct hole {
	int listener, fds[4], port;
};

static void dig(struct hole *h)
{
	pier_addr at;
	h->listener = raw_listener("127.0.0.1", 0, &h->port);
	CHECK_OK(pier_addr_parse(pier_text("127.0.0.1"), (uint16_t)h->port, &at));
	for (int i = 0; i < 4; i++) {
		h->fds[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
		connect(h->fds[i], &at.sa, at.len);
	}
}

static void fill_in(struct hole *h)
{
	for (int i = 0; i < 4; i++)
		close(h->fds[i]);
	close(h->listener);
}

ON_BOTH(a_dial_that_nobody_answers_times_out)
{
	char url[64];
	struct hole h;
	dig(&h);
	snprintf(url, sizeof url, "tcp://127.0.0.1:%d", h.port);
	int64_t start = pier_now();
	PIER_AUTO *c = pier_dial(url, .timeout = PIER_MS(60));
	int64_t took = pier_now() - start;
	use_all(c, -ETIMEDOUT);
	CHECK(took >= PIER_MS(60) && took < PIER_MS(1000));
	PIER_WITHIN (PIER_MS(30)) {
		PIER_AUTO *d = pier_dial(url);
		use_all(d, -ETIMEDOUT);
	}
	CHECK(pier_now() - start < PIER_MS(2000));
	fill_in(&h);
}

ON_BOTH(a_name_with_several_addresses_is_tried_in_turn)
{
	char url[64];
	int port, listener = raw_listener("127.0.0.1", 4, &port);
	snprintf(url, sizeof url, "tcp://localhost:%d", port);
	PIER_AUTO *c = pier_dial(url); /* ::1, if localhost is that first, refuses */
	CHECK_OK(pier_err(c));
	close(listener);
}

ON_BOTH(a_unix_listener_with_a_full_queue_is_waited_for)
{
	struct sockaddr_un {
		sa_family_t family;
		char path[108];
	} at = {.family = AF_UNIX};
	char url[64];
	static int number;
	int len = snprintf(at.path + 1, 100, "pier-conn-%d-%d", (int)getpid(), number);
	snprintf(url, sizeof url, "unix:@pier-conn-%d-%d", (int)getpid(), number++);
	int listener = socket(AF_UNIX, SOCK_STREAM, 0);
	CHECK_EQ(bind(listener, (struct sockaddr *)&at, (socklen_t)(3 + len)), 0);
	CHECK_EQ(listen(listener, 0), 0);
	pier_conn *first = pier_dial(url, .timeout = PIER_S(1));
	CHECK_OK(pier_err(first));
	PIER_AUTO *second = pier_dial(url, .timeout = PIER_MS(50));
	use_all(second, -ETIMEDOUT);
	int raw = accept(listener, NULL, NULL);
	PIER_AUTO *third = pier_dial(url, .timeout = PIER_S(1));
	CHECK_OK(pier_err(third));
	close(listener);
	close(raw);
	pier_close(first);
}

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

static int file_of(size_t len, char path[32])
{
	char *bytes = malloc(len);
	strcpy(path, "/tmp/pier-conn-XXXXXX");
	int fd = mkstemp(path);
	for (size_t i = 0; i < len; i++)
		bytes[i] = (char)('a' + i % 26);
	put(fd, bytes, len);
	free(bytes);
	return fd;
}

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

/* ---- Messages of the kernel ------------------------------------------------------------------------ */

static pier_conn *udp_joined(int *raw)
{
	char url[64];
	pier_addr a;
	*raw = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	CHECK_OK(pier_addr_parse(pier_text("127.0.0.1"), 0, &a));
	CHECK_EQ(bind(*raw, &a.sa, a.len), 0);
	CHECK_EQ(getsockname(*raw, &a.sa, &a.len), 0);
	snprintf(url, sizeof url, "udp://127.0.0.1:%d", pier_addr_port(&a));
	pier_conn *c = pier_dial(url);
	CHECK_OK(pier_err(c));
	CHECK_OK(pier_local_addr(c, &a));
	CHECK_EQ(connect(*raw, &a.sa, a.len), 0);
	return c;
}

ON_BOTH(datagrams_of_every_size_come_whole)
{
	static const size_t sizes[] = {0, 1, 100, 16383, 16384, 16385, 40000, 65506, 65507};
	static char out[70000], in[70000];
	int raw;
	PIER_AUTO *c = udp_joined(&raw);
	CHECK(pier_is_message(c));
	for (size_t i = 0; i < sizeof out; i++)
		out[i] = (char)(i * 7);
	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		CHECK_EQ(pier_send(c, out, sizes[i]), sizes[i]);
		CHECK_EQ(recv(raw, in, sizeof in, 0), sizes[i]);
		CHECK(memcmp(in, out, sizes[i]) == 0);
		CHECK_EQ(send(raw, out, sizes[i], 0), sizes[i]);
		pier_bytes m = pier_next(c);
		CHECK(m.p);
		CHECK_EQ(m.len, sizes[i]);
		CHECK(sizes[i] == 0 || memcmp(m.p, out, m.len) == 0);
		CHECK_EQ(send(raw, out, sizes[i], 0), sizes[i]);
		CHECK_EQ(pier_recv(c, in, sizeof in), sizes[i]);
	}
	CHECK_EQ(pier_err(c), 0);
	CHECK_EQ(pier_send(c, out, 65508), -EMSGSIZE);
	close(raw);
}

ON_BOTH(a_datagram_larger_than_the_room_is_refused)
{
	int raw;
	char small[4];
	PIER_AUTO *c = udp_joined(&raw);
	CHECK_EQ(send(raw, "hello", 5, 0), 5);
	CHECK_EQ(pier_recv(c, small, sizeof small), -EMSGSIZE);
	CHECK_EQ(pier_err(c), -EMSGSIZE);
	close(raw);
}

ON_BOTH(gets_of_a_datagram_is_its_text)
{
	int raw;
	char line[8];
	PIER_AUTO *c = udp_joined(&raw);
	CHECK_EQ(send(raw, "hello\r\n", 7, 0), 7);
	CHECK_EQ(send(raw, "", 0, 0), 0);
	CHECK_EQ(send(raw, "no end", 6, 0), 6);
	CHECK(pier_gets(c, line, sizeof line) > 0);
	CHECK_STR(line, "hello");
	CHECK(pier_gets(c, line, sizeof line) > 0);
	CHECK_STR(line, "");
	CHECK(pier_gets(c, line, sizeof line) > 0);
	CHECK_STR(line, "no end");
	close(raw);
}

ON_BOTH(a_datagram_that_nobody_takes_is_refused)
{
	int raw;
	PIER_AUTO *c = udp_joined(&raw);
	close(raw);
	CHECK_EQ(pier_send(c, "x", 1), 1);
	CHECK(!pier_next(c).p);
	CHECK_EQ(pier_err(c), -ECONNREFUSED);
}

ON_FIBER(seqpacket_keeps_messages_and_tells_the_end)
{
	char url[64];
	pier_listener *l;
	pier_conn *server;
	snprintf(url, sizeof url, "seqpacket:@pier-conn-%d", (int)getpid());
	CHECK_OK(pier_listen(url, &l));
	PIER_AUTO *c = pier_dial(url);
	CHECK_OK(pier_err(c));
	CHECK_OK(pier_accept(l, &server));
	static char big[40000];
	CHECK_EQ(pier_send(c, "one", 3), 3);
	CHECK_EQ(pier_send(c, "two", 3), 3);
	CHECK_EQ(pier_send(c, big, sizeof big), sizeof big);
	CHECK_BYTES(pier_next(server), "one");
	CHECK_BYTES(pier_next(server), "two");
	CHECK_EQ(pier_next(server).len, sizeof big);
	CHECK_OK(pier_finish(c));
	CHECK(!pier_next(server).p);
	CHECK_OK(pier_err(server));
	CHECK_EQ(pier_send(server, "answer", 6), 6);
	CHECK_BYTES(pier_next(c), "answer");
	pier_close(server);
	CHECK(!pier_next(c).p);
	CHECK_OK(pier_err(c));
	pier_listener_close(l);
}

/* ---- Pairs and adopted descriptors ------------------------------------------------------------------ */

ON_BOTH(a_pair_is_joined)
{
	pier_conn *p[2];
	CHECK_OK(pier_pair(p));
	CHECK_EQ(pier_send(p[0], "ping", 4), 4);
	CHECK_BYTES(pier_next(p[1]), "ping");
	CHECK_EQ(pier_send(p[1], "pong", 4), 4);
	CHECK_BYTES(pier_next(p[0]), "pong");
	CHECK_OK(pier_finish(p[0]));
	CHECK(!pier_next(p[1]).p);
	pier_abort(p[1]);
	pier_close(p[0]);
}

ON_BOTH(adopted_pipes_do_not_change_for_their_other_holders)
{
	int in[2], out[2], raw_in, raw_out;
	CHECK_EQ(pipe2(in, O_CLOEXEC), 0);
	CHECK_EQ(pipe2(out, O_CLOEXEC), 0);
	raw_in = dup(in[0]);
	raw_out = dup(out[1]);
	pier_conn *r = pier_adopt(in[0], &(pier_dial_opts){.frame = PIER_LINES});
	pier_conn *w = pier_adopt(out[1], NULL);
	struct feed f = {.fd = in[1], .p = "hello\n", .len = 6, .first = 1, .step = 1};
	feed(&f);
	CHECK_BYTES(pier_next(r), "hello");
	fed(&f);
	CHECK_EQ(pier_send(w, "hi", 2), 2);
	pier_set_timeouts(r, PIER_MS(10), 0);
	CHECK(!pier_next(r).p); /* does not block */
	CHECK_EQ(pier_err(r), -ETIMEDOUT);
	CHECK_EQ(fcntl(raw_in, F_GETFL) & O_NONBLOCK, 0);
	CHECK_EQ(fcntl(raw_out, F_GETFL) & O_NONBLOCK, 0);
	pier_close(r);
	pier_close(w);
	close(raw_in);
	close(raw_out);
	close(in[1]);
	close(out[0]);
}

ON_BOTH(a_pipe_without_reader_is_an_error_and_no_signal)
{
	int fds[2];
	CHECK_EQ(pipe2(fds, O_CLOEXEC), 0);
	PIER_AUTO *c = pier_adopt(fds[1], NULL);
	close(fds[0]);
	CHECK_EQ(pier_send(c, "x", 1), -EPIPE);
}

ON_BOTH(a_full_pipe_waits_for_its_reader)
{
	int fds[2];
	CHECK_EQ(pipe2(fds, O_CLOEXEC), 0);
	pier_conn *c = pier_adopt(fds[1], NULL);
	struct sink s = {.fd = fds[0], .delay_us = 20000};
	drain(&s, 1000000);
	char *much = calloc(1, 1000000);
	CHECK_EQ(pier_send(c, much, 1000000), 1000000);
	pier_close(c);
	drained(&s);
	CHECK_EQ(s.len, 1000000);
	free(s.got);
	free(much);
}

ON_BOTH(an_adopted_file_is_read_to_its_end)
{
	char path[32];
	int fd = file_of(40000, path);
	size_t sum = 0;
	lseek(fd, 0, SEEK_SET);
	PIER_AUTO *c = pier_adopt(fd, NULL);
	for (pier_bytes m; (m = pier_next(c)).p;)
		sum += m.len;
	CHECK_EQ(sum, 40000);
	CHECK_OK(pier_err(c));
	unlink(path);
}

ON_BOTH(an_adopted_socket_is_a_conn)
{
	int fds[2];
	CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	int keep = dup(fds[0]);
	pier_conn *c = pier_adopt(fds[0], NULL);
	put_text(fds[1], "hello");
	CHECK_BYTES(pier_next(c), "hello");
	pier_set_timeouts(c, PIER_MS(10), PIER_MS(50));
	CHECK(!pier_next(c).p);
	pier_clear(c);
	char *much = calloc(1, 10 << 20);
	CHECK_EQ(pier_send(c, much, 10 << 20), -ETIMEDOUT);
	CHECK_EQ(fcntl(keep, F_GETFL) & O_NONBLOCK, 0);
	free(much);
	pier_close(c);
	close(keep);
	close(fds[1]);
	CHECK_EQ(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds), 0);
	c = pier_adopt(fds[0], NULL);
	CHECK(pier_is_message(c));
	put_text(fds[1], "one");
	put_text(fds[1], "two");
	CHECK_BYTES(pier_next(c), "one");
	CHECK_BYTES(pier_next(c), "two");
	close(fds[1]);
	pier_close(c);
}

static void converse_with_terminal(int ours, int theirs)
{
	int keep = dup(ours);
	PIER_AUTO *c = pier_adopt(ours, NULL);
	CHECK_OK(pier_err(c));
	put_text(theirs, "hello\n");
	CHECK_BYTES(pier_next(c), "hello\n");
	char got[8] = "";
	CHECK_EQ(pier_send(c, "hi\n", 3), 3);
	CHECK_EQ(read(theirs, got, sizeof got), 3);
	CHECK_STR(got, "hi\n");
	pier_set_timeouts(c, PIER_MS(10), 0);
	CHECK(!pier_next(c).p);
	CHECK_EQ(pier_err(c), -ETIMEDOUT);
	CHECK_EQ(fcntl(keep, F_GETFL) & O_NONBLOCK, 0);
	close(keep);
}

static void open_terminal(int *master, int *slave)
{
	struct termios plain;
	CHECK_EQ(openpty(master, slave, NULL, NULL, NULL), 0);
	tcgetattr(*slave, &plain);
	cfmakeraw(&plain);
	tcsetattr(*slave, TCSANOW, &plain);
}

ON_BOTH(an_adopted_terminal_does_not_block)
{
	int master, slave;
	open_terminal(&master, &slave);
	converse_with_terminal(slave, master);
	close(master);
}

ON_BOTH(the_other_side_of_a_terminal_can_be_adopted)
{
	int master, slave;
	open_terminal(&master, &slave);
	converse_with_terminal(master, slave);
	close(slave);
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

/* ---- Listening by hand ----------------------------------------------------------------------------- */

ON_BOTH(a_listener_hands_out_conns)
{
	static const char *const urls[] = {"tcp://127.0.0.1:0", "tcp://[::1]:0", "tcp://:0"};
	for (int i = 0; i < 3; i++) {
		pier_listener *l;
		pier_addr at;
		pier_conn *server;
		char url[64];
		CHECK_OK(pier_listen(urls[i], &l, .frame = PIER_LINES));
		CHECK_OK(pier_listener_addr(l, &at));
		snprintf(url, sizeof url, "tcp://%s:%d", i == 1 ? "[::1]" : "127.0.0.1",
			 pier_addr_port(&at));
		PIER_AUTO *c = pier_dial(url);
		CHECK_OK(pier_err(c));
		CHECK_OK(pier_accept(l, &server));
		CHECK_OK(pier_printf(c, "hello\n"));
		CHECK_BYTES(pier_next(server), "hello");
		pier_abort(server);
		pier_listener *other;
		CHECK_EQ(pier_listen(url, &other), -EADDRINUSE);
		PIER_WITHIN (PIER_MS(10))
			CHECK_EQ(pier_accept(l, &server), -ETIMEDOUT);
		pier_listener_close(l);
	}
	pier_listener *l;
	CHECK_EQ(pier_listen("udp://127.0.0.1:0", &l), -EPROTOTYPE);
	CHECK_EQ(pier_listen("nonsense", &l), -PIER_EURL);
}

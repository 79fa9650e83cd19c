/* What is sent while more input waits to be read: held, and gone before the fiber waits. */
#include "raw_peer.h"

#include <sys/ioctl.h>

static int arrived(int fd)
{
	int n = -1;
	CHECK_OK(ioctl(fd, FIONREAD, &n));
	return n;
}

static void expect(int fd, const char *text)
{
	char got[256] = "";
	size_t len = strlen(text);
	CHECK(len < sizeof got);
	CHECK_EQ(recv(fd, got, len, MSG_WAITALL), len);
	CHECK(memcmp(got, text, len) == 0);
}

/* A conn that has read the first of two lines and holds an answer to it. */
static pier_conn *holding(int *raw)
{
	pier_conn *c = joined(raw, PIER_LINES, 0);
	put_text(*raw, "one\ntwo\n");
	CHECK_BYTES(pier_next(c), "one");
	CHECK_EQ(pier_send(c, "1", 1), 1);
	CHECK_EQ(arrived(*raw), 0);
	return c;
}

static uint64_t ops(void)
{
	pier_worker_stats s;
	CHECK_OK(pier_stats(0, &s));
	return s.ops;
}

ON_FIBER(answers_to_what_arrived_together_leave_by_one_call)
{
	int raw;
	PIER_AUTO *c = joined(&raw, PIER_LINES, 0);
	put_text(raw, "a\nb\nc\nd\ne\nf\ng\nh\ni\nj\nk\nl\nm\nn\no\np\n");
	pier_bytes line = pier_next(c);
	uint64_t before = ops();
	for (int i = 0; i < 15; i++, line = pier_next(c)) {
		CHECK_EQ(pier_send(c, line.p, line.len), 1);
		CHECK_EQ(arrived(raw), 0);
	}
	CHECK_EQ(pier_send(c, line.p, line.len), 1); /* the last, and nothing waits to be read */
	CHECK_EQ(arrived(raw), 32);
	CHECK_EQ(ops() - before, 1);
	expect(raw, "a\nb\nc\nd\ne\nf\ng\nh\ni\nj\nk\nl\nm\nn\no\np\n");
	close(raw);
}

ON_FIBER(the_answer_to_a_lone_message_leaves_at_once)
{
	int raw;
	PIER_AUTO *c = joined(&raw, PIER_LINES, 0);
	put_text(raw, "one\n");
	CHECK_BYTES(pier_next(c), "one");
	CHECK_EQ(pier_send(c, "1", 1), 1);
	CHECK_EQ(arrived(raw), 2);
	close(raw);
}

TEST(outside_of_fibers_nothing_is_held)
{
	int raw;
	PIER_AUTO *c = joined(&raw, PIER_LINES, 0);
	put_text(raw, "one\ntwo\n");
	CHECK_BYTES(pier_next(c), "one");
	CHECK_EQ(pier_send(c, "1", 1), 1);
	CHECK_EQ(arrived(raw), 2);
	close(raw);
}

/* ---- Before every wait ---------------------------------------------------------------------------- */

static int64_t nothing(void *arg)
{
	(void)arg;
	return 0;
}

static int nap(void *arg)
{
	(void)arg;
	return pier_sleep(PIER_MS(1));
}

static void wait_for_time(void)
{
	CHECK_OK(pier_sleep(PIER_MS(1)));
}

static void wait_for_work(void)
{
	CHECK_OK((int)pier_offload(nothing, NULL));
}

static void wait_for_a_group(void)
{
	pier_group g = PIER_GROUP;
	CHECK_OK(pier_go(&g, nap, NULL));
	CHECK_OK(pier_group_wait(&g));
}

static void wait_for_another_worker(void)
{
	CHECK_OK(pier_call(1, nap, NULL));
}

static void wait_for_its_turn(void)
{
	CHECK_OK(pier_yield());
}

ON_FIBER(what_is_held_leaves_before_the_fiber_waits_for_anything)
{
	void (*const waits[])(void) = {wait_for_time, wait_for_work, wait_for_a_group,
				       wait_for_another_worker, wait_for_its_turn};
	for (size_t i = 0; i < sizeof waits / sizeof *waits; i++) {
		int raw;
		PIER_AUTO *c = holding(&raw);
		waits[i]();
		CHECK_EQ(arrived(raw), 2);
		CHECK_BYTES(pier_next(c), "two");
		CHECK_EQ(pier_send(c, "2", 1), 1);
		expect(raw, "1\n2\n");
		close(raw);
	}
}

static int end_the_line(void *arg)
{
	int raw = *(int *)arg;
	CHECK_EQ(arrived(raw), 2);
	put_text(raw, "o\n");
	return 0;
}

ON_FIBER(what_is_held_leaves_when_half_a_message_is_waited_for)
{
	int raw;
	PIER_AUTO *c = joined(&raw, PIER_LINES, 0);
	put_text(raw, "one\ntw");
	CHECK_BYTES(pier_next(c), "one");
	CHECK_EQ(pier_send(c, "1", 1), 1);
	CHECK_EQ(arrived(raw), 0);
	pier_group g = PIER_GROUP;
	CHECK_OK(pier_go(&g, end_the_line, &raw));
	CHECK_BYTES(pier_next(c), "two");
	CHECK_OK(pier_group_wait(&g));
	close(raw);
}

static int answer_and_end(void *arg)
{
	CHECK_BYTES(pier_next(arg), "one");
	CHECK_EQ(pier_send(arg, "1", 1), 1);
	return 0;
}

ON_FIBER(what_is_held_leaves_when_the_fiber_ends)
{
	int raw;
	PIER_AUTO *c = joined(&raw, PIER_LINES, 0);
	pier_group g = PIER_GROUP;
	put_text(raw, "one\ntwo\n");
	CHECK_OK(pier_go(&g, answer_and_end, c));
	CHECK_OK(pier_group_wait(&g));
	CHECK_EQ(arrived(raw), 2);
	close(raw);
}

/* ---- In order ------------------------------------------------------------------------------------- */

ON_FIBER(a_message_too_large_to_be_held_goes_with_what_is)
{
	int raw;
	static char big[20000], got[20003];
	PIER_AUTO *c = holding(&raw);
	uint64_t before = ops();
	memset(big, 'x', sizeof big);
	CHECK_EQ(pier_send(c, big, sizeof big), sizeof big);
	CHECK_EQ(ops() - before, 1);
	CHECK_EQ(recv(raw, got, sizeof got, MSG_WAITALL), sizeof got);
	CHECK(memcmp(got, "1\nxx", 4) == 0);
	close(raw);
}

ON_FIBER(a_file_and_the_end_come_after_what_is_held)
{
	char path[32], line[8];
	int raw, fd = file_of(5, path);
	PIER_AUTO *c = joined(&raw, PIER_RAW, 0);
	put_text(raw, "one\ntwo\nthree\n");
	CHECK(pier_gets(c, line, sizeof line) > 0);
	CHECK_EQ(pier_send(c, "1", 1), 1);
	CHECK_EQ(arrived(raw), 0);
	CHECK_EQ(pier_sendfile_fd(c, fd, 0, 5), 5);
	CHECK(pier_gets(c, line, sizeof line) > 0);
	CHECK_EQ(pier_send(c, "2", 1), 1);
	CHECK_OK(pier_finish(c));
	expect(raw, "1abcde2");
	CHECK_EQ(recv(raw, line, 1, 0), 0);
	close(raw);
	close(fd);
	unlink(path);
}

ON_FIBER(closing_sends_what_is_held)
{
	int raw;
	pier_conn *c = holding(&raw);
	struct sink s = {.fd = raw};
	drain(&s, 100);
	pier_close(c);
	drained(&s);
	CHECK_EQ(s.err, 0);
	CHECK_BYTES(pier_bytes_of(s.got, s.len), "1\n");
	free(s.got);
}

ON_FIBER(after_the_peers_end_closing_sends_it_too)
{
	int raw;
	pier_conn *c = joined(&raw, PIER_LINES, 0);
	put_text(raw, "one\ntwo");
	CHECK_OK(shutdown(raw, SHUT_WR));
	CHECK_BYTES(pier_next(c), "one");
	CHECK_EQ(pier_send(c, "1", 1), 1);
	CHECK_BYTES(pier_next(c), "two"); /* it has seen the end */
	pier_close(c);
	expect(raw, "1\n");
	close(raw);
}

ON_FIBER(a_topics_line_comes_after_what_was_held_before_it)
{
	int raw;
	pier_topic *room = pier_topic_new(.backlog = 4);
	PIER_AUTO *c = holding(&raw);
	CHECK_OK(pier_topic_add(room, c));
	pier_say(room, NULL, pier_text("news"));
	CHECK_OK(pier_sleep(PIER_MS(5)));
	expect(raw, "1\nnews\n");
	pier_topic_remove(room, c);
	pier_topic_free(room);
	close(raw);
}

static int answer_elsewhere(pier_conn *c, void *arg)
{
	(void)arg;
	CHECK_BYTES(pier_next(c), "two");
	CHECK_EQ(pier_send(c, "2", 1), 1);
	CHECK_BYTES(pier_next(c), "three");
	CHECK_EQ(pier_send(c, "3", 1), 1);
	return 0;
}

ON_FIBER(a_conn_that_is_passed_leaves_nothing_behind)
{
	int raw;
	PIER_AUTO *c = holding(&raw);
	put_text(raw, "three\nfour\n");
	CHECK_OK(pier_pass(c, 1, answer_elsewhere, NULL));
	CHECK_BYTES(pier_next(c), "four");
	CHECK_EQ(pier_send(c, "4", 1), 1);
	expect(raw, "1\n2\n3\n4\n");
	close(raw);
}

/* ---- Peers that do not read, or are gone ------------------------------------------------------------ */

#define LINE_LEN 4000
#define ALL	 (3 * (LINE_LEN + 1) + 5) /* and a last line */

/* A conn whose socket takes less than what it holds: three lines of LINE_LEN letters. */
static pier_conn *stuffed(int *raw)
{
	int fds[2], little = 1;
	char text[LINE_LEN];
	CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	setsockopt(fds[0], SOL_SOCKET, SO_SNDBUF, &little, sizeof little);
	pier_conn *c = pier_adopt(fds[0], &(pier_dial_opts){.frame = PIER_LINES});
	*raw = fds[1];
	put_text(*raw, "one\ntwo\n");
	CHECK_BYTES(pier_next(c), "one");
	for (int i = 0; i < 3; i++) {
		memset(text, 'a' + i, sizeof text);
		CHECK_EQ(pier_send(c, text, sizeof text), LINE_LEN);
	}
	CHECK_EQ(arrived(*raw), 0);
	return c;
}

static int say_last(void *arg)
{
	CHECK_EQ(pier_send(arg, "last", 4), 4);
	return 0;
}

ON_FIBER(what_a_slow_peer_has_no_room_for_follows_whole_and_in_turn)
{
	int raw;
	PIER_AUTO *c = stuffed(&raw);
	pier_group g = PIER_GROUP;
	CHECK_OK(pier_go(&g, say_last, c));
	CHECK_OK(pier_sleep(PIER_MS(5))); /* the fiber is not held up */
	int some = arrived(raw);
	CHECK(some > 0 && some < 3 * (LINE_LEN + 1));
	struct sink s = {.fd = raw};
	drain(&s, ALL);
	CHECK_OK(pier_group_wait(&g));
	drained(&s);
	CHECK_EQ(s.len, ALL);
	for (int i = 0; i < 3; i++) {
		const char *line = s.got + i * (LINE_LEN + 1);
		for (int k = 0; k < LINE_LEN; k++)
			CHECK_EQ(line[k], 'a' + i);
		CHECK_EQ(line[LINE_LEN], '\n');
	}
	CHECK(memcmp(s.got + ALL - 5, "last\n", 5) == 0);
	free(s.got);
}

ON_FIBER(closing_waits_for_what_is_under_way)
{
	int raw;
	pier_conn *c = stuffed(&raw);
	struct sink s = {.fd = raw, .delay_us = 20000};
	drain(&s, 3 * (LINE_LEN + 1) + 1);
	CHECK_OK(pier_sleep(PIER_MS(1)));
	pier_close(c);
	drained(&s);
	CHECK_EQ(s.len, 3 * (LINE_LEN + 1));
	free(s.got);
}

ON_FIBER(aborting_does_not_wait_for_the_peer)
{
	int raw, other;
	pier_conn *c = stuffed(&raw), *d = stuffed(&other);
	int64_t start = pier_now();
	CHECK_OK(pier_yield());
	pier_abort(c);
	pier_abort(d);
	CHECK_OK(pier_sleep(PIER_MS(1)));
	CHECK(pier_now() - start < PIER_S(1));
	close(raw);
	close(other);
}

ON_FIBER(that_held_bytes_could_not_be_sent_is_told_by_the_next_call)
{
	int raw;
	PIER_AUTO *c = joined(&raw, PIER_LINES, 0);
	put_text(raw, "one\ntwo\n");
	CHECK_BYTES(pier_next(c), "one");
	pier_abort(pier_adopt(raw, NULL));
	CHECK_EQ(pier_send(c, "1", 1), 1);
	CHECK_OK(pier_yield());
	CHECK(pier_is_disconnect(pier_err(c)));
	CHECK_EQ(pier_send(c, "2", 1), pier_err(c));
	CHECK(!pier_next(c).p);
}

struct doomed {
	pier_conn *c;
	pier_group *g;
};

static int answer_cancelled(void *arg)
{
	struct doomed *d = arg;
	CHECK_BYTES(pier_next(d->c), "one");
	CHECK_EQ(pier_send(d->c, "1", 1), 1);
	pier_group_cancel(d->g);
	CHECK_EQ(pier_send(d->c, "2", 1), -ECANCELED);
	return 0;
}

ON_FIBER(a_cancelled_fiber_sends_no_more_and_what_it_held_is_sent)
{
	int raw;
	PIER_AUTO *c = joined(&raw, PIER_LINES, 0);
	pier_group g = PIER_GROUP;
	put_text(raw, "one\ntwo\nthree\n");
	CHECK_OK(pier_go(&g, answer_cancelled, &(struct doomed){c, &g}));
	CHECK_OK(pier_group_wait(&g));
	expect(raw, "1\n");
	close(raw);
}

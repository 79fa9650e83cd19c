/* Messages in frames come out as they went in, wherever the stream was cut on its way. */
#include "test.h"

#include <errno.h>
#include <pier.h>
#include <string.h>

#define MESSAGES     12
#define MESSAGE_MOST 70000

static void echo(pier_conn *c, void *arg)
{
	(void)arg;
	for (pier_bytes b; (b = pier_next(c)).p;)
		pier_send(c, b.p, b.len);
}

static void echo_once(pier_conn *c, void *arg)
{
	pier_bytes b = pier_next(c);
	(void)arg;
	if (b.p)
		pier_send(c, b.p, b.len);
}

static pier_frame frame;
static bool per_message;

static int server(void)
{
	return pier_serve("tcp://:7000", per_message ? echo_once : echo, .frame = frame,
			  .per_message = per_message, .quiet = true);
}

/* ---- What is sent --------------------------------------------------------------------------------- */

struct talk {
	pier_sim *sim;
	pier_conn *conn;
	size_t lens[MESSAGES];
};

static char nth(size_t message, size_t at)
{
	return (char)('a' + (message * 5 + at * 3) % 26);
}

/* The lengths where heads, buffers and their doubles end are as likely as all others. */
static size_t any_len(pier_sim *s)
{
	static const size_t edges[] = {0, 1, 255, 256, 4095, 4096, 16383, 16384, 32768, 65535};
	size_t near = edges[pier_sim_chance(s, sizeof edges / sizeof *edges)];
	switch (pier_sim_chance(s, 4)) {
	case 0:
		return pier_sim_chance(s, 200);
	case 1:
		return pier_sim_chance(s, 20000);
	case 2:
		return near;
	default:
		near += pier_sim_chance(s, 8);
		return near < 4 ? near : near - 4 > 65535 ? 65535 : near - 4;
	}
}

static void fill(char *at, size_t message, size_t len)
{
	for (size_t i = 0; i < len; i++)
		at[i] = nth(message, i);
}

static int say(void *arg)
{
	struct talk *t = arg;
	char text[MESSAGE_MOST];
	for (size_t i = 0; i < MESSAGES; i++) {
		fill(text, i, t->lens[i]);
		CHECK_EQ(pier_send(t->conn, text, t->lens[i]), t->lens[i]);
		if (pier_sim_chance(t->sim, 4) == 0)
			pier_sleep((int64_t)pier_sim_chance(t->sim, PIER_MS(50)));
	}
	CHECK_OK(pier_finish(t->conn));
	return 0;
}

static void hear(struct talk *t)
{
	for (size_t i = 0; i < MESSAGES; i++) {
		if (pier_sim_chance(t->sim, 3) == 0)
			CHECK_EQ(pier_poll(t->conn, PIER_FOREVER), 1);
		pier_bytes b = pier_next(t->conn);
		CHECK_OK(pier_err(t->conn));
		CHECK(b.p != NULL);
		CHECK_EQ(b.len, t->lens[i]);
		for (size_t k = 0; k < b.len; k++)
			CHECK_EQ(b.p[k], nth(i, k));
	}
	CHECK(pier_next(t->conn).p == NULL);
	CHECK_OK(pier_err(t->conn));
}

static int talk(void *arg)
{
	struct talk t = {.sim = arg};
	PIER_AUTO_GROUP speaker = PIER_GROUP;
	t.conn = pier_dial("tcp://srv:7000", .frame = frame);
	CHECK_OK(pier_err(t.conn));
	for (size_t i = 0; i < MESSAGES; i++)
		t.lens[i] = any_len(t.sim);
	CHECK_OK(pier_go(&speaker, say, &t));
	hear(&t);
	CHECK_OK(pier_group_wait(&speaker));
	pier_close(t.conn);
	return 0;
}

static int talk_in_frames(pier_sim *s)
{
	PIER_AUTO_GROUP all = PIER_GROUP;
	frame = (pier_frame)(PIER_LINES + pier_sim_chance(s, 3));
	per_message = pier_sim_chance(s, 2);
	CHECK_OK(pier_sim_node(s, "srv", server));
	CHECK_OK(pier_go(&all, talk, s));
	CHECK_OK(pier_go(&all, talk, s));
	return pier_group_wait(&all);
}

TEST_WITHIN(100, a_message_comes_out_of_its_frame_as_it_went_in)
{
	CHECK_EQ(pier_sim_run(talk_in_frames, .seeds = 300, .loss = 0.1, .delay = PIER_MS(20)), 0);
}

/* ---- Lines of every kind --------------------------------------------------------------------------- */

#define LINES 30

/* What a person types, or a Windows: LF or CR LF, and no end at the last. */
static int type(void *arg)
{
	struct talk *t = arg;
	char text[300];
	for (size_t i = 0; i < LINES; i++) {
		size_t len = (i * 37) % 250, end = 0;
		fill(text, i, len);
		if (i % 3 == 0)
			text[len + end++] = '\r';
		if (i < LINES - 1)
			text[len + end++] = '\n';
		CHECK_EQ(pier_send(t->conn, text, len + end), len + end);
	}
	CHECK_OK(pier_finish(t->conn));
	return 0;
}

static void check_line(const char *line, size_t len, size_t i)
{
	CHECK_EQ(len, (i * 37) % 250);
	for (size_t k = 0; k < len; k++)
		CHECK_EQ(line[k], nth(i, k));
}

static int read_lines(pier_sim *s)
{
	pier_conn *two[2];
	PIER_AUTO_GROUP typist = PIER_GROUP;
	char line[260];
	CHECK_OK(pier_pair(two));
	PIER_AUTO *in = two[0], *out = two[1];
	CHECK_OK(pier_go(&typist, type, &(struct talk){.sim = s, .conn = out}));
	for (size_t i = 0; i < LINES; i++) {
		CHECK(pier_gets(in, line, sizeof line) > 0);
		check_line(line, strlen(line), i);
	}
	CHECK_EQ(pier_gets(in, line, sizeof line), 0);
	return pier_group_wait(&typist);
}

TEST_WITHIN(60, a_line_is_whole_wherever_its_end_was_cut)
{
	CHECK_EQ(pier_sim_run(read_lines, .seeds = 500), 0);
}

/* ---- Lies ------------------------------------------------------------------------------------------ */

static pier_conn *liar(pier_sim *s, const char *bytes, size_t len)
{
	pier_conn *c = pier_dial("tcp://srv:7000");
	for (size_t at = 0; at < len; at++) {
		pier_send(c, bytes + at, 1);
		if (pier_sim_chance(s, 2))
			pier_sleep(PIER_MS(1));
	}
	return c;
}

/* A length above the maximum, and half a message: the conn ends, the server goes on. */
static int lie(pier_sim *s)
{
	char got[8];
	frame = PIER_LEN32;
	per_message = pier_sim_chance(s, 2);
	CHECK_OK(pier_sim_node(s, "srv", server));
	PIER_AUTO *too_much = liar(s, "\377\377\377\377", 4);
	CHECK(pier_recv(too_much, got, sizeof got) <= 0);
	PIER_AUTO *half = liar(s, "\0\0\0\4hi", 6);
	CHECK_OK(pier_finish(half));
	CHECK(pier_recv(half, got, sizeof got) <= 0);
	PIER_AUTO *honest = liar(s, "\0\0\0\2hi", 6);
	CHECK_EQ(pier_recv_all(honest, got, 6), 6);
	return pier_sim_check(s, !memcmp(got, "\0\0\0\2hi", 6));
}

TEST_WITHIN(60, who_lies_about_a_length_is_let_go)
{
	CHECK_EQ(pier_sim_run(lie, .seeds = 200, .delay = PIER_MS(20)), 0);
}

/* A stream under TLS is a stream like any other: what pier.h promises of conns holds. */
#include "tls_world.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- Bytes ----------------------------------------------------------------------------------------- */

#define BULK (8u << 20)

struct bulk {
	pier_conn *c;
	unsigned seed;
	int rekeys;
};

static unsigned char byte_at(unsigned seed, size_t i)
{
	return (unsigned char)((i * 2654435761u + seed) >> 13);
}

static int send_bulk(void *arg)
{
	struct bulk *b = arg;
	static const size_t sizes[] = {1, 100, 16384, 16385, 65536, 200000};
	char *at = malloc(200000);
	for (size_t sent = 0, i = 0; sent < BULK; i++) {
		size_t n = sizes[i % 6] < BULK - sent ? sizes[i % 6] : BULK - sent;
		for (size_t k = 0; k < n; k++)
			at[k] = (char)byte_at(b->seed, sent + k);
		CHECK_EQ(pier_send(b->c, at, n), (ssize_t)n);
		sent += n;
		if (b->rekeys && i % 16 == 0)
			CHECK_OK(pier_tls_rekey(b->c, i % 32 == 0));
	}
	free(at);
	return pier_finish(b->c);
}

static int receive_bulk(void *arg)
{
	struct bulk *b = arg;
	size_t got = 0;
	for (pier_bytes m; (m = pier_next(b->c)).p; got += m.len)
		for (size_t k = 0; k < m.len; k++)
			CHECK_EQ((unsigned char)m.p[k], byte_at(b->seed, got + k));
	CHECK_STR(pier_why(b->c), "");
	CHECK_EQ(got, BULK);
	return 0;
}

static void both_ways(int rekeys)
{
	A_WORLD w = make_world();
	struct two t = two_of(&w);
	struct bulk there = {t.client, 1, rekeys}, to = {t.server, 1, 0};
	struct bulk back = {t.server, 2, rekeys}, from = {t.client, 2, 0};
	pier_group g = PIER_GROUP;

	CHECK_OK(pier_go(&g, send_bulk, &there));
	CHECK_OK(pier_go(&g, send_bulk, &back));
	CHECK_OK(pier_go(&g, receive_bulk, &to));
	CHECK_OK(pier_go(&g, receive_bulk, &from));
	CHECK_OK(pier_group_wait(&g));
	close_two(&t);
}

ON_FIBER_WITHIN(60, both_ways_at_once_everything_arrives_in_order)
{
	both_ways(0);
}

ON_FIBER_WITHIN(60, keys_are_renewed_on_the_way_by_both)
{
	both_ways(1);
}

static int shout(void *c)
{
	static char word[1 << 20];
	return pier_send(c, word, sizeof word) == sizeof word ? 0 : -EIO;
}

ON_FIBER(several_writers_each_get_their_turn_and_a_reader_is_not_held_up)
{
	A_WORLD w = make_world();
	struct two t = two_of(&w);
	pier_group g = PIER_GROUP;
	size_t got = 0;

	for (int i = 0; i < 3; i++)
		CHECK_OK(pier_go(&g, shout, t.client));
	pier_sleep(PIER_MS(5));		 /* nobody reads: the writers wait by now */
	say(t.server, t.client, "hear"); /* and yet it comes through */
	while (got < 3u << 20)
		got += pier_next(t.server).len;
	CHECK_EQ(got, 3u << 20);
	CHECK_OK(pier_group_wait(&g));
	close_two(&t);
}

ON_FIBER(frames_and_lines_are_cut_as_ever)
{
	A_WORLD w = make_world();
	struct two t = two_of(&w);
	pier_set_frame(t.client, PIER_LEN32, 0);
	pier_set_frame(t.server, PIER_LEN32, 0);
	for (size_t len = 0; len < 100000; len = len * 3 + 1) {
		char *at = calloc(1, len + 1);
		CHECK_OK(pier_send(t.client, at, len));
		CHECK_EQ(pier_next(t.server).len, len);
		free(at);
	}
	pier_set_frame(t.client, PIER_LINES, 0);
	pier_set_frame(t.server, PIER_LINES, 0);
	CHECK_OK(pier_send(t.server, "one", 3));
	CHECK_OK(pier_printf(t.server, "two %d", 2));
	CHECK_BYTES(pier_next(t.client), "one");
	CHECK_BYTES(pier_next(t.client), "two 2");
	close_two(&t);
}

ON_FIBER(a_file_is_sent)
{
	A_WORLD w = make_world();
	struct two t = two_of(&w);
	char path[] = "/tmp/pier-tls-XXXXXX", got[5000];
	int fd = mkstemp(path);
	for (int i = 0; i < 500; i++)
		CHECK_EQ(dprintf(fd, "line %04d\n", i), 10);
	CHECK_EQ(pier_sendfile(t.server, path, 10, -1), 4990);
	CHECK_EQ(pier_recv_all(t.client, got, 4990), 4990);
	CHECK(memcmp(got, "line 0001\n", 10) == 0 && memcmp(got + 4980, "line 0499\n", 10) == 0);
	close(fd);
	unlink(path);
	close_two(&t);
}

/* ---- Waiting --------------------------------------------------------------------------------------- */

ON_FIBER(a_time_out_to_receive_passes_and_nothing_is_lost)
{
	A_WORLD w = make_world();
	struct two t = two_of(&w);
	say(t.server, t.client, "tickets come along");
	pier_set_timeouts(t.client, PIER_MS(5), 0);
	CHECK(!pier_next(t.client).p);
	CHECK_EQ(pier_err(t.client), -ETIMEDOUT);
	pier_clear(t.client);
	CHECK_EQ(pier_poll(t.client, PIER_MS(5)), 0);
	CHECK_OK(pier_send(t.server, "ab", 2));
	CHECK_EQ(pier_poll(t.client, PIER_S(5)), 1);
	CHECK_EQ(pier_poll(t.client, 0), 1);
	CHECK_BYTES(pier_next(t.client), "ab");
	CHECK_EQ(pier_poll(t.client, 0), 0);
	close_two(&t);
}

ON_FIBER(a_time_out_inside_a_record_is_final)
{
	A_WORLD w = make_world();
	struct two t = two_of(&w);
	static char much[16 << 20];
	PIER_WITHIN (PIER_MS(20))
		CHECK_EQ(pier_send(t.client, much, sizeof much), -ETIMEDOUT);
	pier_clear(t.client);
	CHECK_EQ(pier_err(t.client), -ETIMEDOUT);
	pier_abort(t.client);
	t.client = NULL;
	while (pier_next(t.server).p)
		;
	CHECK(pier_is_disconnect(pier_err(t.server)));
	close_two(&t);
}

/* ---- Ending ---------------------------------------------------------------------------------------- */

ON_FIBER(each_side_may_finish_first_and_the_other_goes_on)
{
	A_WORLD w = make_world();
	for (int i = 0; i < 2; i++) {
		struct two t = two_of(&w);
		pier_conn *first = i ? t.server : t.client, *other = i ? t.client : t.server;
		CHECK_OK(pier_send(first, "last words", 10));
		CHECK_OK(pier_finish(first));
		CHECK_BYTES(pier_next(other), "last words");
		CHECK(!pier_next(other).p);
		CHECK_STR(pier_why(other), "");
		say(other, first, "and yet");
		CHECK_EQ(pier_send(first, "x", 1), -EPIPE);
		close_two(&t);
	}
}

ON_FIBER(who_closes_after_the_peer_has_finished_says_so_too)
{
	A_WORLD w = make_world();
	struct two t = two_of(&w);
	CHECK_OK(pier_finish(t.client));
	CHECK(!pier_next(t.server).p);
	pier_close(t.server);
	t.server = NULL;
	CHECK(!pier_next(t.client).p);
	CHECK_STR(pier_why(t.client), ""); /* not cut: it was said */
	close_two(&t);
}

ON_FIBER(an_end_that_nobody_announced_is_told)
{
	A_WORLD w = make_world();
	for (int i = 0; i < 2; i++) {
		struct two t = two_of(&w);
		pier_conn *cut = i ? t.server : t.client, *other = i ? t.client : t.server;
		say(cut, other, "the first half of");
		shutdown(pier_fileno(cut), SHUT_WR); /* as whoever sits between can */
		CHECK(!pier_next(other).p);
		check_why(other, -PIER_ETRUNCATED,
			  "receive from pair: it ended without close_notify");
		pier_abort(i ? t.server : t.client);
		pier_close(other);
	}
}

ON_FIBER(a_peer_that_goes_inside_the_handshake_is_told)
{
	A_WORLD w = make_world();
	pier_conn *p[2];
	CHECK_OK(pier_pair(p));
	shutdown(pier_fileno(p[0]), SHUT_WR);
	CHECK_EQ(pier_tls_start(p[1], w.server, PIER_TLS_SERVER, NULL), -PIER_ETRUNCATED);
	check_why(p[1], -PIER_ETRUNCATED, "it ended inside the handshake");
	pier_abort(p[0]);
	pier_close(p[1]);
}

ON_FIBER(what_was_changed_on_the_way_is_refused)
{
	A_WORLD w = make_world();
	struct two t = two_of(&w);
	static const char record[] = "\x17\x03\x03\x00\x20 0123456789 0123456789 0123456789";
	CHECK_EQ(write(pier_fileno(t.client), record, sizeof record - 1), sizeof record - 1);
	CHECK(!pier_next(t.server).p);
	check_why(t.server, -PIER_ETLS, "bad record mac");
	CHECK(!pier_next(t.client).p);
	check_why(t.client, -PIER_ETLS, "the peer refused: bad record mac");
	close_two(&t);
}

/* ---- Agreeing -------------------------------------------------------------------------------------- */

ON_FIBER(a_protocol_is_agreed_on_or_the_handshake_ends)
{
	static const struct {
		const char *client, *server, *chosen;
	} all[] = {{"h2,http/1.1", "http/1.1,h2", "http/1.1"}, /* the server chooses */
		   {"h2", "h2", "h2"},
		   {NULL, "h2", ""},
		   {"h2", NULL, ""},
		   {"h2", "irc", NULL}};
	A_WORLD w = make_world();
	for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
		PIER_AUTO_TLS *client = pier_tls_new(.ca = w.cert.pem, .alpn = all[i].client);
		PIER_AUTO_TLS *server = pier_tls_new(.cert = w.cert.pem, .alpn = all[i].server);
		struct two t = start_two(client, server, "a.example");
		pier_tls_facts f;
		if (all[i].chosen) {
			CHECK_OK(pier_tls_about(t.client, &f));
			CHECK_STR(f.alpn, all[i].chosen);
			CHECK_OK(pier_tls_about(t.server, &f));
			CHECK_STR(f.alpn, all[i].chosen);
		} else {
			check_why(t.server, -PIER_ETLS, "no common protocol (ALPN)");
			check_why(t.client, -PIER_ETLS, "refused: no application protocol");
		}
		close_two(&t);
	}
}

ON_FIBER(the_name_chooses_the_certificate)
{
	A_CERT ca = make_authority("Ours");
	A_CERT a = CERT(.subject = "a", .names = "DNS:a.example", .issuer = &ca);
	A_CERT b = CERT(.subject = "b", .names = "DNS:b.example,DNS:*.b.example", .issuer = &ca,
			.rsa = 2048);
	PIER_AUTO_TLS *client = pier_tls_new(.ca = ca.pem);
	PIER_AUTO_TLS *server =
		pier_tls_new(.cert = a.pem,
			     .certs = (pier_tls_cert[]){{b.pem, NULL}, {NULL, NULL}});
	const char *ask[] = {"a.example", "b.example", "x.b.example"},
		   *get[] = {"CN=a", "CN=b", "CN=b"};
	pier_tls_facts f;
	for (int i = 0; i < 3; i++) {
		struct two t = start_two(client, server, ask[i]);
		talk(&t);
		CHECK_OK(pier_tls_about(t.client, &f));
		CHECK_STR(f.peer, get[i]);
		close_two(&t);
	}
	struct two t = start_two(client, server, "c.example");
	check_why(t.client, -PIER_EVERIFY, "certificate is for a.example"); /* the first */
	close_two(&t);
}

ON_FIBER(the_least_version_is_kept_to)
{
	A_WORLD w = make_world();
	PIER_AUTO_TLS *strict = pier_tls_new(.ca = w.cert.pem, .min = PIER_TLS_1_3);
	struct two t = start_two(strict, w.server, "a.example");
	talk(&t);
	close_two(&t);
}

ON_FIBER(keys_of_a_conn_are_logged_where_that_is_asked_for)
{
	A_WORLD w = make_world();
	char path[] = "/tmp/pier-tls-XXXXXX", text[4096] = "";
	int fd = mkstemp(path);
	setenv("SSLKEYLOGFILE", path, 1); /* alone it does nothing */
	struct two t = two_of(&w);
	talk(&t);
	CHECK_EQ(pread(fd, text, sizeof text - 1, 0), 0);
	close_two(&t);

	PIER_AUTO_TLS *client = pier_tls_new(.ca = w.cert.pem, .keylog = path);
	t = start_two(client, w.server, "a.example");
	talk(&t);
	CHECK(pread(fd, text, sizeof text - 1, 0) > 0);
	CHECK(strstr(text, "CLIENT_TRAFFIC_SECRET_0 "));
	close_two(&t);
	close(fd);
	unlink(path);

	struct stat info;
	PIER_AUTO_TLS *other = pier_tls_new(.keylog = path);
	CHECK_OK(pier_tls_err(other));
	CHECK_EQ(stat(path, &info), 0);
	CHECK_EQ(info.st_mode & 0777, 0600); /* who has it can read everything */
	unlink(path);
}

/* ---- Starting later -------------------------------------------------------------------------------- */

static int upgrade(void *arg)
{
	struct two *t = arg;
	char line[32];
	CHECK_OK(pier_gets(t->server, line, sizeof line));
	CHECK_STR(line, "STARTTLS");
	CHECK_OK(pier_printf(t->server, "go ahead\n"));
	return run_server_side(arg);
}

ON_FIBER(an_open_conversation_goes_over_to_tls)
{
	A_WORLD w = make_world();
	struct two t = {.of_server = w.server};
	pier_group g = PIER_GROUP;
	pier_conn *p[2];
	char line[32];

	CHECK_OK(pier_pair(p));
	t.client = p[0];
	t.server = p[1];
	CHECK_OK(pier_go(&g, upgrade, &t));
	CHECK_OK(pier_printf(t.client, "STARTTLS\n"));
	CHECK_OK(pier_gets(t.client, line, sizeof line));
	CHECK_OK(pier_tls_start(t.client, w.client, PIER_TLS_CLIENT, "a.example"));
	CHECK_OK(pier_group_wait(&g));
	talk(&t);
	CHECK_EQ(pier_tls_about(t.client, &(pier_tls_facts){0}), 0);
	CHECK_EQ(pier_tls_start(t.client, w.client, PIER_TLS_CLIENT, "a.example"), -EPROTOTYPE);
	pier_abort(t.client);
	pier_close(t.server);
}

ON_FIBER(plain_text_slipped_in_before_tls_is_refused)
{
	A_WORLD w = make_world();
	pier_conn *p[2];
	char line[32];
	CHECK_OK(pier_pair(p));
	CHECK_OK(pier_printf(p[0], "STARTTLS\nMAIL FROM:<eve@example>\n"));
	CHECK_OK(pier_gets(p[1], line, sizeof line));
	CHECK_EQ(pier_tls_start(p[1], w.server, PIER_TLS_SERVER, NULL), -EPROTO);
	check_why(p[1], -EPROTO, "plain text that was not read before TLS");
	pier_abort(p[0]);
	pier_close(p[1]);
}

ON_FIBER(messages_have_no_tls)
{
	A_WORLD w = make_world();
	PIER_AUTO *c = pier_dial("udp://127.0.0.1:9");
	CHECK_EQ(pier_tls_start(c, w.client, PIER_TLS_CLIENT, "a.example"), -EPROTOTYPE);
	CHECK_EQ(pier_tls_start(NULL, NULL, PIER_TLS_CLIENT, "a.example"), -ENOMEM);
	PIER_AUTO *plain = pier_dial("udp://127.0.0.1:9");
	CHECK_EQ(pier_tls_about(plain, &(pier_tls_facts){0}), -ENOTCONN);
	CHECK_STR(pier_tls_words(plain), "");
}

/* ---- Elsewhere ------------------------------------------------------------------------------------- */

static int answer(pier_conn *c, void *arg)
{
	char got[5];
	(void)arg;
	CHECK_EQ(pier_recv_all(c, got, 5), 5);
	CHECK_OK(pier_printf(c, "on worker %d", pier_worker_id()));
	return 0;
}

static int say_hello(void *c)
{
	return pier_send(c, "hello", 5) < 0 ? -EIO : 0;
}

ON_FIBER(a_conn_under_tls_is_passed_to_another_worker)
{
	A_WORLD w = make_world();
	struct two t = two_of(&w);
	pier_group g = PIER_GROUP;
	char text[32], want[32];
	for (unsigned i = 0; i < 3; i++) {
		CHECK_OK(pier_go(&g, say_hello, t.client));
		CHECK_OK(pier_pass(t.server, i, answer, NULL));
		CHECK_OK(pier_group_wait(&g));
		snprintf(want, sizeof want, "on worker %u", i);
		CHECK_EQ(pier_recv_all(t.client, text, strlen(want)), strlen(want));
		CHECK(memcmp(text, want, strlen(want)) == 0);
	}
	close_two(&t);
}

/* ---- Topics ---------------------------------------------------------------------------------------- */

#define NEWS 300

static int hear_news(void *arg)
{
	pier_conn *c = arg;
	char want[16];
	pier_sleep(PIER_MS(20)); /* meanwhile its socket fills up */
	for (int i = 0; i < NEWS; i++) {
		pier_bytes m = pier_next(c);
		CHECK_STR(pier_why(c), "");
		CHECK_EQ(m.len, 20000);
		snprintf(want, sizeof want, "news %d ", i);
		CHECK(memcmp(m.p, want, strlen(want)) == 0);
	}
	return 0;
}

ON_FIBER_WITHIN(60, topics_reach_conns_under_tls_slow_ones_too)
{
	A_WORLD w = make_world();
	pier_topic *topic = pier_topic_new(.backlog = NEWS, .backlog_max = 16 << 20);
	struct two t[3];
	pier_group g = PIER_GROUP;
	static char text[20001];

	for (int i = 0; i < 3; i++) {
		t[i] = two_of(&w);
		pier_set_frame(t[i].client, PIER_LINES, 1 << 20);
		pier_set_frame(t[i].server, PIER_LINES, 1 << 20);
		CHECK_OK(pier_topic_add(topic, t[i].server));
		CHECK_OK(pier_go(&g, hear_news, t[i].client));
	}
	for (int i = 0; i < NEWS; i++) {
		memset(text, '.', 20000);
		text[snprintf(text, sizeof text, "news %d ", i)] = '.';
		CHECK_OK(pier_say(topic, NULL, pier_text(text)));
		if (i % 64 == 0)
			CHECK_OK(pier_yield());
	}
	CHECK_OK(pier_group_wait(&g));
	for (int i = 0; i < 3; i++) {
		pier_set_frame(t[i].client, PIER_RAW, 0);
		pier_set_frame(t[i].server, PIER_RAW, 0);
		talk(&t[i]);
		close_two(&t[i]);
	}
	pier_topic_free(topic);
}

ON_FIBER(what_a_topic_could_not_send_is_let_go_with_the_conn)
{
	A_WORLD w = make_world();
	pier_topic *topic = pier_topic_new(.backlog = 64, .backlog_max = 16 << 20);
	struct two t = two_of(&w);
	static char text[100000];

	CHECK_OK(pier_topic_add(topic, t.server));
	for (int i = 0; i < 60; i++)
		CHECK_OK(pier_say(topic, NULL, pier_bytes_of(text, sizeof text)));
	pier_sleep(PIER_MS(5));
	pier_abort(t.server);
	pier_abort(t.client);
	pier_topic_free(topic);
}

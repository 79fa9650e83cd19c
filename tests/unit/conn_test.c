/* A conn from dialling to its end, of conn.h: on a fiber and outside of fibers. */
#include "raw_peer.h"

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

/* ---- The last line of a program -------------------------------------------------------------------- */

/* What pier_perror says on stderr. */
static int hear_perror(pier_conn *c, char *said, size_t room)
{
	int err, before = dup(STDERR_FILENO);
	FILE *file = tmpfile();

	dup2(fileno(file), STDERR_FILENO);
	err = pier_perror(c);
	dup2(before, STDERR_FILENO);
	close(before);
	rewind(file);
	said[fread(said, 1, room - 1, file)] = 0;
	fclose(file);
	return err;
}

ON_BOTH(perror_says_why_once_and_nothing_without_an_error)
{
	char said[256], want[256];
	pier_conn *two[2];
	PIER_AUTO *bad = pier_dial("nonsense");

	CHECK_EQ(hear_perror(bad, said, sizeof said), -PIER_EURL);
	snprintf(want, sizeof want, "%s\n", pier_why(bad));
	CHECK_STR(said, want);
	CHECK_EQ(hear_perror(NULL, said, sizeof said), -ENOMEM);
	snprintf(want, sizeof want, "%s\n", strerror(ENOMEM)); /* each libc's own words */
	CHECK_STR(said, want);
	CHECK_OK(pier_pair(two));
	CHECK_EQ(hear_perror(two[0], said, sizeof said), 0);
	CHECK_STR(said, "");
	pier_close(two[0]);
	pier_close(two[1]);
}

ON_BOTH(a_pair_is_opened_by_one_call)
{
	PIER_AUTO *b = NULL, *a = pier_pair_open(&b);
	CHECK_EQ(pier_printf(a, "hello"), 5);
	CHECK_BYTES(pier_next(b), "hello");
	CHECK_OK(pier_finish(a));
	CHECK_OK(pier_finish(b));
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
		for (int twice = 0; twice < 2;
		     twice++) { /* the first makes what the second finds */
			CHECK_OK(pier_local_addr(c, &at));
			CHECK(pier_addr_eq(pier_peer_addr(server), &at));
		}
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

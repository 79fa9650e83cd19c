#include "test.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pier.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
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
		CHECK_EQ(pier_run(name##_main, NULL, .workers = 4), 0);                            \
	}                                                                                          \
	static void name##_body(void)
#define ON_FIBER(name) ON_FIBER_WITHIN(15, name)

/* ---- A server on a fiber --------------------------------------------------------------------------- */

struct town {
	const char *url;
	pier_handler handler;
	pier_serve_opts o;
	char where[256]; /* as a URL */
	pier_group group;
	int result;
	bool over;
	atomic_int begun, ended, errors, error, stops;
};

static void note_where(const char *where, void *arg)
{
	struct town *t = arg;
	const char *scheme = strncmp(t->url, "udp", 3) == 0 ? "udp://" : "tcp://";
	snprintf(t->where, sizeof t->where, "%s%s", strchr(where, ':') ? scheme : "unix:", where);
	if (strncmp(t->url, "seqpacket", 9) == 0)
		snprintf(t->where, sizeof t->where, "seqpacket:%s", where);
}

static void note_error(pier_conn *c, int err, void *arg)
{
	struct town *t = arg;
	CHECK_EQ(pier_err(c), err);
	t->error = err;
	t->errors++;
}

static void note_stop(void *arg)
{
	((struct town *)arg)->stops++;
}

static int run_town(void *arg)
{
	struct town *t = arg;
	t->o.size = sizeof t->o;
	t->o.arg = t;
	t->o.on_listen = note_where;
	t->o.on_error = note_error;
	t->o.on_stop = note_stop;
	t->result = pier_serve_with(t->url, t->handler, &t->o);
	t->over = true;
	return 0;
}

static void open_town(struct town *t)
{
	CHECK_OK(pier_go(&t->group, run_town, t));
	while (!*t->where && !t->over)
		CHECK_OK(pier_sleep(PIER_MS(1)));
}

static void close_town(struct town *t)
{
	pier_group_end(&t->group);
	CHECK(t->over);
	CHECK_EQ(t->result, 0);
	CHECK_EQ(t->begun, t->ended);
	CHECK_EQ(t->stops, 1);
}

static void echo(pier_conn *c, void *arg)
{
	struct town *t = arg;
	t->begun++;
	for (pier_bytes m; (m = pier_next(c)).p;)
		pier_send(c, m.p, m.len);
	t->ended++;
}

static void ask(pier_conn *c, const char *text)
{
	CHECK_OK(pier_send(c, text, strlen(text)));
	CHECK_BYTES(pier_next(c), text);
}

#define await(n, least) await_at(n, least, __LINE__)

static void await_at(atomic_int *n, int least, int line)
{
	for (int i = 0; *n < least && i < 5000; i++)
		CHECK_OK(pier_sleep(PIER_MS(1)));
	if (*n < least)
		test_fail(__FILE__, line, "%d, not %d", *n, least);
}

/* ---- Serving --------------------------------------------------------------------------------------- */

ON_FIBER(every_transport_is_served)
{
	char path[64], seqpacket[64];
	snprintf(path, sizeof path, "unix:/tmp/pier-serve-%d", (int)getpid());
	snprintf(seqpacket, sizeof seqpacket, "seqpacket:@pier-serve-%d", (int)getpid());
	const char *urls[] = {"tcp://127.0.0.1:0",
			      "tcp://[::1]:0",
			      "udp://127.0.0.1:0",
			      "udp://[::1]:0",
			      path,
			      seqpacket};
	for (int i = 0; i < 6; i++) {
		struct town t = {.url = urls[i], .handler = echo};
		fprintf(stderr, "%s\n", urls[i]);
		open_town(&t);
		PIER_WITHIN (PIER_S(5)) {
			PIER_AUTO *c = pier_dial(t.where);
			PIER_AUTO *d = pier_dial(t.where);
			CHECK_OK(pier_err(c));
			ask(c, "hello");
			ask(d, "you too");
			ask(c, "again");
		}
		close_town(&t);
		CHECK_EQ(t.begun, 2);
		CHECK_EQ(t.errors, 0);
	}
}

ON_FIBER(the_wildcard_serves_both_families)
{
	struct town t = {.url = "tcp://:0", .handler = echo};
	char url[64];
	open_town(&t);
	int port = atoi(strrchr(t.where, ':') + 1);
	for (int i = 0; i < 2; i++) {
		snprintf(url, sizeof url, "tcp://%s:%d", i ? "127.0.0.1" : "[::1]", port);
		PIER_AUTO *c = pier_dial(url);
		ask(c, "hello");
	}
	close_town(&t);
}

ON_FIBER(the_options_of_the_url_reach_every_conn)
{
	struct town t = {.url = "tcp://127.0.0.1:0?nodelay=0", .handler = echo};
	open_town(&t);
	close_town(&t);
	int on;
	socklen_t len = sizeof on;
	for (int i = 0; i < 2; i++) {
		struct town u = {.url = i ? "tcp://127.0.0.1:0?nodelay=0" : "tcp://127.0.0.1:0",
				 .handler = echo};
		open_town(&u);
		PIER_AUTO *c = pier_dial(u.where);
		ask(c, "hello");
		/* Of this process's sockets, the accepted one has the listener's port as its own. */
		int port = atoi(strrchr(u.where, ':') + 1), found = 0;
		for (int fd = 3; fd < 64; fd++) {
			pier_addr own = {.len = sizeof own.storage}, peer = own;
			if (getsockname(fd, &own.sa, &own.len) == 0 &&
			    pier_addr_port(&own) == port &&
			    getpeername(fd, &peer.sa, &peer.len) == 0) {
				CHECK_EQ(getsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, &len), 0);
				CHECK_EQ(on, !i);
				found++;
			}
		}
		CHECK_EQ(found, 1);
		close_town(&u);
	}
}

/* ---- Limits ---------------------------------------------------------------------------------------- */

static void say_full(pier_conn *c, void *arg)
{
	(void)arg;
	pier_printf(c, "full\n");
}

ON_FIBER(one_conn_too_many_is_told_and_closed)
{
	struct town t = {.url = "tcp://127.0.0.1:0",
			 .handler = echo,
			 .o = {.max_conns = 3, .on_full = say_full}};
	pier_conn *c[3];
	open_town(&t);
	for (int i = 0; i < 3; i++) {
		c[i] = pier_dial(t.where);
		ask(c[i], "in");
	}
	PIER_WITHIN (PIER_S(5)) {
		for (int i = 0; i < 5; i++) {
			PIER_AUTO *d = pier_dial(t.where);
			CHECK_BYTES(pier_next(d), "full\n");
			CHECK(!pier_next(d).p);
		}
		pier_close(c[0]);
		await(&t.ended, 1);
		pier_sleep(PIER_MS(20));
		c[0] = pier_dial(t.where);
		ask(c[0], "in again");
	}
	for (int i = 0; i < 3; i++)
		pier_close(c[i]);
	close_town(&t);
}

ON_FIBER(one_host_cannot_take_all_places)
{
	struct town t = {.url = "tcp://127.0.0.1:0", .handler = echo, .o = {.max_per_host = 2}};
	open_town(&t);
	PIER_AUTO *a = pier_dial(t.where);
	PIER_AUTO *b = pier_dial(t.where);
	ask(a, "in");
	ask(b, "in");
	PIER_WITHIN (PIER_S(5)) {
		PIER_AUTO *c = pier_dial(t.where);
		CHECK(!pier_next(c).p);
		PIER_AUTO *d = pier_dial(t.where, .source = "127.0.0.2");
		ask(d, "in from elsewhere");
	}
	close_town(&t);
}

ON_FIBER(an_idle_conn_is_let_go_and_reported)
{
	struct town t = {.url = "tcp://127.0.0.1:0", .handler = echo, .o = {.idle = PIER_MS(80)}};
	open_town(&t);
	PIER_AUTO *c = pier_dial(t.where);
	for (int i = 0; i < 4; i++) {
		ask(c, "still here");
		CHECK_OK(pier_sleep(PIER_MS(30)));
	}
	int64_t start = pier_now();
	CHECK(!pier_next(c).p);
	int64_t took = pier_now() - start;
	CHECK(took > PIER_MS(20) && took < PIER_MS(1000));
	await(&t.errors, 1);
	CHECK_EQ(t.error, -ETIMEDOUT);
	close_town(&t);
}

ON_FIBER(a_disconnect_is_no_error_to_report)
{
	struct town t = {.url = "tcp://127.0.0.1:0", .handler = echo};
	open_town(&t);
	for (int i = 0; i < 5; i++) {
		pier_conn *c = pier_dial(t.where);
		ask(c, "hello");
		pier_abort(c);
	}
	await(&t.ended, 5);
	close_town(&t);
	CHECK_EQ(t.errors, 0);
}

/* ---- Stopping -------------------------------------------------------------------------------------- */

static void take_lines(pier_conn *c, void *arg)
{
	struct town *t = arg;
	char line[64];
	t->begun++;
	while (pier_gets(c, line, sizeof line) > 0)
		pier_printf(c, "got %s\n", line);
	if (pier_err(c) == 0)
		pier_printf(c, "bye %d\n", pier_stopping(c));
	t->ended++;
}

ON_FIBER(stopping_ends_input_between_messages_and_lets_one_inside_go_on)
{
	struct town t = {
		.url = "tcp://127.0.0.1:0", .handler = take_lines, .o = {.grace = PIER_S(3)}};
	char line[64];
	open_town(&t);
	PIER_AUTO *between = pier_dial(t.where);
	PIER_AUTO *inside = pier_dial(t.where);
	pier_conn *gone = pier_dial(t.where);
	CHECK_OK(pier_printf(between, "one\n"));
	CHECK_OK(pier_printf(inside, "two\nthr"));
	CHECK_OK(pier_printf(gone, "x"));
	CHECK(pier_gets(between, line, sizeof line) > 0);
	CHECK(pier_gets(inside, line, sizeof line) > 0);
	pier_close(gone);
	pier_sleep(PIER_MS(20));
	pier_group_cancel(&t.group);
	CHECK(pier_gets(between, line, sizeof line) > 0);
	CHECK_STR(line, "bye 1");
	CHECK_EQ(pier_gets(between, line, sizeof line), 0);
	pier_sleep(PIER_MS(20));
	CHECK_EQ(pier_poll(inside, PIER_MS(20)), 0);
	CHECK_OK(pier_printf(inside, "ee\n"));
	CHECK(pier_gets(inside, line, sizeof line) > 0);
	CHECK_STR(line, "got three");
	CHECK(pier_gets(inside, line, sizeof line) > 0);
	CHECK_STR(line, "bye 1");
	PIER_AUTO *late = pier_dial(t.where);
	CHECK_EQ(pier_err(late), -ECONNREFUSED);
	pier_close(inside);
	inside = NULL;
	pier_close(between);
	between = NULL;
	close_town(&t);
}

ON_FIBER(one_inside_a_message_has_no_longer_than_the_grace)
{
	struct town t = {
		.url = "tcp://127.0.0.1:0", .handler = take_lines, .o = {.grace = PIER_MS(100)}};
	open_town(&t);
	PIER_AUTO *c = pier_dial(t.where);
	CHECK_OK(pier_printf(c, "never ended"));
	await(&t.begun, 1);
	pier_sleep(PIER_MS(10));
	int64_t start = pier_now();
	close_town(&t);
	int64_t took = pier_now() - start;
	CHECK(took >= PIER_MS(100) && took < PIER_S(1));
	CHECK_EQ(t.errors, 0); /* a stop is no error */
}

static void stop_at_stop(pier_conn *c, void *arg)
{
	struct town *t = arg;
	char line[64];
	t->begun++;
	while (pier_gets(c, line, sizeof line) > 0) {
		if (strcmp(line, "stop") == 0) {
			pier_serve_stop(c);
			pier_serve_stop(c);
		}
	}
	t->ended++;
}

ON_FIBER(a_handler_can_stop_the_server)
{
	struct town t = {.url = "tcp://127.0.0.1:0", .handler = stop_at_stop};
	open_town(&t);
	pier_conn *others[8];
	for (int i = 0; i < 8; i++)
		others[i] = pier_dial(t.where);
	await(&t.begun, 8);
	CHECK_OK(pier_printf(others[5], "stop\n"));
	for (int i = 0; i < 8; i++) {
		CHECK(!pier_next(others[i]).p);
		pier_close(others[i]);
	}
	CHECK_OK(pier_group_wait(&t.group));
	close_town(&t);
}

ON_FIBER(a_server_can_be_started_again_at_once)
{
	char url[256] = "tcp://127.0.0.1:0";
	for (int i = 0; i < 8; i++) {
		struct town t = {.url = url, .handler = echo};
		open_town(&t);
		CHECK(*t.where);
		PIER_AUTO *c = pier_dial(t.where);
		PIER_AUTO *d = pier_dial(t.where);
		ask(c, "hello");
		ask(d, "hello");
		pier_abort(d);
		d = NULL;
		pier_group_cancel(&t.group);
		CHECK(!pier_next(c).p);
		pier_close(c);
		c = NULL;
		close_town(&t);
		snprintf(url, sizeof url, "%s", t.where);
	}
}

ON_FIBER(two_servers_run_side_by_side)
{
	struct town t = {.url = "tcp://127.0.0.1:0", .handler = echo};
	struct town u = {.url = "tcp://127.0.0.1:0", .handler = take_lines};
	char line[16];
	open_town(&t);
	open_town(&u);
	PIER_AUTO *c = pier_dial(t.where);
	PIER_AUTO *d = pier_dial(u.where);
	ask(c, "hello");
	CHECK_OK(pier_printf(d, "hello\n"));
	CHECK(pier_gets(d, line, sizeof line) > 0);
	CHECK_STR(line, "got hello");
	pier_close(c);
	c = NULL;
	close_town(&t);
	CHECK_OK(pier_printf(d, "again\n"));
	CHECK(pier_gets(d, line, sizeof line) > 0);
	pier_close(d);
	d = NULL;
	close_town(&u);
}

/* ---- Places that are taken -------------------------------------------------------------------------- */

ON_FIBER(a_port_in_use_is_refused)
{
	struct town t = {.url = "tcp://127.0.0.1:0", .handler = echo};
	struct town u = {.url = "udp://127.0.0.1:0", .handler = echo};
	open_town(&t);
	open_town(&u);
	CHECK_EQ(pier_serve(t.where, echo), -EADDRINUSE);
	CHECK_EQ(pier_serve(t.where, echo, .workers = 1), -EADDRINUSE);
	CHECK_EQ(pier_serve(u.where, echo), -EADDRINUSE);
	CHECK_EQ(pier_serve(u.where, echo, .workers = 1), -EADDRINUSE);
	PIER_AUTO *c = pier_dial(t.where);
	ask(c, "unharmed");
	pier_close(c);
	c = NULL;
	close_town(&t);
	close_town(&u);

	struct town one = {.url = "tcp://127.0.0.1:0", .handler = echo, .o = {.workers = 1}};
	open_town(&one);
	CHECK_EQ(pier_serve(one.where, echo), -EADDRINUSE);
	close_town(&one);
	CHECK_EQ(pier_serve("nonsense", echo), -PIER_EURL);
	CHECK_EQ(pier_serve("pair:", echo), -PIER_EURL);
	CHECK_EQ(pier_serve("tcp://192.0.2.77:80", echo), -EADDRNOTAVAIL);
	CHECK(pier_serve("unix:/nonexistent/folder/x", echo) == -ENOENT);
}

ON_FIBER(a_unix_path_is_taken_over_from_the_dead_only)
{
	char path[64], url[80];
	struct sockaddr_un dead = {.sun_family = AF_UNIX};
	snprintf(path, sizeof path, "/tmp/pier-serve-dead-%d", (int)getpid());
	snprintf(url, sizeof url, "unix:%s", path);
	snprintf(dead.sun_path, sizeof dead.sun_path, "%s", path);
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	CHECK_EQ(bind(fd, (struct sockaddr *)&dead, sizeof dead), 0);
	CHECK_EQ(listen(fd, 1), 0);
	CHECK_EQ(pier_serve(url, echo), -EADDRINUSE);
	close(fd);

	struct town t = {.url = url, .handler = echo};
	open_town(&t);
	CHECK(*t.where);
	CHECK_EQ(pier_serve(url, echo), -EADDRINUSE);
	char seqpacket[96];
	snprintf(seqpacket, sizeof seqpacket, "seqpacket:%s", path);
	CHECK_EQ(pier_serve(seqpacket, echo), -EADDRINUSE);
	PIER_AUTO *c = pier_dial(url);
	ask(c, "hello");
	pier_close(c);
	c = NULL;
	close_town(&t);
	CHECK_EQ(access(path, F_OK), -1); /* it is removed */

	fd = open(path, O_CREAT | O_WRONLY, 0600);
	close(fd);
	CHECK_EQ(pier_serve(url, echo), -EADDRINUSE);
	CHECK_EQ(access(path, F_OK), 0); /* a file is nobody's socket */
	unlink(path);
}

/* ---- Many ------------------------------------------------------------------------------------------ */

static int churn(void *arg)
{
	struct town *t = arg;
	for (int i = 0; i < 250; i++) {
		PIER_AUTO *c = pier_dial(t->where);
		CHECK_OK(pier_err(c));
		ask(c, "hello");
		if (i % 5 == 0)
			continue;
		CHECK_OK(pier_finish(c));
		CHECK(!pier_next(c).p);
	}
	return 0;
}

ON_FIBER_WITHIN(40, two_thousand_conns_come_and_go)
{
	struct town t = {.url = "tcp://127.0.0.1:0", .handler = echo};
	pier_group g = PIER_GROUP;
	open_town(&t);
	for (int i = 0; i < 8; i++)
		CHECK_OK(pier_go(&g, churn, &t));
	CHECK_OK(pier_group_wait(&g));
	await(&t.ended, 2000);
	close_town(&t);
	CHECK_EQ(t.begun, 2000);
	CHECK_EQ(t.errors, 0);
}

static struct {
	pthread_mutex_t lock;
	pid_t thread[8];
	int count[8];
} spread = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void count_thread(pier_conn *c, void *arg)
{
	struct town *t = arg;
	pthread_mutex_lock(&spread.lock);
	for (int i = 0; i < 8; i++) {
		if (spread.thread[i] == 0)
			spread.thread[i] = gettid();
		if (spread.thread[i] == gettid()) {
			spread.count[i]++;
			break;
		}
	}
	pthread_mutex_unlock(&spread.lock);
	echo(c, t);
}

static void spread_evenly(const char *url, int most_more)
{
	enum {
		CONNS = 200
	};
	struct town t = {.url = url, .handler = count_thread};
	static pier_conn *c[CONNS];
	memset(spread.thread, 0, sizeof spread.thread);
	memset(spread.count, 0, sizeof spread.count);
	open_town(&t);
	for (int i = 0; i < CONNS; i++)
		c[i] = pier_dial(t.where);
	await(&t.begun, CONNS);
	int least = CONNS, most = 0;
	for (int i = 0; i < 4; i++) {
		fprintf(stderr, "%s: %d\n", url, spread.count[i]);
		least = spread.count[i] < least ? spread.count[i] : least;
		most = spread.count[i] > most ? spread.count[i] : most;
	}
	CHECK(most - least <= most_more);
	for (int i = 0; i < CONNS; i++)
		pier_close(c[i]);
	close_town(&t);
}

ON_FIBER_WITHIN(20, conns_are_spread_evenly)
{
	char path[64];
	snprintf(path, sizeof path, "unix:/tmp/pier-serve-even-%d", (int)getpid());
	spread_evenly("tcp://127.0.0.1:0", 32);
	spread_evenly(path, 4);
}

ON_FIBER(descriptors_that_run_out_lose_no_client)
{
	enum {
		CLIENTS = 40
	};
	struct town t = {.url = "tcp://127.0.0.1:0", .handler = echo};
	struct rlimit was, few;
	static int raw[CLIENTS];
	pier_addr at;
	open_town(&t);
	CHECK_OK(pier_addr_parse(pier_text("127.0.0.1"), (uint16_t)atoi(strrchr(t.where, ':') + 1),
				 &at));
	for (int i = 0; i < CLIENTS; i++)
		raw[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	CHECK_EQ(getrlimit(RLIMIT_NOFILE, &was), 0);
	few = was;
	few.rlim_cur = (rlim_t)raw[CLIENTS - 1] + 11; /* some ten can be accepted at once */
	CHECK_EQ(setrlimit(RLIMIT_NOFILE, &few), 0);
	for (int i = 0; i < CLIENTS; i++)
		CHECK_EQ(connect(raw[i], &at.sa, at.len), 0);
	/* About ten: io_uring keeps a number for each accept that waits, and the limit of when it was asked. */
	await(&t.begun, 5);
	CHECK_OK(pier_sleep(PIER_MS(150)));
	CHECK(t.begun < CLIENTS / 2);
	for (int i = 0; i < CLIENTS; i++)
		shutdown(raw[i], SHUT_WR); /* those that are in leave, and others come in */
	await(&t.begun, CLIENTS);
	await(&t.ended, CLIENTS);
	CHECK_EQ(setrlimit(RLIMIT_NOFILE, &was), 0);
	for (int i = 0; i < CLIENTS; i++)
		close(raw[i]);
	close_town(&t);
}

/* ---- Datagrams ------------------------------------------------------------------------------------- */

static void count_up(pier_conn *c, void *arg)
{
	struct town *t = arg;
	int n = 0;
	t->begun++;
	for (pier_bytes m; (m = pier_next(c)).p;)
		pier_printf(c, "%.*s %d", (int)m.len, m.p, ++n);
	t->ended++;
}

ON_FIBER(each_peer_of_a_udp_server_is_a_conn)
{
	struct town t = {.url = "udp://127.0.0.1:0", .handler = count_up};
	char want[32];
	open_town(&t);
	PIER_AUTO *a = pier_dial(t.where);
	PIER_AUTO *b = pier_dial(t.where);
	for (int i = 1; i <= 20; i++) {
		CHECK_OK(pier_printf(a, "a"));
		CHECK_OK(pier_printf(b, "b"));
		snprintf(want, sizeof want, "a %d", i);
		CHECK_BYTES(pier_next(a), want);
		snprintf(want, sizeof want, "b %d", i);
		CHECK_BYTES(pier_next(b), want);
	}
	CHECK_EQ(t.begun, 2);
	close_town(&t);
}

ON_FIBER(the_udp_peer_that_was_silent_longest_makes_room)
{
	struct town t = {.url = "udp://127.0.0.1:0",
			 .handler = count_up,
			 .o = {.max_conns = 2, .workers = 1}};
	open_town(&t);
	PIER_AUTO *a = pier_dial(t.where);
	PIER_AUTO *b = pier_dial(t.where);
	PIER_AUTO *c = pier_dial(t.where);
	CHECK_OK(pier_printf(a, "x"));
	CHECK_BYTES(pier_next(a), "x 1");
	CHECK_OK(pier_printf(b, "x"));
	CHECK_BYTES(pier_next(b), "x 1");
	CHECK_OK(pier_printf(a, "x"));
	CHECK_BYTES(pier_next(a), "x 2");
	CHECK_OK(pier_printf(c, "x")); /* lost, but b is let go for it */
	await(&t.ended, 1);
	CHECK_OK(pier_printf(c, "x"));
	CHECK_BYTES(pier_next(c), "x 1");
	CHECK_OK(pier_printf(a, "x"));
	CHECK_BYTES(pier_next(a), "x 3");
	close_town(&t);
}

ON_FIBER(a_silent_udp_peer_is_forgotten)
{
	struct town t = {
		.url = "udp://127.0.0.1:0", .handler = count_up, .o = {.idle = PIER_MS(50)}};
	open_town(&t);
	PIER_AUTO *a = pier_dial(t.where);
	for (int i = 1; i <= 3; i++) {
		CHECK_OK(pier_printf(a, "x"));
		CHECK_BYTES(pier_next(a), "x 1");
		await(&t.ended, i);
		pier_sleep(PIER_MS(5));
	}
	close_town(&t);
}

static void sleep_through(pier_conn *c, void *arg)
{
	struct town *t = arg;
	int n = 0;
	t->begun++;
	pier_sleep(PIER_MS(100));
	while (pier_poll(c, PIER_MS(20)) == 1 && pier_next(c).p)
		n++;
	t->error = n;
	t->ended++;
}

ON_FIBER(a_udp_peer_has_a_bounded_queue)
{
	struct town t = {.url = "udp://127.0.0.1:0", .handler = sleep_through};
	open_town(&t);
	PIER_AUTO *a = pier_dial(t.where);
	for (int i = 0; i < 200; i++)
		CHECK_OK(pier_printf(a, "x"));
	await(&t.ended, 1);
	CHECK(t.error >= 1 && t.error <= 64);
	close_town(&t);
}

/* ---- As a program ----------------------------------------------------------------------------------- */

struct program {
	pid_t pid;
	char where[256];
};

static int tell_fd;

static void tell_parent(const char *where, void *arg)
{
	(void)arg;
	CHECK(write(tell_fd, where, strlen(where)) > 0);
	close(tell_fd);
}

static void start_program(struct program *p, pier_handler handler, bool ignore_int)
{
	int fds[2];
	CHECK_EQ(pipe(fds), 0);
	p->pid = fork();
	if (p->pid == 0) {
		close(fds[0]);
		tell_fd = fds[1];
		if (ignore_int)
			signal(SIGINT, SIG_IGN);
		int err = pier_serve("tcp://127.0.0.1:0", handler, .on_listen = tell_parent,
				     .grace = PIER_S(8));
		_exit(err == 0 ? 0 : 1);
	}
	close(fds[1]);
	memcpy(p->where, "tcp://", 6);
	ssize_t n = read(fds[0], p->where + 6, sizeof p->where - 7);
	CHECK(n > 0);
	p->where[6 + n] = '\0';
	close(fds[0]);
}

static void ends_well(struct program *p, int64_t within)
{
	int status;
	int64_t start = pier_now();
	CHECK_EQ(waitpid(p->pid, &status, 0), p->pid);
	CHECK(WIFEXITED(status));
	CHECK_EQ(WEXITSTATUS(status), 0);
	CHECK(pier_now() - start < within);
}

static void plain_echo(pier_conn *c, void *arg)
{
	(void)arg;
	for (pier_bytes m; (m = pier_next(c)).p;)
		pier_send(c, m.p, m.len);
}

TEST(a_signal_stops_a_program_that_serves)
{
	static const int signals[] = {SIGTERM, SIGINT};
	for (int i = 0; i < 2; i++) {
		struct program p = {0};
		start_program(&p, plain_echo, false);
		pier_conn *c = pier_dial(p.where);
		ask(c, "hello");
		kill(p.pid, signals[i]);
		CHECK(!pier_next(c).p);
		pier_close(c);
		ends_well(&p, PIER_S(1));
	}
}

static void sleep_long(pier_conn *c, void *arg)
{
	(void)c;
	(void)arg;
	pier_printf(c, "in\n");
	pier_sleep(PIER_S(100));
}

TEST(a_second_signal_stops_at_once)
{
	struct program p = {0};
	start_program(&p, sleep_long, false);
	pier_conn *c = pier_dial(p.where);
	CHECK_BYTES(pier_next(c), "in\n");
	kill(p.pid, SIGTERM);
	usleep(100000);
	CHECK_EQ(waitpid(p.pid, NULL, WNOHANG), 0); /* it has its grace */
	kill(p.pid, SIGTERM);
	ends_well(&p, PIER_S(1));
	pier_close(c);
}

TEST(a_second_signal_does_not_wait_for_a_peer_that_lingers)
{
	struct program p = {0};
	start_program(&p, plain_echo, false);
	pier_conn *c = pier_dial(p.where);
	ask(c, "hello");
	kill(p.pid, SIGTERM);
	CHECK(!pier_next(c).p); /* it waits for our end now */
	kill(p.pid, SIGTERM);
	ends_well(&p, PIER_S(1));
	pier_close(c);
}

TEST(a_signal_that_is_ignored_stays_ignored)
{
	struct program p = {0};
	start_program(&p, plain_echo, true);
	pier_conn *c = pier_dial(p.where);
	kill(p.pid, SIGINT);
	usleep(50000);
	ask(c, "still here");
	kill(p.pid, SIGTERM);
	pier_close(c);
	ends_well(&p, PIER_S(1));
}

static void stop_program(pier_conn *c, void *arg)
{
	(void)arg;
	pier_next(c);
	pier_serve_stop(c);
}

TEST(a_program_that_stops_itself_can_serve_again)
{
	sigset_t before, after;
	struct sigaction was, is;
	sigprocmask(SIG_SETMASK, NULL, &before);
	sigaction(SIGTERM, NULL, &was);
	for (int i = 0; i < 3; i++) {
		struct program p = {0};
		start_program(&p, stop_program, false);
		pier_conn *c = pier_dial(p.where);
		CHECK_OK(pier_printf(c, "stop\n"));
		CHECK(!pier_next(c).p);
		pier_close(c);
		ends_well(&p, PIER_S(1));
	}
	CHECK_EQ(pier_serve("tcp://192.0.2.77:1", plain_echo), -EADDRNOTAVAIL);
	sigprocmask(SIG_SETMASK, NULL, &after);
	sigaction(SIGTERM, NULL, &is);
	CHECK(memcmp(&before, &after, 8) == 0);
	CHECK(was.sa_handler == is.sa_handler);
}

/* Servers: transports, limits, stopping, places that are taken. */
#include "town.h"

/* ---- Serving --------------------------------------------------------------------------------------- */

ON_FIBER(every_transport_is_served)
{
	char path[64], seqpacket[64], gram[64];
	snprintf(path, sizeof path, "unix:/tmp/pier-serve-%d", (int)getpid());
	snprintf(seqpacket, sizeof seqpacket, "seqpacket:@pier-serve-%d", (int)getpid());
	snprintf(gram, sizeof gram, "unixgram:/tmp/pier-serve-%d", (int)getpid());
	const char *urls[] = {"tcp://127.0.0.1:0",
			      "tcp://[::1]:0",
			      "udp://127.0.0.1:0",
			      "udp://[::1]:0",
			      path,
			      seqpacket,
			      gram};
	for (int i = 0; i < 7; i++) {
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
	test_skip_simulated("it asks the real kernel by itself");
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
	test_skip_simulated("there are no files that a path could meet");
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
	test_skip_simulated("there are no files that a path could meet");
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

/* Who is served, where, and how many: of server.h. */
#include "raw_peer.h"
#include "town.h"

#include <grp.h>
#include <pwd.h>

static void say_who(pier_conn *c, void *arg)
{
	struct town *t = arg;
	t->begun++;
	pier_printf(c, "%s", pier_peer(c));
	for (pier_bytes m; (m = pier_next(c)).p;)
		pier_send(c, m.p, m.len);
	t->ended++;
}

static void echo_one(pier_conn *c, void *arg)
{
	(void)arg;
	pier_bytes m = pier_next(c);
	pier_send(c, m.p, m.len);
}

/* ---- Several places -------------------------------------------------------------------------------- */

ON_FIBER(one_server_listens_on_several_urls)
{
	char path[64];
	snprintf(path, sizeof path, "unix:@pier-also-%d", (int)getpid());
	const char *also[] = {"udp://127.0.0.1:0", path, "tcp://[::1]:0", NULL};
	struct town t = {.url = "tcp://127.0.0.1:0", .handler = echo, .o.also = also};
	open_town(&t);
	fprintf(stderr, "%s\n", t.where);
	/* tcp://127.0.0.1:1 and 127.0.0.1:2 and @pier-also-3 and [::1]:4 */
	char *next, *where = strdup(t.where + strlen("tcp://"));
	static const char *const schemes[] = {"tcp://", "udp://", "unix:", "tcp://"};
	char *at = where;
	for (int i = 0; i < 4; i++, at = next) {
		char url[PIER_ADDR_TEXT + 8];
		next = strstr(at, " and ");
		if (next) {
			*next = '\0';
			next += 5;
		}
		snprintf(url, sizeof url, "%s%s", schemes[i], at);
		PIER_WITHIN (PIER_S(5)) {
			PIER_AUTO *c = pier_dial(url);
			ask(c, "hello");
		}
	}
	free(where);
	close_town(&t);
	CHECK_EQ(t.begun, 4);
}

ON_FIBER(one_bad_url_of_several_opens_none)
{
	test_skip_simulated("it asks the real kernel by itself");
	int port, listener = raw_listener("127.0.0.1", 1, &port);
	char taken[64];
	snprintf(taken, sizeof taken, "tcp://127.0.0.1:%d", port);
	const char *also[] = {taken, NULL}, *nonsense[] = {"nonsense", NULL}, *many[18] = {0};
	for (int i = 0; i < 17; i++)
		many[i] = "tcp://127.0.0.1:0";
	struct town t = {.o.quiet = true};
	CHECK_EQ(pier_serve("tcp://127.0.0.1:0", echo, .arg = &t, .also = also), -EADDRINUSE);
	CHECK_EQ(pier_serve("tcp://127.0.0.1:0", echo, .arg = &t, .also = nonsense), -PIER_EURL);
	CHECK_EQ(pier_serve("tcp://127.0.0.1:0", echo, .arg = &t, .also = many), -E2BIG);
	close(listener);
}

/* ---- Who may come ---------------------------------------------------------------------------------- */

static bool only_even(const pier_addr *peer, void *arg)
{
	struct town *t = arg;
	char host[PIER_ADDR_TEXT];
	CHECK(t->handler);
	return strcmp(pier_addr_host(peer, host, sizeof host), "127.0.0.2") == 0;
}

ON_FIBER(who_is_not_welcome_is_closed_at_once)
{
	struct {
		const char *allow, *deny;
		bool (*verify)(const pier_addr *, void *);
		const char *from;
		bool welcome;
	} cases[] = {
		{"127.0.0.1/32", NULL, NULL, "127.0.0.1", true},
		{"127.0.0.1/32", NULL, NULL, "127.0.0.2", false},
		{"::1 127.0.0.0/8", "127.0.0.3", NULL, "127.0.0.2", true},
		{"::1 127.0.0.0/8", "127.0.0.3", NULL, "127.0.0.3", false},
		{NULL, "127.0.0.0/31", NULL, "127.0.0.1", false},
		{"", NULL, NULL, "127.0.0.1", false},
		{NULL, NULL, only_even, "127.0.0.2", true},
		{NULL, NULL, only_even, "127.0.0.3", false},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct town t = {.url = "tcp://127.0.0.1:0",
				 .handler = echo,
				 .o = {.allow = cases[i].allow,
				       .deny = cases[i].deny,
				       .verify = cases[i].verify}};
		open_town(&t);
		PIER_WITHIN (PIER_S(5)) {
			PIER_AUTO *c = pier_dial(t.where, .source = cases[i].from);
			CHECK(pier_err(c) == 0 ||
			      !cases[i].welcome); /* the reset may be that quick */
			pier_send(c, "hello", 5);
			pier_bytes m = pier_next(c);
			fprintf(stderr, "case %zu: %s\n", i, pier_why(c));
			CHECK_EQ(m.p != NULL, cases[i].welcome);
		}
		close_town(&t);
		CHECK_EQ(t.begun, cases[i].welcome);
		CHECK_EQ(t.errors, 0);
	}
	CHECK_EQ(pier_serve("tcp://127.0.0.1:0", echo, .allow = "nonsense"), -EINVAL);
	CHECK_EQ(pier_serve("tcp://127.0.0.1:0", echo, .deny = "10.1.0.0/8"), -EINVAL);
}

ON_FIBER(datagrams_of_the_unwelcome_are_dropped)
{
	struct town t = {.url = "udp://127.0.0.1:0", .handler = echo, .o.deny = "127.0.0.2"};
	open_town(&t);
	PIER_AUTO *bad = pier_dial(t.where, .source = "127.0.0.2");
	PIER_AUTO *good = pier_dial(t.where, .source = "127.0.0.3");
	CHECK_OK(pier_send(bad, "hello", 5));
	ask(good, "hello");
	PIER_WITHIN (PIER_MS(50))
		CHECK(!pier_next(bad).p);
	close_town(&t);
	CHECK_EQ(t.begun, 1);
}

/* ---- How many -------------------------------------------------------------------------------------- */

ON_FIBER(a_server_stops_after_as_many_as_it_was_to_serve)
{
	for (int each = 0; each < 2; each++) {
		struct town t = {.url = "tcp://127.0.0.1:0",
				 .handler = each ? echo_one : echo,
				 .o = {.max_served = 2, .per_message = each}};
		open_town(&t);
		PIER_AUTO *a = pier_dial(t.where);
		pier_send(a, "one", 3);
		CHECK(pier_next(a).p);
		PIER_AUTO *b = pier_dial(t.where);
		pier_send(b, "two", 3);
		CHECK(pier_next(b).p);
		pier_sleep(PIER_MS(20));
		PIER_AUTO *late = pier_dial(t.where);
		CHECK(pier_err(late) < 0 || !pier_next(late).p);
		CHECK(!t.over); /* those two talk as long as they like */
		pier_send(a, "again", 5);
		CHECK(pier_next(a).p);
		pier_finish(a);
		pier_finish(b);
		PIER_WITHIN (PIER_S(5))
			CHECK_OK(pier_group_wait(&t.group));
		CHECK(t.over);
		CHECK_EQ(t.result, 0);
		CHECK_EQ(t.stops, 1);
	}
}

static void never(pier_conn *c, void *arg)
{
	(void)c;
	(void)arg;
}

ON_FIBER(a_deadline_around_a_server_ends_it)
{
	PIER_WITHIN (PIER_MS(80))
		CHECK_EQ(pier_serve("tcp://127.0.0.1:0", never, .max_served = 1), -ETIMEDOUT);
}

TEST(a_deadline_around_a_server_of_a_plain_main_ends_it_too)
{
	PIER_WITHIN (PIER_MS(80))
		CHECK_EQ(pier_serve("tcp://127.0.0.1:0", never, .max_served = 1), -ETIMEDOUT);
}

static void count_tick(void *arg)
{
	struct town *t = arg;
	t->error++;
}

ON_FIBER(a_server_ticks)
{
	struct town t = {.url = "tcp://127.0.0.1:0",
			 .handler = echo,
			 .o = {.tick = PIER_MS(10), .on_tick = count_tick}};
	open_town(&t);
	await(&t.error, 3);
	close_town(&t);
}

/* ---- Behind a proxy -------------------------------------------------------------------------------- */

#define V2 "\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\xc0\0\2\1\xc6\x33\x64\7\xc4\xec\1\xbb"

static void through(struct town *t, const char *from, const char *head, size_t len,
		    const char *want)
{
	PIER_AUTO *c = pier_dial(t->where, .source = from);
	CHECK_OK(pier_err(c));
	for (size_t i = 0; i < len; i++) /* byte by byte */
		pier_send(c, head + i, 1);
	PIER_WITHIN (PIER_S(8)) {
		pier_bytes m = pier_next(c);
		if (want)
			CHECK_BYTES(m, want);
		else
			CHECK(!m.p);
		if (want && strncmp(head, "PROXY", 5) == 0) { /* what follows is the client's */
			pier_send(c, "more", 4);
			CHECK_BYTES(pier_next(c), "more");
		}
	}
}
#define THROUGH(t, from, head, want) through(t, from, head, sizeof(head) - 1, want)

ON_FIBER(a_proxy_names_the_client)
{
	struct town t = {.url = "tcp://127.0.0.1:0",
			 .handler = say_who,
			 .o = {.proxied = "127.0.0.2/31", .deny = "198.51.100.0/24"}};
	open_town(&t);
	THROUGH(&t, "127.0.0.2", "PROXY TCP4 192.0.2.1 198.51.100.7 50412 443\r\n",
		"192.0.2.1:50412");
	THROUGH(&t, "127.0.0.3", V2, "192.0.2.1:50412");
	THROUGH(&t, "127.0.0.2", "PROXY TCP4 198.51.100.7 192.0.2.1 1 2\r\n", NULL);
	THROUGH(&t, "127.0.0.2", "GET / HTTP/1.1\r\n", NULL);
	THROUGH(&t, "127.0.0.2", "PROXY nonsense\r\n", NULL);
	CHECK_EQ(t.begun, 2);
	PIER_AUTO *c = pier_dial(t.where, .source = "127.0.0.4"); /* no proxy of ours */
	pier_bytes m = pier_next(c);
	CHECK(m.len > 10 && strncmp(m.p, "127.0.0.4:", 10) == 0);
	close_town(&t);
}

ON_FIBER(a_proxy_that_knows_no_client_stays_the_peer)
{
	struct town t = {
		.url = "tcp://127.0.0.1:0", .handler = say_who, .o.proxied = "127.0.0.0/8"};
	open_town(&t);
	static const char *const heads[] = {"PROXY UNKNOWN\r\n", "\r\n\r\n\0\r\nQUIT\n\x20\0\0\0"};
	static const size_t lens[] = {15, 16};
	for (int i = 0; i < 2; i++) {
		PIER_AUTO *c = pier_dial(t.where);
		pier_send(c, heads[i], lens[i]);
		pier_bytes m = pier_next(c);
		CHECK(m.len > 10 && strncmp(m.p, "127.0.0.1:", 10) == 0);
	}
	close_town(&t);
}

ON_FIBER(the_clients_of_a_proxy_are_counted_by_their_hosts)
{
	struct town t = {.url = "tcp://127.0.0.1:0",
			 .handler = say_who,
			 .o = {.proxied = "127.0.0.1", .max_per_host = 1}};
	open_town(&t);
	for (int round = 0; round < 2; round++) {
		PIER_AUTO *a = pier_dial(t.where);
		pier_printf(a, "PROXY TCP4 192.0.2.1 198.51.100.7 1 2\r\n");
		CHECK_BYTES(pier_next(a), "192.0.2.1:1");
		PIER_AUTO *b = pier_dial(t.where);
		pier_printf(b, "PROXY TCP4 192.0.2.2 198.51.100.7 1 2\r\n");
		CHECK_BYTES(pier_next(b), "192.0.2.2:1");
		PIER_AUTO *c = pier_dial(t.where);
		pier_printf(c, "PROXY TCP4 192.0.2.1 198.51.100.7 3 2\r\n");
		CHECK(!pier_next(c).p);
		pier_finish(a);
		pier_finish(b);
		await(&t.ended, 2 * round + 2);
		pier_sleep(PIER_MS(20)); /* they are counted out when they are closed */
	}
	close_town(&t);
}

/* ---- Privileges ------------------------------------------------------------------------------------ */

static void tell_user(const char *where, void *arg)
{
	(void)where;
	*(int *)arg =
		getuid() == getpwnam("nobody")->pw_uid && geteuid() == getuid() && setuid(0) < 0
			? 7
			: 8;
	kill(getpid(), SIGTERM);
}

static int serve_as_nobody(void)
{
	int told = 0, err;
	err = pier_serve("tcp://127.0.0.1:0", never, .arg = &told, .on_listen = tell_user,
			 .user = "nobody", .workers = 3);
	return err < 0 ? 1 : told;
}

TEST(a_server_becomes_another_user_once_it_listens)
{
	test_skip_simulated("it has a process of its own");
	int status;
	if (geteuid() != 0) {
		fprintf(stderr, "only root can become somebody else\n");
		return;
	}
	pid_t child = fork();
	if (child == 0)
		_exit(serve_as_nobody());
	CHECK_EQ(waitpid(child, &status, 0), child);
	CHECK(WIFEXITED(status));
	CHECK_EQ(WEXITSTATUS(status), 7);
	CHECK_EQ(pier_serve("tcp://127.0.0.1:0", never, .user = "no-such-user-here", .quiet = true),
		 -ESRCH);
}

/* A process for each conn: .isolate, of server.h. */
#include "raw_peer.h"
#include "town.h"

#include <dirent.h>

static int children(void)
{
	char path[64], text[256] = "";
	snprintf(path, sizeof path, "/proc/self/task/%d/children", (int)getpid());
	int fd = open(path, O_RDONLY), count = 0;
	ssize_t n = read(fd, text, sizeof text - 1);
	close(fd);
	for (ssize_t i = 0; i < n; i++)
		count += text[i] == ' ';
	return count;
}

static int secret = 1;

/* Lines: "pid", "set", "get", "crash", "exit", "fds", "stop", "sleep". */
static void obey(pier_conn *c, void *arg)
{
	(void)arg;
	for (pier_bytes m; (m = pier_next(c)).p;) {
		if (pier_bytes_eq(m, "pid"))
			pier_printf(c, "%d", (int)getpid());
		else if (pier_bytes_eq(m, "set"))
			pier_printf(c, "%d", ++secret);
		else if (pier_bytes_eq(m, "get"))
			pier_printf(c, "%d", secret);
		else if (pier_bytes_eq(m, "crash"))
			abort();
		else if (pier_bytes_eq(m, "exit"))
			_exit(3);
		else if (pier_bytes_eq(m, "stop"))
			pier_serve_stop(c);
		else if (pier_bytes_eq(m, "sleep"))
			pier_sleep(PIER_S(60));
		else
			pier_printf(c, "%d", pier_workers());
	}
}

static int number(pier_conn *c, const char *what)
{
	char line[64] = "";
	CHECK_OK(pier_send(c, what, strlen(what)));
	CHECK_OK(pier_gets(c, line, sizeof line));
	return atoi(line);
}

static pier_conn *visit(struct town *t)
{
	pier_conn *c = pier_dial(t->where, .frame = PIER_LINES);
	CHECK_OK(pier_err(c));
	return c;
}

#define TOWN(...)                                                                                  \
	{                                                                                          \
		.url = "tcp://127.0.0.1:0", .handler = obey,                                       \
		.o = {.isolate = true,                                                             \
		      .frame = PIER_LINES,                                                         \
		      ##__VA_ARGS__ }                                                              \
	}

static void await_children(int count)
{
	for (int i = 0; children() != count && i < 5000; i++)
		pier_sleep(PIER_MS(1));
	CHECK_EQ(children(), count);
}

ON_FIBER(each_conn_has_a_process_and_memory_of_its_own)
{
	struct town t = TOWN();
	open_town(&t);
	{
		PIER_AUTO *a = visit(&t);
		PIER_AUTO *b = visit(&t);
		int first = number(a, "pid"), second = number(b, "pid");
		CHECK(first != second && first != getpid() && second != getpid());
		CHECK_EQ(number(a, "set"), 2);
		CHECK_EQ(number(a, "set"), 3);
		CHECK_EQ(number(b, "get"), 1);
		CHECK_EQ(secret, 1);
		CHECK_EQ(number(a, "workers"), 1);
		CHECK_EQ(children(), 2);
	}
	await_children(0); /* reaped */
	close_town(&t);
}

ON_FIBER(a_crash_is_one_conns_own)
{
	struct town t = TOWN();
	open_town(&t);
	PIER_AUTO *a = visit(&t);
	PIER_AUTO *b = visit(&t);
	PIER_AUTO *d = visit(&t);
	number(a, "pid");
	number(b, "pid");
	number(d, "pid");
	CHECK_OK(pier_send(a, "crash", 5));
	CHECK(!pier_next(a).p); /* its conn ends at once: nobody else holds it */
	await(&t.errors, 1);
	CHECK_EQ(t.error, -PIER_ECRASH);
	CHECK_EQ(number(b, "get"), 1);
	CHECK_OK(pier_send(d, "exit", 4));
	CHECK(!pier_next(d).p);
	await_children(1);
	CHECK_EQ(t.errors, 1);
	pier_finish(b);
	close_town(&t);
}

/* When one of two ends, its peer sees that, although the other's process was made while it was open. */
ON_FIBER(no_process_holds_the_conn_of_another)
{
	struct town t = TOWN();
	open_town(&t);
	PIER_AUTO *a = visit(&t);
	number(a, "pid");
	PIER_AUTO *b = visit(&t);
	number(b, "pid");
	pier_finish(a);
	PIER_WITHIN (PIER_S(5))
		CHECK(!pier_next(a).p);
	CHECK_EQ(pier_err(a), 0);
	CHECK_EQ(number(b, "get"), 1);
	pier_finish(b);
	close_town(&t);
}

ON_FIBER(a_stop_reaches_the_processes)
{
	struct town t = TOWN(.grace = PIER_MS(200));
	open_town(&t);
	PIER_AUTO *between = visit(&t);
	PIER_AUTO *inside = visit(&t);
	number(between, "pid");
	number(inside, "pid");
	CHECK_OK(pier_send(inside, "sleep", 5));
	pier_sleep(PIER_MS(30));
	int64_t start = pier_now();
	pier_group_cancel(&t.group);
	CHECK(!pier_next(between).p);
	CHECK_EQ(pier_err(between), 0);
	CHECK(pier_now() - start < PIER_MS(180));
	CHECK(!pier_next(inside).p);
	close_town(&t);
	CHECK_EQ(children(), 0);
	CHECK(pier_now() - start < PIER_S(5));
}

ON_FIBER(a_handler_in_its_process_can_stop_the_server)
{
	struct town t = TOWN();
	open_town(&t);
	PIER_AUTO *a = visit(&t);
	CHECK_OK(pier_send(a, "stop", 4));
	pier_finish(a);
	PIER_WITHIN (PIER_S(5))
		CHECK_OK(pier_group_wait(&t.group));
	CHECK(t.over);
	CHECK_EQ(children(), 0);
}

ON_FIBER(the_processes_are_limited)
{
	struct town t = TOWN(.max_conns = 2);
	open_town(&t);
	PIER_AUTO *a = visit(&t);
	PIER_AUTO *b = visit(&t);
	number(a, "pid");
	number(b, "pid");
	PIER_AUTO *c = pier_dial(t.where, .frame = PIER_LINES);
	CHECK(pier_err(c) < 0 || !pier_next(c).p);
	CHECK_EQ(children(), 2);
	pier_finish(a);
	pier_finish(b);
	close_town(&t);
}

ON_FIBER(what_does_not_go_with_processes_is_refused)
{
	CHECK_EQ(pier_serve("udp://127.0.0.1:0", obey, .isolate = true), -EOPNOTSUPP);
	CHECK_EQ(pier_serve("tcp://127.0.0.1:0", obey, .isolate = true, .per_message = true),
		 -EINVAL);
}

/* ---- Beside other options -------------------------------------------------------------------------- */

/* The first process reads the header: the handler, in its own, knows the client and finds what followed the header. */
static void tell_peer(pier_conn *c, void *arg)
{
	(void)arg;
	char line[64];
	if (pier_gets(c, line, sizeof line) > 0)
		pier_printf(c, "%s: %s", pier_peer(c), line);
}

ON_FIBER(a_process_knows_the_client_behind_a_proxy)
{
	struct town t = TOWN(.proxied = "127.0.0.0/8", .deny = "198.51.100.0/24");
	t.handler = tell_peer;
	open_town(&t);
	{
		PIER_AUTO *c = visit(&t);
		pier_set_frame(c, PIER_LINES, 0);
		pier_printf(c, "PROXY TCP4 192.0.2.1 198.51.100.7 50412 443\r\nhello");
		CHECK_BYTES(pier_next(c), "192.0.2.1:50412: hello");
		CHECK(!pier_next(c).p);
		PIER_AUTO *d = visit(&t);
		pier_printf(d, "PROXY TCP4 198.51.100.7 192.0.2.1 1 2\r\nhello");
		CHECK(!pier_next(d).p);
	}
	await_children(0);
	close_town(&t);
}

ON_FIBER(unix_peers_are_allowed_and_denied_by_name)
{
	static const struct {
		const char *allow, *deny;
		bool welcome;
	} cases[] = {{"unix", NULL, true},
		     {"127.0.0.0/8", NULL, false},
		     {NULL, "unix", false},
		     {NULL, "127.0.0.0/8", true},
		     {"10.0.0.0/8 unix", "::1", true}};
	char url[64];
	snprintf(url, sizeof url, "unix:/tmp/pier-isolate-%d", (int)getpid());
	for (size_t i = 0; i < 2 * (sizeof cases / sizeof *cases); i++) {
		struct town t = TOWN(.allow = cases[i / 2].allow, .deny = cases[i / 2].deny);
		t.o.isolate = i % 2;
		t.url = url;
		open_town(&t);
		PIER_WITHIN (PIER_S(5)) {
			PIER_AUTO *c = visit(&t);
			pier_send(c, "pid", 3);
			CHECK_EQ(pier_next(c).p != NULL, cases[i / 2].welcome);
		}
		await_children(0);
		close_town(&t);
	}
}

/* ---- Many ------------------------------------------------------------------------------------------ */

#define VISITS 200

static atomic_int visited;

static int visit_often(void *town)
{
	while (visited++ < VISITS) {
		PIER_AUTO *c = visit(town);
		int crash = visited % 10 == 0;
		int pid = number(c, "pid");
		CHECK(pid > 0 && pid != getpid());
		CHECK_EQ(number(c, "set"), 2); /* nobody else's memory */
		if (crash)
			pier_send(c, "exit", 4);
		else
			pier_finish(c);
		CHECK(!pier_next(c).p);
	}
	return 0;
}

ON_FIBER_WITHIN(60, two_hundred_processes_come_and_go)
{
	struct town t = TOWN(.max_conns = 16);
	pier_group g = PIER_GROUP;
	visited = 0;
	open_town(&t);
	for (int i = 0; i < 8; i++)
		CHECK_OK(pier_go(&g, visit_often, &t));
	CHECK_OK(pier_group_wait(&g));
	await_children(0);
	close_town(&t);
	CHECK_EQ(t.errors, 0);
}

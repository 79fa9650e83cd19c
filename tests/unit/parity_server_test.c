/* Servers, as CPython's tests of socketserver have them. */
#include "raw_peer.h"
#include "town.h"

#include <sys/mman.h>
#include <sys/time.h>

#define HELLO "hello world\n"

static int open_descriptors(void)
{
	int count = 0;
	for (int fd = 0; fd < 1024; fd++)
		count += fcntl(fd, F_GETFD) >= 0;
	return count;
}

/* ---- A process for each -------------------------------------------------------------------------- */

static void echo_line(pier_conn *c, void *arg)
{
	char line[64];
	(void)arg;
	if (pier_gets(c, line, sizeof line) > 0)
		pier_printf(c, "%s\n", line);
}

/* And a child that the application made itself is left to it. */
ON_FIBER_WITHIN(20, processes_serve_every_stream_and_leave_other_children_alone)
{
	char path[64], seqpacket[64];
	snprintf(path, sizeof path, "unix:/tmp/pier-parity-%d", (int)getpid());
	snprintf(seqpacket, sizeof seqpacket, "seqpacket:@pier-parity-%d", (int)getpid());
	const char *urls[] = {"tcp://127.0.0.1:0", "tcp://[::1]:0", path, seqpacket};
	for (int i = 0; i < 4; i++) {
		struct town t = {.url = urls[i], .handler = echo_line, .o.isolate = true};
		int status = 0;
		pid_t child = fork();
		if (child == 0)
			_exit(72);
		fprintf(stderr, "%s\n", urls[i]);
		open_town(&t);
		PIER_WITHIN (PIER_S(10)) {
			for (int n = 0; n < 3; n++) {
				PIER_AUTO *c = pier_dial(t.where);
				CHECK_OK(pier_send(c, HELLO, strlen(HELLO)));
				CHECK_BYTES(pier_next(c), HELLO);
				CHECK(!pier_next(c).p);
				CHECK_EQ(pier_err(c), 0);
			}
		}
		close_town(&t);
		CHECK_EQ(waitpid(child, &status, 0), child);
		CHECK_EQ(WEXITSTATUS(status), 72);
		CHECK_EQ(waitpid(-1, NULL, WNOHANG), -1); /* none of the server's is left */
	}
}

/* ---- Beginning and ending ------------------------------------------------------------------------ */

/* Told before they begin, while they begin, and after. */
ON_FIBER(twenty_servers_told_to_stop_at_once_all_end)
{
	static struct town t[20];
	for (int wait = 0; wait < 3; wait++) {
		memset(t, 0, sizeof t);
		for (int i = 0; i < 20; i++) {
			t[i].url = i % 2 ? "udp://127.0.0.1:0" : "tcp://127.0.0.1:0";
			t[i].handler = echo;
			CHECK_OK(pier_go(&t[i].group, run_town, &t[i]));
			for (int k = 0; k < wait; k++)
				pier_yield();
			pier_group_cancel(&t[i].group);
		}
		for (int i = 0; i < 20; i++) {
			PIER_WITHIN (PIER_S(5))
				pier_group_wait(&t[i].group);
			CHECK(t[i].over);
			CHECK(t[i].result == 0 || t[i].result == -ECANCELED);
		}
	}
}

ON_BOTH(a_listener_leaves_nothing_behind_its_scope)
{
	pier_addr at;
	char url[PIER_ADDR_TEXT + 8], text[PIER_ADDR_TEXT];
	int before = open_descriptors();
	{
		PIER_AUTO_LISTENER *l = NULL;
		CHECK_OK(pier_listen("tcp://127.0.0.1:0", &l));
		CHECK_OK(pier_listener_addr(l, &at));
	}
	CHECK_EQ(open_descriptors(), before);
	snprintf(url, sizeof url, "tcp://%s", pier_addr_format(&at, text, sizeof text));
	PIER_AUTO *c = pier_dial(url);
	CHECK_EQ(pier_err(c), -ECONNREFUSED);
}

ON_BOTH(a_thousand_listens_that_fail_leave_nothing_behind)
{
	int port, taken = raw_listener("127.0.0.1", 1, &port);
	char url[64];
	pier_listener *l = NULL;
	snprintf(url, sizeof url, "tcp://127.0.0.1:%d", port);
	int before = open_descriptors();
	for (int i = 0; i < 1024; i++) {
		CHECK_EQ(pier_listen("tcp://192.0.2.77:80", &l), -EADDRNOTAVAIL); /* RFC 5737 */
		CHECK_EQ(pier_listen("tcp://127.0.0.1:-1", &l), -PIER_EURL);
		CHECK_EQ(pier_listen("unix:/nonexistent/folder/x", &l), -ENOENT);
	}
	for (int i = 0; i < 4; i++) /* each looks for a while whether the place gets free */
		CHECK_EQ(pier_listen(url, &l), -EADDRINUSE);
	CHECK(!l);
	CHECK_EQ(open_descriptors(), before);
	close(taken);
}

ON_FIBER(a_thousand_servers_that_cannot_begin_leave_nothing_behind)
{
	CHECK_EQ(pier_serve("tcp://192.0.2.77:80", echo), -EADDRNOTAVAIL); /* starts the workers */
	int before = open_descriptors();
	for (int i = 0; i < 1024; i++)
		CHECK_EQ(pier_serve("tcp://192.0.2.77:80", echo), -EADDRNOTAVAIL);
	CHECK_EQ(open_descriptors(), before);
}

static uint64_t fibers_alive(void)
{
	pier_worker_stats s;
	uint64_t sum = 0;
	for (unsigned i = 0; pier_stats(i, &s) == 0; i++)
		sum += s.fibers;
	return sum;
}

ON_FIBER(what_served_a_conn_does_not_outlive_it)
{
	struct town t = {.url = "tcp://127.0.0.1:0", .handler = echo};
	uint64_t before = 0, after = 0;
	open_town(&t);
	for (int i = 0; i < 20; i++) {
		PIER_AUTO *c = pier_dial(t.where);
		ask(c, "hello");
		pier_close(c);
		c = NULL;
		await(&t.ended, i + 1);
		if (i == 9) { /* what they share has begun by now */
			CHECK_OK(pier_sleep(PIER_MS(50)));
			before = fibers_alive();
		}
	}
	for (int i = 0; i < 1000 && (after = fibers_alive()) > before; i++)
		CHECK_OK(pier_sleep(PIER_MS(1)));
	CHECK(after <= before);
	close_town(&t);
}

/* ---- Errors -------------------------------------------------------------------------------------- */

static int book; /* what happened, in this process or another */

static void note(const char *line)
{
	CHECK_EQ(write(book, line, strlen(line)), (ssize_t)strlen(line));
}

static void note_that_error(pier_conn *c, int err, void *arg)
{
	(void)c;
	(void)arg;
	note(err == -EMSGSIZE ? "error" : "another error");
}

static void take_line(pier_conn *c, void *arg)
{
	(void)arg;
	note("called ");
	pier_next(c);
}

static void leave(pier_conn *c, void *arg)
{
	(void)arg;
	note("called ");
	pier_serve_stop(c);
}

static int run_one(void *town)
{
	struct town *t = town;
	t->result = pier_serve_with(t->url, t->handler, &t->o);
	return t->result;
}

static void serve_one(pier_handler handler, bool isolate, const char *expected)
{
	char got[64] = "";
	pier_group g = PIER_GROUP;
	struct town t = {.url = "tcp://127.0.0.1:0",
			 .handler = handler,
			 .o = {.size = sizeof t.o,
			       .arg = &t,
			       .isolate = isolate,
			       .max_served = 1,
			       .message_max = 8,
			       .frame = PIER_LINES,
			       .on_listen = note_where,
			       .on_error = note_that_error}};
	fprintf(stderr, "%s%s\n", isolate ? "isolated: " : "", expected);
	book = memfd_create("book", MFD_CLOEXEC);
	CHECK_OK(pier_go(&g, run_one, &t));
	while (!*t.where)
		CHECK_OK(pier_sleep(PIER_MS(1)));
	PIER_WITHIN (PIER_S(5)) {
		PIER_AUTO *c = pier_dial(t.where);
		pier_send(c, "longer than eight\n", 18);
		CHECK(!pier_next(c).p);
		CHECK_OK(pier_group_wait(&g));
	}
	CHECK(pread(book, got, sizeof got - 1, 0) >= 0);
	CHECK_STR(got, expected);
	close(book);
}

/* A handler that goes because it wants to has no error, be it that the server stops or that its process exits. */
static void exit_at_once(pier_conn *c, void *arg)
{
	(void)c;
	(void)arg;
	note("called ");
	_exit(0);
}

ON_FIBER(an_error_of_a_conn_is_told_once_and_leaving_is_none)
{
	for (int isolate = 0; isolate < 2; isolate++) {
		serve_one(take_line, isolate, "called error");
		serve_one(leave, isolate, "called ");
	}
	serve_one(exit_at_once, true, "called ");
}

/* ---- Writing ------------------------------------------------------------------------------------- */

#define MUCH (16 << 20)

static void talk(pier_conn *c, void *arg)
{
	static char big[MUCH];
	struct town *t = arg;
	char line[32];
	pier_addr peer = {.len = sizeof peer.storage};
	t->begun++;
	CHECK_EQ(getpeername(pier_fileno(c), &peer.sa, &peer.len), 0);
	CHECK(pier_addr_eq(&peer, pier_peer_addr(c)));
	CHECK_EQ(pier_printf(c, "write data\n"), 11); /* leaves now: the client waits for it */
	CHECK(pier_gets(c, line, sizeof line) > 0);
	CHECK_STR(line, "client response");
	CHECK_EQ(pier_send(c, big, sizeof big), MUCH);
	t->ended++;
}

static atomic_int rung;

static void count_ring(int signal)
{
	(void)signal;
	rung++;
}

ON_FIBER_WITHIN(30, an_answer_leaves_at_once_and_whole_whatever_signals_come)
{
	struct town t = {.url = "tcp://127.0.0.1:0", .handler = talk};
	struct sigaction act = {.sa_handler = count_ring}; /* no SA_RESTART */
	struct itimerval often = {{0, 1000}, {0, 1000}};
	static char got[65536];
	size_t sum = 0;
	char line[32];
	CHECK_EQ(sigaction(SIGALRM, &act, NULL), 0);
	open_town(&t);
	PIER_WITHIN (PIER_S(20)) {
		PIER_AUTO *c = pier_dial(t.where);
		CHECK(pier_gets(c, line, sizeof line) > 0);
		CHECK_STR(line, "write data");
		CHECK_OK(pier_printf(c, "client response\n"));
		CHECK_EQ(setitimer(ITIMER_REAL, &often, NULL), 0);
		CHECK_OK(pier_sleep(PIER_MS(50))); /* it is full now, and waits */
		for (ssize_t n; (n = pier_recv(c, got, sizeof got)) > 0; sum += (size_t)n)
			;
		CHECK_EQ(setitimer(ITIMER_REAL, &(struct itimerval){0}, NULL), 0);
		CHECK_EQ(pier_err(c), 0);
	}
	CHECK_EQ(sum, MUCH);
	CHECK(rung > 10);
	close_town(&t);
}

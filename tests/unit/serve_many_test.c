/* Servers: many conns, datagrams, and as a whole program. */
#include "town.h"

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

#define CROWD	   1000
#define UNEVEN_TCP 28 /* conns that one worker has more than another, of 250 */
#define UNEVEN_ONE 4  /* where one accepts for all */

static uint64_t conns_of(unsigned worker)
{
	pier_worker_stats s;
	CHECK_OK(pier_stats(worker, &s));
	return s.conns;
}

static uint64_t unevenness(const char *url)
{
	uint64_t least = CROWD, most = 0;
	for (unsigned i = 0; i < 4; i++) {
		uint64_t n = conns_of(i);
		fprintf(stderr, "%.4s, worker %u: %d conns\n", url, i, (int)n);
		least = n < least ? n : least;
		most = n > most ? n : most;
	}
	return most - least;
}

/* All stay; then some leave, as chance has it, and others come. */
static void stay_evenly(const char *url, uint64_t most_more)
{
	struct town t = {.url = url, .handler = echo};
	static pier_conn *c[CROWD];
	open_town(&t);
	for (int i = 0; i < CROWD; i++)
		CHECK_OK(pier_err(c[i] = pier_dial(t.where)));
	await(&t.begun, CROWD);
	CHECK(unevenness(url) <= most_more);
	for (int i = 0; i < CROWD / 2; i++) {
		int one = rand() % CROWD;
		pier_close(c[one]);
		CHECK_OK(pier_err(c[one] = pier_dial(t.where)));
	}
	await(&t.ended, CROWD / 2);
	await(&t.begun, CROWD + CROWD / 2);
	CHECK(unevenness(url) <= most_more);
	for (int i = 0; i < CROWD; i++)
		pier_close(c[i]);
	close_town(&t);
}

static void allow_files(rlim_t count)
{
	struct rlimit files;
	CHECK_EQ(getrlimit(RLIMIT_NOFILE, &files), 0);
	if (files.rlim_max < count)
		test_skip("too few descriptors: ulimit -Hn");
	files.rlim_cur = files.rlim_cur < count ? count : files.rlim_cur;
	CHECK_EQ(setrlimit(RLIMIT_NOFILE, &files), 0);
}

ON_FIBER_WITHIN(60, a_thousand_conns_that_stay_are_spread_evenly)
{
	char path[64];
	snprintf(path, sizeof path, "unix:/tmp/pier-serve-stay-%d", (int)getpid());
	allow_files(CROWD * 2 + 100);
	stay_evenly("tcp://127.0.0.1:0", UNEVEN_TCP);
	stay_evenly(path, UNEVEN_ONE);
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

/* A listener that listens no more: accept(2) says EINVAL. */
static void close_a_door(void)
{
	for (int fd = 0; fd < 1024; fd++) {
		int listens = 0;
		socklen_t len = sizeof listens;
		if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &len) == 0 && listens) {
			CHECK_EQ(shutdown(fd, SHUT_RD), 0);
			return;
		}
	}
	CHECK(false); /* there is none */
}

ON_FIBER(a_server_that_cannot_accept_any_more_stops_and_says_why)
{
	struct town t = {.url = "tcp://127.0.0.1:0", .handler = echo};
	open_town(&t);
	PIER_AUTO *c = pier_dial(t.where);
	ask(c, "hello");
	close_a_door();
	CHECK(!pier_next(c).p);
	CHECK_OK(pier_group_wait(&t.group));
	CHECK_EQ(t.result, -EINVAL);
	CHECK_EQ(t.begun, t.ended);
	CHECK_EQ(t.stops, 1);
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

/* ---- Asked who is there ---------------------------------------------------------------------------- */

static void ask_who(pier_conn *c, void *arg)
{
	(void)arg;
	for (pier_bytes m; (m = pier_next(c)).p;) {
		kill(getpid(), SIGUSR1);
		pier_sleep(PIER_MS(200));
		pier_send(c, m.p, m.len);
	}
}

/* What the program writes on stderr while `c` has asked. */
static void stderr_of_program(struct program *p, char *into, size_t room)
{
	int ends[2], err = dup(STDERR_FILENO);
	CHECK_EQ(pipe(ends), 0);
	dup2(ends[1], STDERR_FILENO);
	start_program(p, ask_who, false);
	dup2(err, STDERR_FILENO);
	close(err);
	close(ends[1]);
	pier_conn *c = pier_dial(p->where);
	ask(c, "who");
	ask(c, "and now");
	pier_close(c);
	kill(p->pid, SIGTERM);
	size_t len = 0;
	for (ssize_t n; (n = read(ends[0], into + len, room - 1 - len)) > 0;)
		len += (size_t)n;
	into[len] = '\0';
	close(ends[0]);
}

TEST(a_program_that_serves_tells_who_is_there_on_usr1)
{
	static char told[1 << 16];
	struct program p = {0};
	stderr_of_program(&p, told, sizeof told);
	ends_well(&p, PIER_S(1));
	const char *first = strstr(told, "worker 0: ");
	CHECK(first && strstr(first + 1, "worker 0: "));
	CHECK(strstr(told, " waits for clients, for "));
	CHECK(strstr(told, " waits for time, for "));
}

static void leave_it(int sig)
{
	(void)sig;
}

TEST(a_usr1_of_the_program_stays_its_own)
{
	static char told[1 << 16];
	struct program p = {0};
	signal(SIGUSR1, leave_it);
	stderr_of_program(&p, told, sizeof told);
	ends_well(&p, PIER_S(1));
	CHECK_STR(told, "");
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

/* Listening by hand, of server.h: several addresses at once, and sockets that somebody else opened. */
#include "raw_peer.h"

#include <sys/un.h>
#include <sys/wait.h>

static void dial_and_talk(pier_listener *l, const char *url)
{
	pier_conn *server;
	PIER_AUTO *c = pier_dial(url);
	CHECK_OK(pier_err(c));
	CHECK_OK(pier_accept(l, &server));
	CHECK_OK(pier_send(c, "hello\n", 6));
	CHECK_BYTES(pier_next(server), "hello");
	CHECK_OK(pier_finish(c)); /* or each close would linger for the other's last words */
	pier_close(server);
}

static bool has_v6(void)
{
	pier_addr a;
	int fd = socket(AF_INET6, SOCK_STREAM, 0);
	CHECK_OK(pier_addr_parse(pier_text("::1"), 0, &a));
	bool yes = fd >= 0 && bind(fd, &a.sa, a.len) == 0;
	close(fd);
	return yes;
}

ON_BOTH(a_listener_of_a_name_takes_clients_at_each_of_its_addresses)
{
	static const char *const hosts[] = {"127.0.0.1", "[::1]"};
	pier_listener *l;
	pier_addr at;
	char url[64];
	CHECK_OK(pier_listen("tcp://localhost:0", &l, .frame = PIER_LINES));
	CHECK_OK(pier_listener_addr(l, &at));
	pier_addrs both;
	CHECK_OK(pier_resolve(pier_text("localhost"), 1, true, &both));
	for (int round = 0; round < 3; round++) {
		for (int i = 0; i < 2; i++) {
			if (i == 1 && (both.count < 2 || !has_v6()))
				continue;
			snprintf(url, sizeof url, "tcp://%s:%d", hosts[i], pier_addr_port(&at));
			dial_and_talk(l, url);
		}
	}
	/* Both at once: who was not taken first is not lost. */
	snprintf(url, sizeof url, "tcp://127.0.0.1:%d", pier_addr_port(&at));
	PIER_AUTO *a = pier_dial(url);
	if (both.count == 2 && has_v6())
		snprintf(url, sizeof url, "tcp://[::1]:%d", pier_addr_port(&at));
	PIER_AUTO *b = pier_dial(url);
	for (int i = 0; i < 2; i++) {
		pier_conn *server;
		PIER_WITHIN (PIER_S(2))
			CHECK_OK(pier_accept(l, &server));
		pier_abort(server);
	}
	PIER_WITHIN (PIER_MS(50)) {
		pier_conn *none;
		CHECK_EQ(pier_accept(l, &none), -ETIMEDOUT);
	}
	(void)a;
	(void)b;
	pier_listener_close(l);
}

struct crowd {
	pier_listener *l;
	int taken;
};

static int take_some(void *arg)
{
	struct crowd *w = arg;
	pier_conn *c;
	while (pier_accept(w->l, &c) == 0) {
		w->taken++;
		pier_abort(c);
	}
	return 0;
}

/* Whoever finds more than one client leaves the others to the rest, and there is room for only so many. */
ON_FIBER(many_fibers_accept_from_one_listener)
{
	struct crowd w = {0};
	pier_addr at;
	char url[2][64];
	pier_addrs both;
	int dialled = 0;
	CHECK_OK(pier_listen("tcp://localhost:0", &w.l));
	CHECK_OK(pier_listener_addr(w.l, &at));
	CHECK_OK(pier_resolve(pier_text("localhost"), 1, true, &both));
	bool six = both.count == 2 && has_v6();
	snprintf(url[0], 64, "tcp://127.0.0.1:%d", pier_addr_port(&at));
	snprintf(url[1], 64, six ? "tcp://[::1]:%d" : "tcp://127.0.0.1:%d", pier_addr_port(&at));
	{
		PIER_AUTO_GROUP g = PIER_GROUP;
		for (int i = 0; i < 40; i++)
			CHECK_OK(pier_go(&g, take_some, &w));
		for (int i = 0; i < 200; i++) {
			pier_conn *c = pier_dial(url[i % 2]);
			dialled += pier_err(c) == 0 || pier_err(c) == -ECONNRESET;
			pier_abort(c);
		}
		for (int i = 0; w.taken < 200 && i < 2000; i++)
			pier_sleep(PIER_MS(1));
	}
	CHECK_EQ(dialled, 200);
	CHECK_EQ(w.taken, 200);
	pier_listener_close(w.l);
}

ON_BOTH(a_listening_descriptor_can_be_served)
{
	pier_listener *l;
	pier_addr at;
	char url[64];
	int port, fd = raw_listener("127.0.0.1", 8, &port);
	snprintf(url, sizeof url, "fd:%d", fd);
	CHECK_OK(pier_listen(url, &l, .frame = PIER_LINES));
	CHECK_OK(pier_listener_addr(l, &at));
	CHECK_EQ(pier_addr_port(&at), port);
	snprintf(url, sizeof url, "tcp://127.0.0.1:%d", port);
	dial_and_talk(l, url);
	pier_listener_close(l);
	CHECK_EQ(fcntl(fd, F_GETFD), -1); /* it was given away */
}

ON_BOTH(a_path_that_was_inherited_is_not_removed)
{
	pier_listener *l;
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	char url[160], path[64];
	snprintf(path, sizeof path, "/tmp/pier-listener-%d", (int)getpid());
	strncpy(at.sun_path, path, sizeof at.sun_path - 1);
	unlink(path);
	int fd = socket(AF_UNIX, SOCK_SEQPACKET, 0);
	CHECK_EQ(bind(fd, (struct sockaddr *)&at, sizeof at), 0);
	CHECK_EQ(listen(fd, 8), 0);
	snprintf(url, sizeof url, "fd:%d", fd);
	CHECK_OK(pier_listen(url, &l));
	snprintf(url, sizeof url, "seqpacket:%s", path);
	pier_conn *server;
	PIER_AUTO *c = pier_dial(url);
	CHECK_OK(pier_err(c));
	CHECK_OK(pier_accept(l, &server));
	CHECK(pier_is_message(server));
	pier_abort(server);
	pier_listener_close(l);
	CHECK_EQ(access(path, F_OK), 0);
	unlink(path);
}

ON_BOTH(what_does_not_listen_is_refused)
{
	pier_listener *l = NULL;
	char url[64];
	int pair[2], udp = socket(AF_INET, SOCK_DGRAM, 0), plain = socket(AF_INET, SOCK_STREAM, 0);
	CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	const int bad[] = {pair[0], udp, plain};
	for (int i = 0; i < 3; i++) {
		snprintf(url, sizeof url, "fd:%d", bad[i]);
		CHECK_EQ(pier_listen(url, &l), -EPROTOTYPE);
		CHECK_EQ(close(bad[i]), 0); /* it stayed ours */
	}
	CHECK_EQ(pier_listen("fd:999", &l), -EBADF);
	CHECK_EQ(pier_listen("fd:0", &l), -ENOTSOCK);
	CHECK_EQ(pier_listen("systemd:", &l), -PIER_EINHERIT);
	CHECK_EQ(pier_listen("pair:", &l), -PIER_EURL);
	CHECK(!l);
	close(pair[1]);
}

/* As systemd would start it: the child's sockets are 3 and 4, and the variables tell. */
static int activated(void)
{
	pier_listener *l;
	pier_addr at;
	char pid[16];
	int port[2], fds[2] = {raw_listener("127.0.0.1", 8, &port[0]),
			       raw_listener("127.0.0.1", 8, &port[1])};
	int high[2] = {fcntl(fds[0], F_DUPFD, 100), fcntl(fds[1], F_DUPFD, 100)};
	dup2(high[0], 3);
	dup2(high[1], 4);
	snprintf(pid, sizeof pid, "%d", (int)getpid());
	setenv("LISTEN_FDS", "2", 1);
	setenv("LISTEN_FDNAMES", "web:admin", 1);
	setenv("LISTEN_PID", "1", 1);
	if (pier_listen("systemd:", &l) != -PIER_EINHERIT)
		return 1;
	setenv("LISTEN_PID", "one", 1);
	if (pier_listen("systemd:", &l) != -PIER_EINHERIT)
		return 2;
	setenv("LISTEN_PID", pid, 1);
	if (pier_listen("systemd:nothing", &l) != -PIER_EINHERIT)
		return 3;
	if (pier_listen("systemd:admin", &l) != 0)
		return 4;
	pier_listener_addr(l, &at);
	if (pier_addr_port(&at) != port[1] || fcntl(4, F_GETFD) != FD_CLOEXEC)
		return 5;
	pier_listener_close(l);
	return 0;
}

TEST(sockets_of_systemd_are_taken_by_name)
{
	int status;
	pid_t child = fork();
	if (child == 0)
		_exit(activated());
	CHECK_EQ(waitpid(child, &status, 0), child);
	CHECK_EQ(status, 0);
}

ON_BOTH(a_listener_tells_where_to_dial_it)
{
	static const char *const urls[] = {"tcp://127.0.0.1:0", "tcp://:0",
					   "unix:@pier-listener-%d", "seqpacket:@pier-listener-%d"};
	for (int i = 0; i < 4; i++) {
		char url[64]; /* nobody else's on this machine */
		snprintf(url, sizeof url, urls[i], (int)getpid());
		PIER_AUTO_LISTENER *l = NULL;
		CHECK_OK(pier_listen(url, &l));
		PIER_AUTO *c = pier_dial(pier_listener_url(l));
		CHECK_STR(pier_why(c), "");
		CHECK_EQ(pier_listener_port(l), i < 2 ? pier_addr_port(pier_peer_addr(c)) : 0);
		CHECK_OK(pier_finish(c));
		pier_conn *server;
		CHECK_OK(pier_accept(l, &server));
		CHECK_EQ(pier_is_message(server), i == 3);
		pier_close(server);
	}
}

/* Datagrams inside this machine: unixgram:, of addr.h. */
#include "town.h"

static struct town gram_town(const char *name, char url[64], pier_handler handler)
{
	snprintf(url, 64, "unixgram:/tmp/pier-gram-%s-%d", name, (int)getpid());
	return (struct town){.url = url, .handler = handler};
}

static struct sockaddr_un name_of(const char *url)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	snprintf(a.sun_path, sizeof a.sun_path, "%s", strchr(url, ':') + 1);
	return a;
}

/* A peer with a path of its own, as programs have that know nothing of names by the kernel. */
static int raw_peer(const char *path, const struct sockaddr_un *to)
{
	struct sockaddr_un own = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (path) {
		snprintf(own.sun_path, sizeof own.sun_path, "%s", path);
		unlink(path);
		CHECK_EQ(bind(fd, (struct sockaddr *)&own, sizeof own), 0);
	}
	CHECK_EQ(connect(fd, (const struct sockaddr *)to, sizeof *to), 0);
	return fd;
}

static void wait_for_input(int fd)
{
	char byte;
	for (int i = 0; recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0 && i < 5000; i++)
		CHECK_OK(pier_sleep(PIER_MS(1)));
}

/* Names of many lengths come through the same memory. */
ON_FIBER(a_peer_of_a_unixgram_server_is_known_by_its_path)
{
	test_skip_simulated("it asks the real kernel by itself");
	char url[64], path[64], got[64];
	struct town t = gram_town("path", url, echo);
	open_town(&t);
	struct sockaddr_un to = name_of(url);
	int fds[8];
	for (int i = 0; i < 8; i++) {
		snprintf(path, sizeof path, "/tmp/pier-gram-%.*s-%d", 8 - i, "longname",
			 (int)getpid());
		fds[i] = raw_peer(path, &to);
	}
	for (int round = 0; round < 3; round++) {
		for (int i = 0; i < 8; i++)
			CHECK_EQ(send(fds[i], &"12345678"[i], 1, 0), 1);
		for (int i = 0; i < 8; i++) {
			wait_for_input(fds[i]);
			CHECK_EQ(recv(fds[i], got, sizeof got, MSG_DONTWAIT), 1);
			CHECK_EQ(got[0], '1' + i);
		}
	}
	CHECK_EQ(t.begun, 8);
	for (int i = 0; i < 8; i++) {
		snprintf(path, sizeof path, "/tmp/pier-gram-%.*s-%d", 8 - i, "longname",
			 (int)getpid());
		unlink(path);
		close(fds[i]);
	}
	close_town(&t);
	CHECK_EQ(access(to.sun_path, F_OK), -1); /* its path is removed */
}

static char heard[64];

static void hear(pier_conn *c, void *arg)
{
	struct town *t = arg;
	t->begun++;
	pier_bytes m = pier_next(c);
	snprintf(heard, sizeof heard, "%s says %.*s", pier_peer(c), (int)m.len, m.p);
	pier_send(c, "yes", 3);
	t->ended++;
}

ON_FIBER(one_without_a_name_is_heard_and_cannot_be_answered)
{
	test_skip_simulated("it asks the real kernel by itself");
	char url[64];
	struct town t = gram_town("unnamed", url, hear);
	t.o.allow = "unix";
	open_town(&t);
	struct sockaddr_un to = name_of(url);
	int fd = raw_peer(NULL, &to);
	CHECK_EQ(send(fd, "hello", 5, 0), 5);
	await(&t.errors, 1);
	CHECK_EQ(t.error, -EDESTADDRREQ);
	CHECK_STR(heard, "unix says hello");
	close(fd);
	close_town(&t);
}

ON_FIBER(who_is_not_welcome_by_unixgram_is_dropped)
{
	char url[64];
	struct town t = gram_town("deny", url, echo);
	t.o.deny = "unix";
	open_town(&t);
	PIER_AUTO *c = pier_dial(url);
	CHECK_OK(pier_send(c, "hello", 5));
	PIER_WITHIN (PIER_MS(50))
		CHECK(!pier_next(c).p);
	close_town(&t);
	CHECK_EQ(t.begun, 0);
}

static void pour(pier_conn *c, void *arg)
{
	struct town *t = arg;
	t->begun++;
	pier_set_timeouts(c, 0, PIER_MS(80));
	pier_next(c);
	while (pier_send(c, "more", 4) == 4)
		;
	t->ended++;
}

/* What waits for one who does not read counts against the one socket that sends to all: unix(7). */
ON_FIBER(a_unixgram_peer_that_does_not_read_is_waited_for_no_longer_than_told)
{
	char url[64];
	struct town t = gram_town("full", url, pour);
	open_town(&t);
	pier_conn *deaf = pier_dial(url);
	CHECK_OK(pier_send(deaf, "x", 1));
	await(&t.errors, 1);
	CHECK_EQ(t.error, -ETIMEDOUT);
	pier_close(deaf); /* with it goes what waited */
	PIER_AUTO *good = pier_dial(url);
	CHECK_OK(pier_send(good, "x", 1));
	for (int i = 0; i < 1000; i++)
		CHECK_BYTES(pier_next(good), "more");
	pier_abort(good);
	good = NULL;
	await(&t.ended, 2);
	close_town(&t);
}

ON_FIBER(unixgram_messages_are_whole_and_may_be_empty)
{
	static char big[60000];
	char url[64];
	struct town t = gram_town("sizes", url, echo);
	open_town(&t);
	memset(big, 'x', sizeof big);
	PIER_AUTO *c = pier_dial(url);
	for (size_t n = 0; n <= sizeof big; n += 20000) {
		CHECK_EQ(pier_send(c, big, n), (ssize_t)n);
		pier_bytes m = pier_next(c);
		CHECK(m.p);
		CHECK_EQ(m.len, n);
	}
	close_town(&t);
}

ON_FIBER(a_unixgram_place_is_taken_over_from_the_dead_only)
{
	test_skip_simulated("there are no files that a path could meet");
	char url[64];
	struct town t = gram_town("taken", url, echo);
	struct sockaddr_un dead = name_of(url);
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	CHECK_EQ(bind(fd, (struct sockaddr *)&dead, sizeof dead), 0);
	CHECK_EQ(pier_serve(url, echo), -EADDRINUSE);
	close(fd);
	PIER_AUTO *nobody = pier_dial(url);
	CHECK_EQ(pier_err(nobody), -ECONNREFUSED);
	open_town(&t);
	PIER_AUTO *c = pier_dial(url);
	ask(c, "hello");
	close_town(&t);
}

ON_FIBER(what_does_not_go_with_unixgram_is_refused)
{
	pier_listener *l = NULL;
	CHECK_EQ(pier_listen("unixgram:@pier-gram", &l), -EPROTOTYPE);
	CHECK_EQ(pier_serve("unixgram:@pier-gram", echo, .isolate = true), -EOPNOTSUPP);
}

/* A socket that the program was given: of systemd (ListenDatagram=), or opened by hand. */
ON_FIBER(a_unixgram_socket_that_is_open_already_is_served)
{
	test_skip_simulated("it asks the real kernel by itself");
	char url[64], fd_url[32];
	struct town t = gram_town("given", url, echo);
	struct sockaddr_un at = name_of(url);
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	CHECK_EQ(bind(fd, (struct sockaddr *)&at, sizeof at), 0);
	snprintf(fd_url, sizeof fd_url, "fd:%d", fd);
	t.url = fd_url;
	open_town(&t);
	PIER_AUTO *c = pier_dial(url);
	ask(c, "hello");
	close_town(&t);
	CHECK_EQ(access(at.sun_path, F_OK), 0); /* who made it removes it */
	unlink(at.sun_path);
}

/* ---- In a topic ---------------------------------------------------------------------------------- */

static pier_topic *room;

static void sit(pier_conn *c, void *arg)
{
	struct town *t = arg;
	t->begun++;
	CHECK_OK(pier_topic_add(room, c));
	while (pier_next(c).p)
		;
	t->ended++;
}

ON_FIBER(a_unixgram_member_that_does_not_read_is_cut_off)
{
	char url[64];
	struct town t = gram_town("topic", url, sit);
	room = pier_topic_new(.backlog = 1024);
	open_town(&t);
	PIER_AUTO *c = pier_dial(url);
	CHECK_OK(pier_send(c, "x", 1));
	await(&t.begun, 1);
	for (int i = 0; i < 2000 && t.errors == 0; i++) {
		pier_say(room, NULL, pier_text("news"));
		pier_sleep(PIER_MS(1));
	}
	CHECK_EQ(t.error, -PIER_ESLOW);
	CHECK_BYTES(pier_next(c), "news");
	close_town(&t);
	pier_topic_free(room);
}

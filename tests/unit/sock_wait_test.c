/* Raw sockets that wait, on fibers and on threads, for a thread that uses none of the library. */
#include "sock_pairs.h"

#include "io/backend.h"
#include <dirent.h>
#include <pier/stats.h>
#include <poll.h>
#include <pthread.h>

static int open_files(void)
{
	DIR *dir = opendir("/proc/self/fd");
	int count = 0;
	while (readdir(dir))
		count++;
	closedir(dir);
	return count;
}

static void nap(int ms)
{
	poll(NULL, 0, ms);
}

/* ---- The other end -------------------------------------------------------------------------------- */

struct peer {
	pthread_t thread;
	int fd;
	int rounds;
};

static void peer_start(struct peer *p, int fd, void *(*run)(void *))
{
	p->fd = fd;
	CHECK_EQ(pthread_create(&p->thread, NULL, run, p), 0);
}

/* Blocks in the kernel, as the socket itself does not. */
static ssize_t hear(int fd, void *into, size_t room)
{
	struct pollfd in = {.fd = fd, .events = POLLIN};
	return poll(&in, 1, 5000) == 1 ? recv(fd, into, room, MSG_DONTWAIT) : -1;
}

static void *echo(void *arg)
{
	struct peer *p = arg;
	char bytes[64];
	for (ssize_t n; (n = hear(p->fd, bytes, sizeof bytes)) > 0;)
		send(p->fd, bytes, (size_t)n, MSG_NOSIGNAL);
	return NULL;
}

static void *send_three(void *arg)
{
	struct peer *p = arg;
	struct iovec pieces[3] = {{"one", 3}, {"two", 3}, {"three", 5}};
	struct mmsghdr m[3] = {0};
	for (int i = 0; i < 3; i++)
		m[i].msg_hdr = (struct msghdr){.msg_iov = &pieces[i], .msg_iovlen = 1};
	nap(30);
	CHECK_EQ(sendmmsg(p->fd, m, 3, 0), 3);
	return NULL;
}

static void *hear_all(void *arg)
{
	struct peer *p = arg;
	char bytes[2048];
	nap(30);
	for (ssize_t n; (n = hear(p->fd, bytes, sizeof bytes)) > 1;)
		p->rounds++;
	return NULL;
}

/* ---- Batches -------------------------------------------------------------------------------------- */

ON_BOTH(a_batch_that_waits_comes_as_a_batch)
{
	pier_sock s[2];
	struct peer peer;
	char in[8][8];
	struct iovec room[8];
	pier_message got[8];
	for (int i = 0; i < 8; i++) {
		room[i] = (struct iovec){in[i], sizeof in[i]};
		got[i] = pier_message_of(&room[i]);
	}
	CHECK_OK(pier_socketpair(SOCK_DGRAM, s));
	peer_start(&peer, s[1].fd, send_three);
	int n = pier_sock_recvmmsg(&s[0], got, 8, 0);
	CHECK(n >= 1);
	pthread_join(peer.thread, NULL);
	while (n < 3) { /* the first may have been taken before the others were there */
		int more = pier_sock_recvmmsg(&s[0], got + n, 8 - (unsigned)n, 0);
		CHECK(more > 0);
		n += more;
	}
	CHECK_EQ(n, 3);
	CHECK_EQ(got[2].bytes, 5);
	CHECK_BYTES(pier_bytes_of(in[2], 5), "three");
	CHECK_EQ(pier_sock_recvmmsg(&s[0], got, 8, MSG_DONTWAIT), -EAGAIN);
	part(s);
}

ON_BOTH(a_batch_that_finds_no_room_waits_and_none_is_lost)
{
	pier_sock s[2];
	struct peer peer = {.rounds = 0};
	static char block[1024];
	static pier_message m[1500];
	struct iovec piece = {block, sizeof block};
	for (int i = 0; i < 1500; i++)
		m[i] = pier_message_of(&piece);
	CHECK_OK(pier_socketpair(SOCK_SEQPACKET, s));
	peer_start(&peer, s[1].fd, hear_all);
	CHECK_EQ(pier_sock_sendmmsg(&s[0], m, 1500, 0), 1500);
	say(&s[0], "."); /* the last */
	pthread_join(peer.thread, NULL);
	CHECK_EQ(peer.rounds, 1500);
	pier_sock_set_timeouts(&s[0], PIER_FOREVER, PIER_MS(20));
	int sent = pier_sock_sendmmsg(&s[0], m, 1500, 0);
	CHECK(sent > 0 && sent < 1500); /* the time-out stopped the rest */
	CHECK_EQ(pier_sock_sendmmsg(&s[0], m, 1, 0), -ETIMEDOUT);
	part(s);
}

/* ---- Waiting again and again ---------------------------------------------------------------------- */

/* After many waits a receive may wait without a try. It must not wait for what is there, nor where it shall not. */
static void talk(int type, bool messages)
{
	pier_sock s[2];
	struct peer peer;
	char got[64];
	CHECK_OK(pier_socketpair(type, s));
	peer_start(&peer, s[1].fd, echo);
	for (int i = 0; i < 300; i++) {
		say(&s[0], "ping");
		if (i % 50 == 49)
			nap(2); /* the answer is here before it is asked for */
		if (messages)
			CHECK_EQ(pier_sock_recvfrom(&s[0], got, sizeof got, 0, NULL), 4);
		else
			CHECK_EQ(pier_sock_recv(&s[0], got, i % 2 ? 4 : sizeof got, 0), 4);
		if (i % 7 == 6)
			CHECK_EQ(pier_sock_recv(&s[0], got, sizeof got, MSG_DONTWAIT), -EAGAIN);
	}
	pier_sock_set_timeouts(&s[0], 0, PIER_FOREVER);
	for (int i = 0; i < 3; i++)
		CHECK_EQ(pier_sock_recv(&s[0], got, sizeof got, 0), -EAGAIN);
	pier_sock_set_timeouts(&s[0], PIER_MS(5), PIER_FOREVER);
	for (int i = 0; i < 3; i++)
		CHECK_EQ(pier_sock_recv(&s[0], got, sizeof got, 0), -ETIMEDOUT);
	pier_sock_set_timeouts(&s[0], PIER_S(5), PIER_FOREVER);
	say(&s[0], "last");
	check_recv(&s[0], "last");
	CHECK_OK(pier_sock_shutdown(&s[0], SHUT_WR));
	pthread_join(peer.thread, NULL);
	CHECK_OK(pier_sock_shutdown(&s[1], SHUT_WR));
	CHECK_EQ(pier_sock_recv(&s[0], got, sizeof got, 0), 0);
	part(s);
}

ON_BOTH(who_always_waits_still_sees_all_at_once)
{
	talk(SOCK_STREAM, false);
	talk(SOCK_SEQPACKET, false);
	talk(SOCK_SEQPACKET, true);
}

ON_BOTH(no_time_out_is_early_or_much_too_late)
{
	static const int64_t times[] = {PIER_US(300), PIER_US(1500), PIER_US(20300)};
	pier_sock s[2];
	char byte;
	CHECK_OK(pier_socketpair(SOCK_STREAM, s));
	for (int i = 0; i < 9; i++) {
		int64_t began = pier_io_clock();
		pier_sock_set_timeouts(&s[0], times[i % 3], 0);
		CHECK_EQ(pier_sock_recv(&s[0], &byte, 1, 0), -ETIMEDOUT);
		int64_t took = pier_io_clock() - began;
		CHECK(took >= times[i % 3] && took < times[i % 3] + PIER_S(2));
	}
	part(s);
}

/* ---- What a wait costs ---------------------------------------------------------------------------- */

static void *wait_on_thread(void *arg)
{
	char byte;
	CHECK_EQ(pier_sock_recv(arg, &byte, 1, 0), 1);
	return NULL;
}

TEST(a_thread_that_waits_holds_nothing_open_for_it)
{
	pier_sock s[2];
	pthread_t thread;
	CHECK_OK(pier_socketpair(SOCK_STREAM, s));
	int before = open_files();
	CHECK_EQ(pthread_create(&thread, NULL, wait_on_thread, &s[0]), 0);
	for (int i = 0; i < 20; i++) {
		nap(2);
		CHECK_EQ(open_files(), before);
	}
	say(&s[1], "x");
	pthread_join(thread, NULL);
	part(s);
}

/* Calls that need not wait are no ops, and are counted as if they were. */
ON_FIBER(direct_calls_are_counted)
{
	pier_sock s[2];
	pier_worker_stats a, b;
	struct iovec piece = {"abc", 3};
	pier_message m[2] = {pier_message_of(&piece), pier_message_of(&piece)};
	CHECK_OK(pier_socketpair(SOCK_SEQPACKET, s));
	CHECK_OK(pier_stats(0, &a));
	say(&s[0], "four");
	check_recv(&s[1], "four");
	CHECK_EQ(pier_sock_sendmmsg(&s[0], m, 2, 0), 2);
	check_recv(&s[1], "abc");
	CHECK_OK(pier_stats(0, &b));
	CHECK_EQ(b.ops - a.ops, 4);
	CHECK_EQ(b.ops_inline - a.ops_inline, 4);
	CHECK_EQ(b.bytes_out - a.bytes_out, 10);
	CHECK_EQ(b.bytes_in - a.bytes_in, 7);
	part(s);
}

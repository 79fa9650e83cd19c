/* Datagrams that leave together, and what becomes of one that cannot. */
#include "on_fiber.h"

#include "net/udp/datagrams.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

struct owner {
	int errors, last;
};

static void count_failure(void *owner, int err)
{
	struct owner *o = owner;
	o->errors++;
	o->last = err;
}

static int udp_at(const char *host, pier_addr *at)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	CHECK_OK(fd);
	CHECK_OK(pier_addr_parse(pier_text(host), 0, at));
	CHECK_EQ(bind(fd, &at->sa, at->len), 0);
	at->len = sizeof at->storage;
	CHECK_EQ(getsockname(fd, &at->sa, &at->len), 0);
	return fd;
}

static int64_t put_to(struct gather *g, void *owner, const pier_addr *to, const char *text,
		      size_t len)
{
	struct iovec iov = {(void *)(uintptr_t)text, len};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
	return pier_gather_put(g, owner, to, &(struct source){0}, &msg);
}

static void check_next(int fd, const char *text, size_t len)
{
	char got[2000];
	struct pollfd p = {.fd = fd, .events = POLLIN};
	CHECK_EQ(poll(&p, 1, 1000), 1);
	CHECK_EQ(recv(fd, got, sizeof got, 0), len);
	CHECK(memcmp(got, text, len) == 0);
}

static void check_nothing(int fd)
{
	char got[1];
	CHECK_EQ(recv(fd, got, sizeof got, MSG_DONTWAIT), -1);
	CHECK_EQ(errno, EAGAIN);
}

ON_FIBER(datagrams_of_any_sizes_leave_in_order_and_whole)
{
	static const size_t sizes[] = {5, 5, 5, 3, 5, 0, 0, 7, 7, 9, 1400, 1400, 20, 16384, 5};
	static char text[16384];
	struct owner o = {0};
	struct gather *g;
	pier_addr a, b;
	int from = udp_at("127.0.0.1", &a), to = udp_at("127.0.0.1", &b);
	for (size_t i = 0; i < sizeof text; i++)
		text[i] = (char)(i * 7);
	CHECK_OK(pier_gather_new(from, count_failure, &g));
	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
		CHECK_EQ(put_to(g, &o, &b, text + i, i == 13 ? 16384 - i : sizes[i]),
			 i == 13 ? 16384 - i : sizes[i]);
	check_nothing(to);
	CHECK(pier_gather_flush(g));
	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		if (i != 13) {
			check_next(to, text + i, sizes[i]);
			continue;
		}
		char big[16384];
		CHECK_EQ(recv(to, big, sizeof big, 0), 16384 - 13);
		CHECK(memcmp(big, text + i, 16384 - 13) == 0);
	}
	check_nothing(to);
	CHECK_EQ(o.errors, 0);
	pier_gather_free(g);
	close(from);
	close(to);
}

ON_FIBER(a_full_gather_leaves_by_itself)
{
	struct owner o = {0}, p = {0};
	struct gather *g;
	pier_addr a, b, c;
	int from = udp_at("127.0.0.1", &a), to = udp_at("127.0.0.1", &b),
	    other = udp_at("127.0.0.1", &c);
	CHECK_OK(pier_gather_new(from, count_failure, &g));
	for (int i = 0; i < 200; i++) {
		char text[2] = {(char)i, (char)(i >> 8)};
		CHECK_EQ(put_to(g, i % 2 ? &o : &p, i % 2 ? &b : &c, text, 2), 2);
	}
	CHECK(pier_gather_flush(g));
	for (int i = 0; i < 200; i++)
		check_next(i % 2 ? to : other, (char[]){(char)i, (char)(i >> 8)}, 2);
	pier_gather_free(g);
	close(from);
	close(to);
	close(other);
}

/* To all, without SO_BROADCAST: -EACCES, for those that the kernel was to cut as for the others. */
ON_FIBER(an_error_is_its_owner_s_and_loses_nothing_of_others)
{
	struct owner bad = {0}, good = {0};
	struct gather *g;
	pier_addr a, b, everyone;
	int from = udp_at("127.0.0.1", &a), to = udp_at("127.0.0.1", &b);
	CHECK_OK(pier_addr_parse(pier_text("255.255.255.255"), 9, &everyone));
	CHECK_OK(pier_gather_new(from, count_failure, &g));
	for (int i = 0; i < 3; i++)
		CHECK_EQ(put_to(g, &bad, &everyone, "same", 4), 4);
	CHECK_EQ(put_to(g, &good, &b, "one", 3), 3);
	CHECK_EQ(put_to(g, &good, &b, "two", 3), 3);
	CHECK_EQ(put_to(g, &bad, &everyone, "alone", 5), 5);
	CHECK_EQ(put_to(g, &good, &b, "last", 4), 4);
	CHECK(pier_gather_flush(g));
	check_next(to, "one", 3);
	check_next(to, "two", 3);
	check_next(to, "last", 4);
	check_nothing(to);
	CHECK_EQ(bad.errors, 4);
	CHECK_EQ(bad.last, -EACCES);
	CHECK_EQ(good.errors, 0);
	pier_gather_free(g);
	close(from);
	close(to);
}

/* A kernel that will not cut (a device without sums, a path of small packets) costs nothing but the speed. */
ON_FIBER(what_the_kernel_will_not_cut_goes_piece_by_piece)
{
	struct owner o = {0};
	struct gather *g;
	pier_addr a, b;
	int from = udp_at("127.0.0.1", &a), to = udp_at("127.0.0.1", &b), off = 1;
	/* udp(7): no segmentation where there are to be no sums. */
	CHECK_EQ(setsockopt(from, SOL_SOCKET, SO_NO_CHECK, &off, sizeof off), 0);
	CHECK_OK(pier_gather_new(from, count_failure, &g));
	for (int i = 0; i < 5; i++)
		CHECK_EQ(put_to(g, &o, &b, (char[]){"abcde"[i], 'x', 'y'}, i < 4 ? 3 : 2),
			 i < 4 ? 3 : 2);
	CHECK_EQ(put_to(g, &o, &b, "end", 3), 3);
	CHECK(pier_gather_flush(g));
	for (int i = 0; i < 5; i++)
		check_next(to, (char[]){"abcde"[i], 'x', 'y'}, i < 4 ? 3 : 2);
	check_next(to, "end", 3);
	check_nothing(to);
	CHECK_EQ(o.errors, 0);
	CHECK(!g->cuts);
	pier_gather_free(g);
	close(from);
	close(to);
}

ON_FIBER(an_owner_that_is_gone_is_told_nothing)
{
	struct owner o = {0};
	struct gather *g;
	pier_addr a, everyone;
	int from = udp_at("127.0.0.1", &a);
	CHECK_OK(pier_addr_parse(pier_text("255.255.255.255"), 9, &everyone));
	CHECK_OK(pier_gather_new(from, count_failure, &g));
	CHECK_EQ(put_to(g, &o, &everyone, "x", 1), 1);
	pier_gather_forget(g, &o);
	CHECK(pier_gather_flush(g));
	CHECK_EQ(o.errors, 0);
	pier_gather_free(g);
	close(from);
}

ON_FIBER(what_is_gathered_leaves_at_the_end_of_the_turn)
{
	struct owner o = {0};
	struct gather *g;
	pier_addr a, b;
	int from = udp_at("127.0.0.1", &a), to = udp_at("127.0.0.1", &b);
	CHECK_OK(pier_gather_new(from, count_failure, &g));
	CHECK_EQ(put_to(g, &o, &b, "x", 1), 1);
	check_nothing(to);
	pier_yield();
	check_next(to, "x", 1);
	pier_gather_free(g);
	close(from);
	close(to);
}

/* ---- No room ------------------------------------------------------------------------------------- */

/* A unix datagram waits for its reader, where udp's would be dropped. */
struct narrow {
	int fds[2];
	pier_addr to;
	unsigned came;
	bool wrong;
};

static void narrow_open(struct narrow *n)
{
	char path[64];
	snprintf(path, sizeof path, "@pier-gather-%d", (int)getpid());
	CHECK_OK(pier_addr_unix(pier_text(path), &n->to));
	for (int i = 0; i < 2; i++)
		n->fds[i] = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	CHECK_EQ(bind(n->fds[0], &n->to.sa, n->to.len), 0);
}

static int read_late(void *arg)
{
	struct narrow *n = arg;
	unsigned number;
	pier_sleep(PIER_MS(20));
	while (n->came < 300) {
		if (recv(n->fds[0], &number, sizeof number, 0) < 0) {
			if (pier_sleep(PIER_MS(1)) < 0)
				return 0;
			continue;
		}
		n->wrong |= number != n->came++;
	}
	return 0;
}

ON_FIBER(without_room_they_wait_and_nothing_is_lost)
{
	test_skip_simulated("it asks the real kernel by itself");
	struct narrow n = {0};
	struct owner o = {0};
	struct gather *g;
	PIER_AUTO_GROUP reader = PIER_GROUP;
	unsigned waits = 0;
	narrow_open(&n);
	CHECK_OK(pier_gather_new(n.fds[1], count_failure, &g));
	CHECK_OK(pier_go(&reader, read_late, &n));
	for (unsigned i = 0; i < 300; i++) {
		while (put_to(g, &o, &n.to, (char *)&i, sizeof i) == -EAGAIN) {
			CHECK_OK(pier_gather_wait(g, PIER_FOREVER));
			waits++;
		}
	}
	pier_gather_free(g);
	CHECK_OK(pier_group_wait(&reader));
	CHECK(waits > 0);
	CHECK_EQ(n.came, 300);
	CHECK(!n.wrong);
	CHECK_EQ(o.errors, 0);
	close(n.fds[0]);
	close(n.fds[1]);
}

ON_FIBER(a_wait_for_room_ends_at_its_deadline)
{
	test_skip_simulated("it asks the real kernel by itself");
	struct narrow n = {0};
	struct owner o = {0};
	struct gather *g;
	narrow_open(&n);
	CHECK_OK(pier_gather_new(n.fds[1], count_failure, &g));
	while (put_to(g, &o, &n.to, "full", 4) != -EAGAIN)
		;
	CHECK_EQ(pier_gather_wait(g, pier_now() + PIER_MS(20)), -ETIMEDOUT);
	pier_gather_free(g); /* nobody will read: it gives up */
	close(n.fds[0]);
	close(n.fds[1]);
}

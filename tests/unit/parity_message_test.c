/* Messages over every kind of socket, as CPython's tests of sendmsg and recvmsg have them. */
#include "sock_kinds.h"

#include <time.h>

#define MSG "Michael Gilfix was here\r\n"
#define LEN ((ssize_t)strlen(MSG))

/* ---- Sending ------------------------------------------------------------------------------------- */

ON_BOTH(a_message_goes_whole_however_it_is_cut)
{
	static const uint16_t words[] = {0x6568, 0x6c6c, 0x216f}; /* any memory will do */
	char text[] = MSG;
	EACH_KIND(e)
	{
		fprintf(stderr, "%s\n", e.kind->name);
		for (size_t cut = 0; cut <= (size_t)LEN; cut++) {
			struct iovec pieces[3] = {
				{text, cut}, {NULL, 0}, {text + cut, (size_t)LEN - cut}};
			pier_message m = message_to(&e, pieces);
			m.pieces = 3;
			CHECK_EQ(pier_sock_sendmsg(&e.client, &m, 0), LEN);
			check_recv(&e.server, MSG);
		}
		struct iovec piece = {(void *)(uintptr_t)words, sizeof words};
		pier_message m = message_to(&e, &piece);
		char got[sizeof words];
		CHECK_EQ(pier_sock_sendmsg(&e.client, &m, 0), (ssize_t)sizeof words);
		CHECK_EQ(pier_sock_recv(&e.server, got, sizeof got, 0), (ssize_t)sizeof words);
		CHECK_EQ(memcmp(got, words, sizeof words), 0);
	}
}

ON_BOTH(a_message_that_cannot_be_is_refused_and_harms_nothing)
{
	test_skip_emulated("qemu checks a message before the kernel does");
	static struct iovec many[1025]; /* UIO_MAXIOV and one */
	char room[PIER_ANCILLARY_ROOM(4)];
	EACH_KIND(e)
	{
		fprintf(stderr, "%s\n", e.kind->name);
		struct iovec piece = {(char[]){"x"}, 1};
		pier_message m = message_to(&e, &piece);
		m.ancillary = (pier_ancillary){.at = room, .room = sizeof room};
		CHECK_OK(pier_ancillary_add(&m.ancillary, SOL_SOCKET, SCM_RIGHTS, "lie!", 4));
		((struct cmsghdr *)(void *)room)->cmsg_len = 1; /* less than its own head */
		CHECK_EQ(pier_sock_sendmsg(&e.client, &m, 0), -EINVAL);
		m = message_to(&e, many);
		m.pieces = 1025;
		CHECK_EQ(pier_sock_sendmsg(&e.client, &m, 0), -EMSGSIZE);
		tell_server(&e, "done");
		check_recv(&e.server, "done");
	}
}

ON_BOTH(what_is_closed_neither_sends_nor_receives_messages)
{
	EACH_KIND(e)
	{
		char byte;
		struct iovec piece = {&byte, 1};
		pier_message m = message_to(&e, &piece);
		ends_close(&e);
		CHECK_EQ(pier_sock_sendmsg(&e.client, &m, 0), -EBADF);
		CHECK_EQ(pier_sock_recvmsg(&e.server, &m, 0), -EBADF);
	}
}

ON_BOTH(a_datagram_without_an_address_goes_nowhere)
{
	EACH_KIND(e)
	{
		if (e.stream)
			continue;
		struct iovec piece = {(char[]){"x"}, 1};
		pier_message m = pier_message_of(&piece);
		CHECK_EQ(pier_sock_sendmsg(&e.client, &m, 0), -EDESTADDRREQ);
	}
}

ON_BOTH(a_message_waits_for_room_as_long_as_it_may)
{
	static char block[512];
	EACH_KIND(e)
	{
		if (!e.stream)
			continue;
		struct iovec piece = {block, sizeof block};
		pier_message m = message_to(&e, &piece);
		ssize_t n;
		pier_sock_set_timeouts(&e.client, PIER_FOREVER, PIER_MS(30));
		while ((n = pier_sock_sendmsg(&e.client, &m, 0)) > 0)
			;
		CHECK_EQ(n, -ETIMEDOUT);
		pier_sock_set_timeouts(&e.client, PIER_FOREVER, PIER_FOREVER);
		while ((n = pier_sock_sendmsg(&e.client, &m, MSG_DONTWAIT)) > 0)
			; /* the kernel may have found more room meanwhile */
		CHECK_EQ(n, -EAGAIN);
	}
}

/* ---- Receiving ----------------------------------------------------------------------------------- */

static void check_sender(const struct ends *e, const pier_message *m)
{
	if (e->stream)
		CHECK_EQ(m->addr.len, 0); /* whom it is connected to */
	else
		CHECK(pier_addr_eq(&m->addr, &e->from));
}

static void check_plain(const struct ends *e, const pier_message *m, ssize_t n, ssize_t expected,
			bool cut)
{
	pier_ancillary_item item = {0};
	CHECK_EQ(n, expected);
	CHECK_EQ(m->bytes, expected);
	check_sender(e, m);
	CHECK(!pier_ancillary_next(&m->ancillary, &item));
	CHECK_EQ(m->flags & (MSG_CTRUNC | MSG_OOB), 0);
	CHECK_EQ(pier_message_cut(m), cut && !e->stream);
}

ON_BOTH(a_message_tells_its_sender_and_whether_it_was_cut)
{
	static char beside[10240], got[100];
	static const struct {
		ssize_t room;
		size_t ancillary;
	} cases[] = {{25, 0}, {25 + 42, 0}, {25 - 3, 0}, {25, 1}, {25, sizeof beside}, {1, 7}};
	EACH_KIND(e)
	{
		for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
			fprintf(stderr, "%s, case %zu\n", e.kind->name, i);
			struct iovec piece = {got, (size_t)cases[i].room};
			pier_message m = pier_message_of(&piece);
			m.ancillary = (pier_ancillary){.at = beside, .room = cases[i].ancillary};
			ssize_t fits = cases[i].room < LEN ? cases[i].room : LEN;
			tell_server(&e, MSG);
			ssize_t n = pier_sock_recvmsg(&e.server, &m, 0);
			check_plain(&e, &m, n, fits, fits < LEN);
			CHECK_EQ(memcmp(got, MSG, (size_t)fits), 0);
			if (e.stream && fits < LEN) /* the rest of a stream is not lost */
				check_recv(&e.server, &MSG[fits]);
		}
	}
}

ON_BOTH(a_message_can_be_looked_at_before_it_is_taken)
{
	char got[64];
	EACH_KIND(e)
	{
		tell_server(&e, MSG);
		static const struct {
			ssize_t room;
			int flags;
		} steps[] = {{22, MSG_PEEK}, {25, MSG_PEEK}, {25, 0}};
		for (int i = 0; i < 3; i++) {
			struct iovec piece = {got, (size_t)steps[i].room};
			pier_message m = pier_message_of(&piece);
			ssize_t n = pier_sock_recvmsg(&e.server, &m, steps[i].flags);
			check_plain(&e, &m, n, steps[i].room, i == 0);
			CHECK_EQ(memcmp(got, MSG, (size_t)n), 0);
		}
		CHECK_EQ(pier_sock_recv(&e.server, got, 1, MSG_DONTWAIT), -EAGAIN);
	}
}

ON_BOTH(a_message_is_spread_over_the_pieces_it_is_given)
{
	EACH_KIND(e)
	{
		char a[] = "----", b[] = "0123456789", c[] = "--------------";
		struct iovec pieces[3] = {{a, 4}, {b + 2, 7}, {c, 14}};
		pier_message m = pier_message_of(pieces);
		m.pieces = 3;
		tell_server(&e, "Mary had a little lamb");
		check_plain(&e, &m, pier_sock_recvmsg(&e.server, &m, 0), 22, false);
		CHECK_STR(a, "Mary");
		CHECK_STR(b, "01 had a 9");
		CHECK_STR(c, "little lamb---");
	}
}

ON_BOTH(a_message_is_waited_for_as_long_as_it_may)
{
	EACH_KIND(e)
	{
		char got[64];
		struct iovec piece = {got, sizeof got};
		pier_message m = pier_message_of(&piece);
		pier_sock_set_timeouts(&e.server, PIER_MS(30), PIER_FOREVER);
		int64_t began = pier_now();
		CHECK_EQ(pier_sock_recvmsg(&e.server, &m, 0), -ETIMEDOUT);
		CHECK(pier_now() - began >= PIER_MS(29));
		CHECK_EQ(m.pieces, 1); /* untouched, for the next try */
		tell_server(&e, MSG);
		check_plain(&e, &m, pier_sock_recvmsg(&e.server, &m, 0), LEN, false);
	}
}

ON_BOTH(the_end_of_a_stream_is_a_message_of_nothing)
{
	EACH_KIND(e)
	{
		char got[64];
		struct iovec piece = {got, sizeof got};
		pier_message m = pier_message_of(&piece);
		if (!e.stream)
			continue;
		pier_sock_close(&e.client);
		check_plain(&e, &m, pier_sock_recvmsg(&e.server, &m, 0), 0, false);
	}
}

/* ---- Room for ancillary data --------------------------------------------------------------------- */

/* An item of each length fits into the room that is said to be its, and not into less; and comes out as it was. */
TEST(the_room_of_an_item_is_exact)
{
	static char value[257], room[PIER_ANCILLARY_ROOM(257)];
	size_t last = 0;
	memset(value, 0x5a, sizeof value);
	for (size_t n = 0; n < sizeof value; n++) {
		size_t need = PIER_ANCILLARY_ROOM(n);
		pier_ancillary a = {.at = room, .room = need - 1};
		pier_ancillary_item item = {0};
		CHECK(need >= last && need >= CMSG_LEN(n) && need > n + 2 * sizeof(int));
		last = need;
		CHECK_EQ(pier_ancillary_add(&a, 1, 2, value, n), -EMSGSIZE);
		a.room = need;
		CHECK_OK(pier_ancillary_add(&a, 1, 2, value, n));
		CHECK_EQ(a.len, need);
		CHECK(pier_ancillary_next(&a, &item));
		CHECK_EQ(item.data.len, n);
		CHECK_EQ(memcmp(item.data.p, value, n), 0);
		CHECK(!pier_ancillary_next(&a, &item));
		for (size_t lie = SIZE_MAX; lie > SIZE_MAX - 64; lie--)
			CHECK_EQ(pier_ancillary_add(&a, 1, 2, value, lie), -EMSGSIZE);
	}
}

/* ---- To a unix socket that is not connected ------------------------------------------------------ */

static pier_sock inbox;

static int empty_inbox(void *count)
{
	char byte;
	pier_sleep(PIER_MS(30));
	for (int i = 0; i < *(int *)count; i++)
		CHECK_EQ(pier_sock_recv(&inbox, &byte, 1, 0), 1);
	return 0;
}

/* unix(7): the receiver's queue is short, and who is not connected to it is given no sign when it has room. */
ON_FIBER(datagrams_to_a_full_unix_socket_wait_for_its_reader)
{
	pier_addr to;
	pier_sock s;
	pier_group g = PIER_GROUP;
	char name[64];
	int count = 2000;
	snprintf(name, sizeof name, "@pier-inbox-%d", (int)getpid());
	CHECK_OK(pier_addr_unix(pier_text(name), &to));
	CHECK_OK(pier_socket(AF_UNIX, SOCK_DGRAM, 0, &inbox));
	CHECK_OK(pier_sock_bind(&inbox, &to));
	CHECK_OK(pier_socket(AF_UNIX, SOCK_DGRAM, 0, &s));
	CHECK_OK(pier_go(&g, empty_inbox, &count));
	for (int i = 0; i < count; i++)
		CHECK_EQ(pier_sock_sendto(&s, "x", 1, 0, &to), 1);
	CHECK_OK(pier_group_wait(&g));
	pier_sock_close(&s);
	pier_sock_close(&inbox);
}

static int64_t cpu_spent(void)
{
	struct timespec t;
	CHECK_EQ(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t), 0);
	return PIER_S((int64_t)t.tv_sec) + t.tv_nsec;
}

ON_BOTH(datagrams_to_a_full_unix_socket_wait_no_longer_than_they_may)
{
	pier_addr to;
	pier_sock s, full;
	char name[64];
	ssize_t n;
	snprintf(name, sizeof name, "@pier-full-%d", (int)getpid());
	CHECK_OK(pier_addr_unix(pier_text(name), &to));
	CHECK_OK(pier_socket(AF_UNIX, SOCK_DGRAM, 0, &full));
	CHECK_OK(pier_sock_bind(&full, &to));
	CHECK_OK(pier_socket(AF_UNIX, SOCK_DGRAM, 0, &s));
	pier_sock_set_timeouts(&s, PIER_FOREVER, PIER_MS(50));
	int64_t began = pier_now();
	int64_t spent = cpu_spent();
	while ((n = pier_sock_sendto(&s, "x", 1, 0, &to)) == 1) {
		began = pier_now();
		spent = cpu_spent();
	}
	CHECK_EQ(n, -ETIMEDOUT);
	CHECK(pier_now() - began >= PIER_MS(49) && pier_now() - began < PIER_S(3));
	CHECK(cpu_spent() - spent < PIER_MS(40)); /* it slept */
	pier_sock_close(&s);
	pier_sock_close(&full);
}

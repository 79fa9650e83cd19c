/* Raw sockets: datagrams, messages with all that belongs to them, batches, files, descriptors. */
#include "sock_pairs.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>

static const int families[] = {AF_INET, AF_INET6};

/* ---- Datagrams ----------------------------------------------------------------------------------- */

ON_BOTH(an_empty_datagram_is_a_message)
{
	pier_sock p[2];
	char byte;
	udp_joined(AF_INET, p);
	CHECK_EQ(pier_sock_send(&p[0], "", 0, 0), 0);
	say(&p[0], "next");
	CHECK_EQ(pier_sock_recv(&p[1], &byte, 1, 0), 0);
	check_recv(&p[1], "next");
	part(p);
}

ON_BOTH(a_datagram_tells_its_sender_and_is_answered)
{
	for (int i = 0; i < 2; i++) {
		pier_addr here, there, from;
		char got[16];
		pier_sock a = bound_to(families[i], SOCK_DGRAM, &here);
		pier_sock b = bound_to(families[i], SOCK_DGRAM, &there);
		CHECK_EQ(pier_sock_sendto(&a, "ask", 3, 0, &there), 3);
		CHECK_EQ(pier_sock_recvfrom(&b, got, sizeof got, 0, &from), 3);
		CHECK(pier_addr_eq(&from, &here));
		CHECK_EQ(pier_sock_sendto(&b, "answer", 6, 0, &from), 6);
		check_recv(&a, "answer");
		CHECK_EQ(pier_sock_send(&a, "x", 1, 0), -EDESTADDRREQ);
		pier_sock_close(&a);
		pier_sock_close(&b);
	}
}

ON_BOTH(a_datagram_cut_short_says_so)
{
	pier_sock p[2];
	char got[4];
	struct iovec piece = {got, sizeof got};
	pier_message m = pier_message_of(&piece);
	udp_joined(AF_INET, p);
	say(&p[0], "too long");
	CHECK_EQ(pier_sock_recvmsg(&p[1], &m, 0), 4);
	CHECK(pier_message_cut(&m));
	say(&p[0], "fits");
	CHECK_EQ(pier_sock_recvmsg(&p[1], &m, 0), 4);
	CHECK(!pier_message_cut(&m));
	say(&p[0], "too long");
	CHECK_EQ(pier_sock_recvmsg(&p[1], &m, MSG_TRUNC), 8); /* how long it was: recv(2) */
	part(p);
}

ON_BOTH(a_disconnected_datagram_socket_hears_all_again)
{
	pier_sock p[2];
	pier_addr nobody = {0}, at;
	udp_joined(AF_INET, p);
	CHECK_OK(pier_sock_connect(&p[0], &nobody));
	CHECK_EQ(pier_sock_peer(&p[0], &at), -ENOTCONN);
	part(p);
}

ON_BOTH(packets_keep_their_bounds_and_the_end_is_told)
{
	pier_sock p[2];
	char got[8], text[64];
	struct iovec piece = {got, sizeof got};
	pier_message m = pier_message_of(&piece);
	CHECK_OK(pier_socketpair(SOCK_SEQPACKET, p));
	say(&p[0], "one");
	say(&p[0], "two");
	CHECK_EQ(pier_sock_recvmsg(&p[1], &m, 0), 3);
	CHECK_STR(pier_word_flags(PIER_MESSAGE_FLAGS, (unsigned)m.flags & MSG_EOR, text, 64),
		  m.flags & MSG_EOR ? "MSG_EOR" : "0");
	check_recv(&p[1], "two");
	pier_sock_close(&p[0]);
	CHECK_EQ(pier_sock_recv(&p[1], got, sizeof got, 0), 0);
	pier_sock_close(&p[1]);
}

/* ---- Pieces and waits ---------------------------------------------------------------------------- */

static pier_sock far;

static int send_later(void *text)
{
	pier_sleep(PIER_MS(5));
	say(&far, text);
	return 0;
}

ON_FIBER(a_message_that_comes_later_fills_its_pieces)
{
	pier_sock p[2];
	pier_group g = PIER_GROUP;
	pier_addr here;
	char head[4], body[8];
	struct iovec pieces[2] = {{head, sizeof head}, {body, sizeof body}};
	pier_message m = pier_message_of(pieces);
	m.pieces = 2;
	udp_joined(AF_INET, p);
	CHECK_OK(pier_sock_local(&p[0], &here));
	far = p[0];
	CHECK_OK(pier_go(&g, send_later, "headbody"));
	CHECK_EQ(pier_sock_recvmsg(&p[1], &m, 0), 8);
	CHECK_EQ(memcmp(head, "head", 4), 0);
	CHECK_EQ(memcmp(body, "body", 4), 0);
	CHECK(pier_addr_eq(&m.addr, &here));
	CHECK_OK(pier_group_wait(&g));
	part(p);
}

ON_FIBER(a_message_is_waited_for_and_dropped_by_who_wants_no_bytes)
{
	pier_sock p[2];
	pier_group g = PIER_GROUP;
	udp_joined(AF_INET, p);
	far = p[0];
	CHECK_OK(pier_go(&g, send_later, "dropped"));
	CHECK_EQ(pier_sock_recv(&p[1], NULL, 0, 0), 0);
	CHECK_OK(pier_group_wait(&g));
	say(&p[0], "next");
	check_recv(&p[1], "next");
	part(p);
}

ON_BOTH(pieces_go_as_one_message)
{
	pier_sock p[2];
	struct iovec pieces[3] = {{"a", 1}, {"", 0}, {"bc", 2}};
	pier_message m = pier_message_of(pieces);
	m.pieces = 3;
	CHECK_OK(pier_socketpair(SOCK_DGRAM, p));
	CHECK_EQ(pier_sock_sendmsg(&p[0], &m, 0), 3);
	check_recv(&p[1], "abc");
	part(p);
}

/* ---- Batches ------------------------------------------------------------------------------------- */

#define MANY 100

ON_BOTH(many_go_and_come_at_once)
{
	pier_sock p[2];
	static char out[MANY][8], in[MANY][8];
	struct iovec to[MANY], from[MANY];
	static pier_message sent[MANY], got[MANY];
	udp_joined(AF_INET, p);
	for (int i = 0; i < MANY; i++) {
		int len = snprintf(out[i], sizeof out[i], "n%d", i);
		to[i] = (struct iovec){out[i], (size_t)len};
		from[i] = (struct iovec){in[i], sizeof in[i]};
		sent[i] = pier_message_of(&to[i]);
		got[i] = pier_message_of(&from[i]);
	}
	CHECK_EQ(pier_sock_sendmmsg(&p[0], sent, MANY, 0), MANY);
	CHECK_EQ(pier_sock_recvmmsg(&p[1], got, MANY, 0), MANY);
	for (int i = 0; i < MANY; i++) {
		CHECK_EQ(got[i].bytes, to[i].iov_len);
		CHECK_EQ(memcmp(in[i], out[i], got[i].bytes), 0);
	}
	CHECK_EQ(pier_sock_recvmmsg(&p[1], got, 0, 0), 0);
	pier_sock_set_timeouts(&p[1], PIER_MS(5), PIER_FOREVER);
	CHECK_EQ(pier_sock_recvmmsg(&p[1], got, MANY, 0), -ETIMEDOUT);
	part(p);
}

ON_FIBER(a_batch_waits_for_its_first_message_only)
{
	pier_sock p[2];
	pier_group g = PIER_GROUP;
	char in[3][8];
	struct iovec from[3];
	pier_message got[3];
	for (int i = 0; i < 3; i++) {
		from[i] = (struct iovec){in[i], sizeof in[i]};
		got[i] = pier_message_of(&from[i]);
	}
	udp_joined(AF_INET, p);
	far = p[0];
	CHECK_OK(pier_go(&g, send_later, "only"));
	CHECK_EQ(pier_sock_recvmmsg(&p[1], got, 3, 0), 1);
	CHECK_EQ(got[0].bytes, 4);
	CHECK_OK(pier_group_wait(&g));
	part(p);
}

ON_BOTH(a_batch_that_cannot_go_on_says_how_far_it_came)
{
	pier_sock p[2];
	static char big[70000];
	struct iovec pieces[3] = {{"a", 1}, {big, sizeof big}, {"c", 1}};
	pier_message m[3];
	for (int i = 0; i < 3; i++)
		m[i] = pier_message_of(&pieces[i]);
	udp_joined(AF_INET, p);
	CHECK_EQ(pier_sock_sendmmsg(&p[0], m, 3, 0), 1);
	CHECK_EQ(pier_sock_sendmmsg(&p[0], m + 1, 2, 0), -EMSGSIZE);
	part(p);
}

static int drain_packets(void *arg)
{
	unsigned *count = arg;
	char got[2048];
	while (*count < 2000 && pier_sock_recv(&far, got, sizeof got, 0) > 0)
		++*count;
	return 0;
}

ON_FIBER(a_batch_waits_for_room)
{
	pier_sock p[2];
	pier_group g = PIER_GROUP;
	unsigned count = 0;
	static char block[1024];
	static pier_message m[2000];
	struct iovec piece = {block, sizeof block};
	for (int i = 0; i < 2000; i++)
		m[i] = pier_message_of(&piece);
	CHECK_OK(pier_socketpair(SOCK_DGRAM, p)); /* these wait for their reader: unix(7) */
	far = p[1];
	CHECK_OK(pier_go(&g, drain_packets, &count));
	CHECK_EQ(pier_sock_sendmmsg(&p[0], m, 2000, 0), 2000);
	CHECK_OK(pier_group_wait(&g));
	CHECK_EQ(count, 2000);
	part(p);
}

/* ---- Ancillary data ------------------------------------------------------------------------------ */

TEST(ancillary_data_never_leaves_its_room)
{
	char room[PIER_ANCILLARY_ROOM(4) * 2 + 1]; /* odd, and at any address */
	for (size_t size = 0; size <= sizeof room - 1; size++) {
		pier_ancillary a = {.at = room + 1, .room = size};
		int items = 0, n = 7;
		memset(room, 0x55, sizeof room);
		while (pier_ancillary_add(&a, 1, 2, &n, sizeof n) == 0)
			items++;
		CHECK_EQ(items, (int)(size / PIER_ANCILLARY_ROOM(4)));
		CHECK(a.len <= size);
		CHECK_EQ(pier_ancillary_add(&a, 1, 2, &n, SIZE_MAX - 4), -EMSGSIZE);
		int seen = 0;
		for (pier_ancillary_item i = {0}; pier_ancillary_next(&a, &i); seen++) {
			CHECK(i.level == 1 && i.type == 2 && i.data.len == 4 && !i.cut);
			CHECK_EQ(memcmp(i.data.p, &n, 4), 0);
		}
		CHECK_EQ(seen, items);
		for (size_t at = 1 + a.len; at < sizeof room; at++)
			CHECK_EQ(room[at], 0x55);
	}
}

TEST(lengths_that_lie_end_the_walk)
{
	static const size_t lies[] = {0, 1, 15, 17, 25, 4096, SIZE_MAX, SIZE_MAX - 7};
	for (size_t k = 0; k < sizeof lies / sizeof *lies; k++) {
		char *room = malloc(24); /* of its own, so that ASan sees each step beyond */
		pier_ancillary a = {.at = room, .room = 24};
		int n = 1;
		CHECK_OK(pier_ancillary_add(&a, 1, 2, &n, sizeof n));
		memcpy(room, &lies[k], sizeof lies[k]);
		unsigned seen = 0;
		for (pier_ancillary_item i = {0}; pier_ancillary_next(&a, &i); seen++)
			CHECK(i.data.len <= 8);
		CHECK(seen <= 1);
		for (size_t len = 0; len < 24; len++) {
			pier_ancillary cut = {.at = room, .room = len, .len = len};
			for (pier_ancillary_item i = {0}; pier_ancillary_next(&cut, &i);)
				CHECK(i.data.len <= len);
		}
		free(room);
	}
	pier_ancillary none = {0};
	pier_ancillary_item i = {0};
	CHECK(!pier_ancillary_next(&none, &i));
	CHECK_EQ(pier_ancillary_hops(&none), -ENODATA);
	CHECK_EQ(pier_ancillary_time(&none), -ENODATA);
}

/* ---- Descriptors --------------------------------------------------------------------------------- */

static bool same_file(int a, int b)
{
	struct stat x, y;
	return fstat(a, &x) == 0 && fstat(b, &y) == 0 && x.st_ino == y.st_ino;
}

ON_BOTH(descriptors_go_over_and_stay_open_here)
{
	test_skip_simulated("it asks the real kernel by itself");
	static const int types[] = {SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET};
	for (int t = 0; t < 3; t++) {
		pier_sock p[2];
		int pipes[2], got[4];
		unsigned count = 9;
		char text[8];
		CHECK_EQ(pipe2(pipes, O_CLOEXEC), 0);
		CHECK_OK(pier_socketpair(types[t], p));
		CHECK_EQ(pier_sock_send_fds(&p[0], "two", 3, pipes, 2), 3);
		CHECK_EQ(pier_sock_recv_fds(&p[1], text, sizeof text, got, 4, &count), 3);
		CHECK_EQ(count, 2);
		for (int i = 0; i < 2; i++) {
			CHECK(same_file(got[i], pipes[i]));
			CHECK(fcntl(got[i], F_GETFD) & FD_CLOEXEC);
			close(got[i]);
			close(pipes[i]);
		}
		CHECK_EQ(pier_sock_send_fds(&p[0], "none", 4, NULL, 0), 4);
		CHECK_EQ(pier_sock_recv_fds(&p[1], text, sizeof text, got, 4, &count), 4);
		CHECK_EQ(count, 0);
		part(p);
	}
}

static int open_descriptors(void)
{
	int count = 0;
	for (int fd = 0; fd < 1024; fd++)
		count += fcntl(fd, F_GETFD) >= 0;
	return count;
}

ON_BOTH(descriptors_too_many_are_closed_to_the_last)
{
	pier_sock p[2];
	int fds[PIER_FDS_MAX + 1], got[1];
	unsigned count = 9;
	char text[8];
	CHECK_OK(pier_socketpair(SOCK_DGRAM, p));
	for (int i = 0; i <= PIER_FDS_MAX; i++)
		fds[i] = p[0].fd;
	int before = open_descriptors();
	for (unsigned n = 2; n <= PIER_FDS_MAX; n += PIER_FDS_MAX - 2) { /* 2 and all */
		CHECK_EQ(pier_sock_send_fds(&p[0], "x", 1, fds, n), 1);
		CHECK_EQ(pier_sock_recv_fds(&p[1], text, sizeof text, got, 1, &count), -EMSGSIZE);
		CHECK_EQ(count, 9);
		CHECK_EQ(open_descriptors(), before);
	}
	CHECK_EQ(pier_sock_send_fds(&p[0], "x", 1, fds, PIER_FDS_MAX + 1), -EINVAL);
	part(p);
}

/* Not by libc's sendmsg, which may know less of them. */
static void send_many(int to, unsigned count)
{
	_Alignas(struct cmsghdr) char beside[CMSG_SPACE(253 * sizeof(int))] = {0};
	struct iovec piece = {"x", 1};
	struct msghdr m = {.msg_iov = &piece, .msg_iovlen = 1, .msg_control = beside};
	m.msg_controllen = (__typeof__(m.msg_controllen))CMSG_SPACE(count * sizeof(int));
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = (__typeof__(c->cmsg_len))CMSG_LEN(count * sizeof(int));
	for (unsigned i = 0; i < count; i++)
		memcpy(CMSG_DATA(c) + i * sizeof(int), &to, sizeof to);
	CHECK_EQ(syscall(SYS_sendmsg, to, &m, 0), 1);
}

/* Whoever may write to the socket may send descriptors; who does not ask for any gets none, and keeps none. */
ON_BOTH(descriptors_that_nobody_asked_for_are_not_left_open)
{
	test_skip_simulated("it asks the real kernel by itself");
	test_skip_emulated("qemu passes fewer descriptors on");
	pier_sock p[2];
	pier_addr from;
	char byte;
	int fds[4];
	unsigned count;
	struct iovec piece = {&byte, 1};
	pier_message m = pier_message_of(&piece);

	CHECK_OK(pier_socketpair(SOCK_STREAM, p));
	int before = open_descriptors();
	for (int i = 0; i < 6; i++)
		send_many(p[0].fd, 253);
	CHECK_EQ(pier_sock_recv(&p[1], &byte, 1, 0), 1);
	CHECK_EQ(pier_sock_recv_all(&p[1], &byte, 1), 1);
	CHECK_EQ(pier_sock_recvfrom(&p[1], &byte, 1, 0, &from), 1);
	CHECK_EQ(pier_sock_recvmsg(&p[1], &m, 0), 1);
	CHECK(pier_message_ancillary_cut(&m));
	CHECK_EQ(pier_sock_recvmmsg(&p[1], &m, 1, 0), 1);
	CHECK_EQ(pier_sock_recv_fds(&p[1], &byte, 1, fds, 4, &count), -EMSGSIZE);
	CHECK_EQ(open_descriptors(), before);

	PIER_AUTO *c = pier_sock_conn(&p[1], NULL);
	send_many(p[0].fd, 253);
	CHECK_EQ(pier_next(c).len, 1);
	CHECK_EQ(open_descriptors(), before);
	pier_sock_close(&p[0]);
}

TEST(descriptors_that_find_no_place_are_an_error_and_leak_none)
{
	test_skip_simulated("it asks the real kernel by itself");
	pier_sock p[2];
	int fds[3], got[3];
	unsigned count;
	char text[8];
	CHECK_OK(pier_socketpair(SOCK_DGRAM, p));
	for (int i = 0; i < 3; i++)
		fds[i] = p[0].fd;
	CHECK_EQ(pier_sock_send_fds(&p[0], "x", 1, fds, 3), 1);
	int before = open_descriptors();
	struct rlimit old, low;
	CHECK_EQ(getrlimit(RLIMIT_NOFILE, &old), 0);
	int next = dup(0);
	close(next);
	low = (struct rlimit){(rlim_t)next + 1, old.rlim_max}; /* place for one */
	CHECK_EQ(setrlimit(RLIMIT_NOFILE, &low), 0);
	CHECK_EQ(pier_sock_recv_fds(&p[1], text, sizeof text, got, 3, &count), -EMSGSIZE);
	CHECK_EQ(setrlimit(RLIMIT_NOFILE, &old), 0);
	CHECK_EQ(open_descriptors(), before);
	part(p);
}

ON_FIBER(descriptors_are_waited_for)
{
	pier_sock p[2];
	pier_group g = PIER_GROUP;
	int got[1];
	unsigned count = 9;
	char text[8];
	CHECK_OK(pier_socketpair(SOCK_STREAM, p));
	far = p[0];
	CHECK_OK(pier_go(&g, send_later, "plain"));
	CHECK_EQ(pier_sock_recv_fds(&p[1], text, sizeof text, got, 1, &count), 5);
	CHECK_EQ(count, 0);
	CHECK_OK(pier_group_wait(&g));
	part(p);
}

/* ---- Files --------------------------------------------------------------------------------------- */

static int file_of(size_t len)
{
	char path[] = "/tmp/pier-sock-XXXXXX";
	int fd = mkstemp(path);
	CHECK_OK(fd);
	unlink(path);
	for (size_t at = 0; at < len; at += 1000) {
		char block[1000];
		memset(block, 'a' + (int)(at / 1000 % 26), sizeof block);
		size_t n = len - at < 1000 ? len - at : 1000;
		CHECK_EQ(write(fd, block, n), (ssize_t)n);
	}
	return fd;
}

static int count_far(void *arg)
{
	size_t *sum = arg;
	char got[10000];
	for (ssize_t n; (n = pier_sock_recv(&far, got, sizeof got, 0)) > 0; *sum += (size_t)n)
		;
	return 0;
}

ON_FIBER(a_file_goes_whole_and_in_parts)
{
	static const struct {
		int64_t offset, count, goes;
	} parts[] = {
		{0, -1, 3000000}, {0, 3000000, 3000000}, {1000, 2500, 2500},	{2999999, -1, 1},
		{3000000, -1, 0}, {4000000, 10, 0},	 {2999000, 5000, 1000}, {0, 0, 0}};
	int file = file_of(3000000);
	for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
		pier_sock p[2];
		pier_group g = PIER_GROUP;
		size_t sum = 0;
		int64_t sent = -1;
		tcp_joined(p);
		far = p[1];
		CHECK_OK(pier_go(&g, count_far, &sum));
		CHECK_OK(pier_sock_sendfile(&p[0], file, parts[i].offset, parts[i].count, &sent));
		CHECK_EQ(sent, parts[i].goes);
		pier_sock_close(&p[0]);
		CHECK_OK(pier_group_wait(&g));
		CHECK_EQ(sum, parts[i].goes);
		pier_sock_close(&far);
	}
	close(file);
}

ON_BOTH(a_file_half_sent_says_how_far_it_came)
{
	pier_sock p[2];
	int64_t sent = 0;
	int file = file_of(20000000);
	tcp_joined(p);
	pier_sock_set_timeouts(&p[0], PIER_FOREVER, PIER_MS(30));
	CHECK_EQ(pier_sock_sendfile(&p[0], file, 0, -1, &sent), -ETIMEDOUT);
	CHECK(sent > 0 && sent < 20000000);
	int64_t more = -1;
	pier_sock_set_timeouts(&p[0], PIER_FOREVER, 0);
	while (more != 0) { /* the kernel finds a little more room now and then */
		CHECK_EQ(pier_sock_sendfile(&p[0], file, sent, -1, &more), -EAGAIN);
		sent += more;
	}
	CHECK(sent < 20000000);
	CHECK_EQ(pier_sock_sendfile(&p[0], file, -1, -1, &more), -EINVAL);
	part(p);
	close(file);
}

ON_BOTH(a_file_to_a_reader_that_left_is_an_error_and_no_signal)
{
	pier_sock p[2];
	int64_t sent = 0;
	int file = file_of(5000000);
	CHECK_OK(pier_socketpair(SOCK_STREAM, p));
	pier_sock_close(&p[1]);
	CHECK_EQ(pier_sock_sendfile(&p[0], file, 0, -1, &sent), -EPIPE);
	CHECK_EQ(sent, 0);
	pier_sock_close(&p[0]);
	close(file);
}

/* Descriptors in ancillary data by hand, as CPython's tests of SCM_RIGHTS have them: sent in every shape, received
 * into too little room of every size. */
#include "sock_pairs.h"

#include <sys/mman.h>

#define MSG "Michael Gilfix was here\r\n"
#define LEN ((ssize_t)strlen(MSG))

/* ---- Files that know their number ---------------------------------------------------------------- */

static void make_files(int *fds, int count)
{
	for (int i = 0; i < count; i++) {
		char digit = (char)('0' + i);
		fds[i] = memfd_create("numbered", MFD_CLOEXEC);
		CHECK_EQ(write(fds[i], &digit, 1), 1);
	}
}

static void close_all(const int *fds, int count)
{
	for (int i = 0; i < count; i++)
		close(fds[i]);
}

static void check_files(const int *fds, int count)
{
	for (int i = 0; i < count; i++) {
		char digit = 0;
		CHECK_EQ(pread(fds[i], &digit, 1, 0), 1);
		CHECK_EQ(digit, '0' + i);
		CHECK(fcntl(fds[i], F_GETFD) & FD_CLOEXEC);
	}
}

static int open_descriptors(void)
{
	int count = 0;
	for (int fd = 0; fd < 256; fd++)
		count += fcntl(fd, F_GETFD) >= 0;
	return count;
}

/* ---- Over and back ------------------------------------------------------------------------------- */

/* Items of SCM_RIGHTS with so many bytes each, cut out of an array of descriptors one after the other. */
struct shape {
	const char *name;
	size_t bytes[2];
	int items;
};

static void send_shape(pier_sock *s, const struct shape *shape, const int *fds)
{
	char room[PIER_ANCILLARY_ROOM(64) * 2];
	struct iovec piece = {(char[]){MSG}, (size_t)LEN};
	pier_message m = pier_message_of(&piece);
	m.ancillary = (pier_ancillary){.at = room, .room = sizeof room};
	for (int i = 0; i < shape->items; i++) {
		CHECK_OK(pier_ancillary_add(&m.ancillary, SOL_SOCKET, SCM_RIGHTS, fds,
					    shape->bytes[i]));
		fds += (shape->bytes[i] + sizeof(int) - 1) / sizeof(int);
	}
	ssize_t n = pier_sock_sendmsg(s, &m, 0);
	if (n < 0) { /* unix(7) does not say which shapes are refused; none may harm */
		m.ancillary.len = 0;
		n = pier_sock_sendmsg(s, &m, 0);
	}
	CHECK_EQ(n, LEN);
}

/* Receives with `room` bytes of ancillary data, at `fds` the descriptors: how many; *flags. */
static int receive_into(pier_sock *s, size_t room, int *fds, int *flags)
{
	char got[64],
		*beside = malloc(room ? room : 1); /* its own, so that ASan sees each step beyond */
	struct iovec piece = {got, sizeof got};
	pier_message m = pier_message_of(&piece);
	m.ancillary = (pier_ancillary){.at = room ? beside : NULL, .room = room};
	CHECK_EQ(pier_sock_recvmsg(s, &m, 0), LEN);
	CHECK_EQ(memcmp(got, MSG, (size_t)LEN), 0);
	CHECK(m.ancillary.len <= room);
	for (pier_ancillary_item i = {0}; pier_ancillary_next(&m.ancillary, &i);) {
		CHECK(i.level == SOL_SOCKET && i.type == SCM_RIGHTS);
		CHECK(i.data.len % sizeof(int) == 0);
	}
	unsigned count = pier_ancillary_fds(&m.ancillary, fds, 8);
	*flags = m.flags;
	free(beside);
	return (int)count;
}

ON_BOTH(descriptors_come_in_every_shape_they_were_sent_in)
{
	static const struct {
		struct shape shape;
		size_t room;
		int come, lost; /* lost: 1, -1 = either way */
	} cases[] = {
		{{"one", {4}, 1}, 10240, 1, 0},
		{{"four", {16}, 1}, 10240, 4, 0},
		{{"four into just the room", {16}, 1}, PIER_ANCILLARY_ROOM(16), 4, 0},
		{{"one into the room without its padding", {4}, 1}, CMSG_LEN(4), 1, -1},
		{{"two apart", {4, 4}, 2}, 10240, 2, 0},
		{{"two apart into just the room", {4, 4}, 2},
		 PIER_ANCILLARY_ROOM(4) + CMSG_LEN(8),
		 2,
		 -1},
		{{"none", {0}, 1}, 10240, 0, -1},
		{{"a part of one", {3}, 1}, 10240, 0, -1},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		pier_sock p[2];
		int fds[4], got[8], flags;
		fprintf(stderr, "%s\n", cases[i].shape.name);
		CHECK_OK(pier_socketpair(SOCK_STREAM, p));
		make_files(fds, 4);
		send_shape(&p[0], &cases[i].shape, fds);
		close_all(fds, 4); /* what is under way stays open */
		int before = open_descriptors();
		CHECK_EQ(receive_into(&p[1], cases[i].room, got, &flags), cases[i].come);
		CHECK_EQ(open_descriptors(), before + cases[i].come);
		if (cases[i].lost >= 0)
			CHECK_EQ(flags & MSG_CTRUNC, 0);
		check_files(got, cases[i].come);
		close_all(got, cases[i].come);
		part(p);
	}
}

/* The first item has a whole descriptor and part of another, which is none. */
ON_BOTH(a_part_of_a_descriptor_is_none)
{
	static const struct shape shape = {"one and a part, and one", {7, 4}, 2};
	pier_sock p[2];
	int fds[3], got[8], flags;
	CHECK_OK(pier_socketpair(SOCK_STREAM, p));
	make_files(fds, 3);
	int order[3] = {fds[0], -0x5555, fds[1]};
	send_shape(&p[0], &shape, order);
	int count = receive_into(&p[1], 10240, got, &flags);
	CHECK(count <= 2);
	check_files(got, count);
	close_all(got, count);
	close_all(fds, 3);
	part(p);
}

/* ---- Too little room ----------------------------------------------------------------------------- */

/* Whatever the room: those that come are whole and work, the loss of others is told, and nothing leaks. */
ON_BOTH(descriptors_without_room_are_told_and_none_leaks)
{
	test_skip_emulated("qemu has its own way with control data that is cut");
	static const struct shape two = {"two", {8}, 1};
	for (size_t room = 0; room <= PIER_ANCILLARY_ROOM(8); room++) {
		pier_sock p[2];
		int fds[2], got[8], flags;
		CHECK_OK(pier_socketpair(SOCK_STREAM, p));
		make_files(fds, 2);
		int before = open_descriptors();
		send_shape(&p[0], &two, fds);
		int count = receive_into(&p[1], room, got, &flags);
		int fit = room < CMSG_LEN(4) ? 0 : room < CMSG_LEN(8) ? 1 : 2;
		fprintf(stderr, "room %zu: %d come\n", room, count);
		CHECK_EQ(count, fit);
		CHECK_EQ(open_descriptors(), before + count);
		CHECK_EQ((flags & MSG_CTRUNC) != 0, fit < 2);
		check_files(got, count);
		close_all(got, count);
		close_all(fds, 2);
		part(p);
	}
}

/* ---- In one call --------------------------------------------------------------------------------- */

ON_BOTH(ten_pipes_go_over_and_are_connected)
{
	pier_sock p[2];
	int pipes[10][2], ends[10], got[20];
	unsigned count = 0;
	char text[64];
	for (int i = 0; i < 10; i++) {
		CHECK_EQ(pipe2(pipes[i], O_CLOEXEC), 0);
		ends[i] = pipes[i][0];
	}
	CHECK_OK(pier_socketpair(SOCK_STREAM, p));
	CHECK_EQ(pier_sock_send_fds(&p[0], MSG, (size_t)LEN, ends, 10), LEN);
	CHECK_EQ(pier_sock_recv_fds(&p[1], text, sizeof text, got, 20, &count), LEN);
	CHECK_EQ(memcmp(text, MSG, (size_t)LEN), 0);
	CHECK_EQ(count, 10);
	for (int i = 0; i < 10; i++) {
		char digit = (char)('0' + i), read_back = 0;
		CHECK_EQ(write(pipes[i][1], &digit, 1), 1);
		CHECK_EQ(read(got[i], &read_back, 1), 1);
		CHECK_EQ(read_back, digit);
		close_all(pipes[i], 2);
	}
	close_all(got, 10);
	part(p);
}

/* ---- Waited for ---------------------------------------------------------------------------------- */

static pier_sock far;

static int send_later(void *fds)
{
	static const struct shape two = {"two", {8}, 1};
	pier_sleep(PIER_MS(5));
	send_shape(&far, &two, fds);
	return 0;
}

/* The same by the way of an op that waits, which is another in each backend. */
ON_FIBER(descriptors_that_come_later_have_the_same_room)
{
	test_skip_emulated("qemu has its own way with control data that is cut");
	for (size_t room = 0; room <= PIER_ANCILLARY_ROOM(8); room += 4) {
		pier_sock p[2];
		pier_group g = PIER_GROUP;
		int fds[2], got[8], flags;
		CHECK_OK(pier_socketpair(SOCK_STREAM, p));
		make_files(fds, 2);
		far = p[0];
		CHECK_OK(pier_go(&g, send_later, fds));
		int before = open_descriptors();
		int count = receive_into(&p[1], room, got, &flags);
		CHECK_EQ(count, room < CMSG_LEN(4) ? 0 : room < CMSG_LEN(8) ? 1 : 2);
		CHECK_EQ(open_descriptors(), before + count);
		CHECK_EQ((flags & MSG_CTRUNC) != 0, count < 2);
		check_files(got, count);
		CHECK_OK(pier_group_wait(&g));
		close_all(got, count);
		close_all(fds, 2);
		part(p);
	}
}

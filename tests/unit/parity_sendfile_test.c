/* Files onto sockets, as CPython's tests of socket.sendfile have them; each by the kernel and by copying. */
#include "sock_pairs.h"

#define FILE_SIZE (10 << 20)
#define COPIED	  "/proc/self/environ" /* the kernel cannot map it: sendfile(2) is refused */

static char data[FILE_SIZE + 1];

/* A file of 10 MiB whose bytes tell where they stand. */
static int big_file(void)
{
	char path[] = "/tmp/pier-parity-XXXXXX";
	int fd = mkstemp(path);
	CHECK_OK(fd);
	unlink(path);
	for (size_t i = 0; i < FILE_SIZE; i++)
		data[i] = (char)('a' + (i ^ i >> 11) % 26);
	CHECK_EQ(write(fd, data, FILE_SIZE), FILE_SIZE);
	return fd;
}

struct reader {
	pier_sock s;
	char *into;
	size_t got;
};

static int read_all(void *arg)
{
	struct reader *r = arg;
	for (ssize_t n = 1; n > 0 && r->got < FILE_SIZE; r->got += (size_t)n) {
		n = pier_sock_recv(&r->s, r->into + r->got, FILE_SIZE - r->got, 0);
		CHECK_OK(n);
	}
	return 0;
}

/* Sends, and checks that these bytes of `from` arrive and no others. */
static void check_sent(int file, int64_t offset, int64_t count, int64_t timeout, const char *from,
		       int64_t goes)
{
	pier_sock p[2];
	pier_group g = PIER_GROUP;
	int64_t sent = -1;
	tcp_joined(p);
	struct reader r = {.s = p[1], .into = malloc(FILE_SIZE)};
	CHECK_OK(pier_go(&g, read_all, &r));
	pier_sock_set_timeouts(&p[0], timeout, timeout);
	CHECK_EQ(lseek(file, 17, SEEK_SET), 17);
	CHECK_OK(pier_sock_sendfile(&p[0], file, offset, count, &sent));
	CHECK_EQ(lseek(file, 0, SEEK_CUR), 17); /* the position is the caller's own */
	CHECK_EQ(sent, goes);
	pier_sock_close(&p[0]);
	CHECK_OK(pier_group_wait(&g));
	CHECK_EQ(r.got, goes);
	CHECK_EQ(memcmp(r.into, from + offset, r.got), 0);
	free(r.into);
	pier_sock_close(&r.s);
}

ON_FIBER_WITHIN(30, a_file_arrives_byte_for_byte)
{
	static const struct {
		int64_t offset, count, goes, timeout;
	} cases[] = {
		{0, -1, FILE_SIZE, PIER_FOREVER},     {5000, -1, FILE_SIZE - 5000, PIER_FOREVER},
		{0, 5000007, 5000007, PIER_FOREVER},  {0, 1, 1, PIER_FOREVER},
		{2007, 100007, 100007, PIER_FOREVER}, {0, -1, FILE_SIZE, PIER_S(20)},
	};
	int file = big_file();
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		check_sent(file, cases[i].offset, cases[i].count, cases[i].timeout, data,
			   cases[i].goes);
	close(file);
}

ON_FIBER(a_file_that_the_kernel_cannot_send_is_copied)
{
	int file = open(COPIED, O_RDONLY | O_CLOEXEC);
	ssize_t size = read(file, data, FILE_SIZE);
	CHECK(size > 100);
	check_sent(file, 0, -1, PIER_FOREVER, data, size);
	check_sent(file, 50, -1, PIER_FOREVER, data, size - 50);
	check_sent(file, 7, 13, PIER_S(5), data, 13);
	check_sent(file, size - 5, 100, PIER_FOREVER, data, 5);
	close(file);
}

ON_FIBER(an_empty_file_sends_nothing)
{
	char path[] = "/tmp/pier-parity-XXXXXX";
	int file = mkstemp(path);
	CHECK_OK(file);
	unlink(path);
	check_sent(file, 0, -1, PIER_FOREVER, data, 0);
	close(file);
}

ON_BOTH(a_file_goes_onto_streams_only)
{
	PIER_AUTO_SOCK s = PIER_SOCK;
	int64_t sent = 7;
	int file = open(COPIED, O_RDONLY | O_CLOEXEC);
	CHECK_OK(pier_socket(AF_INET, SOCK_DGRAM, 0, &s));
	CHECK_EQ(pier_sock_sendfile(&s, file, 0, -1, &sent), -EPROTOTYPE);
	CHECK_EQ(sent, 0);
	close(file);
}

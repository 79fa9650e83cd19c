/* What is sent is gathered by choice, and goes when it is asked to. */
#include "on_fiber.h"

#include <pier.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* What has arrived at `c`, as text, by the kernel alone. */
static const char *arrived(pier_conn *c)
{
	static char text[256];
	ssize_t n = recv(pier_fileno(c), text, sizeof text - 1, MSG_DONTWAIT);
	text[n > 0 ? n : 0] = 0;
	return text;
}

static int said(pier_conn *c, const char *text)
{
	return (int)pier_send(c, text, strlen(text));
}

ON_BOTH(nothing_goes_before_the_flush)
{
	pier_conn *c[2];
	CHECK_OK(pier_pair(c));
	CHECK_OK(pier_buffer(c[0], 16));
	CHECK_EQ(said(c[0], "one "), 4);
	CHECK_EQ(pier_printf(c[0], "%s ", "two"), 4);
	CHECK_STR(arrived(c[1]), "");
	CHECK_OK(pier_flush(c[0]));
	CHECK_STR(arrived(c[1]), "one two ");
	CHECK_OK(pier_flush(c[0]));
	CHECK_STR(arrived(c[1]), "");
	pier_close(c[0]);
	pier_close(c[1]);
}

ON_BOTH(what_no_longer_fits_goes_with_what_came_before)
{
	pier_conn *c[2];
	CHECK_OK(pier_pair(c));
	CHECK_OK(pier_buffer(c[0], 8));
	CHECK_EQ(said(c[0], "12345678"), 8); /* just so */
	CHECK_STR(arrived(c[1]), "");
	CHECK_EQ(said(c[0], "9"), 1);
	CHECK_STR(arrived(c[1]), "123456789");
	CHECK_EQ(said(c[0], "more than eight"), 15);
	CHECK_STR(arrived(c[1]), "more than eight");
	CHECK_EQ(said(c[0], "a"), 1);
	CHECK_STR(arrived(c[1]), "");
	CHECK_OK(pier_buffer(c[0], 100)); /* what was gathered goes first */
	CHECK_STR(arrived(c[1]), "a");
	CHECK_EQ(said(c[0], "b"), 1);
	CHECK_OK(pier_buffer(c[0], 0));
	CHECK_EQ(said(c[0], "c"), 1);
	CHECK_STR(arrived(c[1]), "bc");
	pier_close(c[0]);
	pier_close(c[1]);
}

ON_BOTH(frames_are_gathered_whole)
{
	pier_conn *c[2];
	CHECK_OK(pier_pair(c));
	pier_set_frame(c[0], PIER_LINES, 0);
	pier_set_frame(c[1], PIER_LINES, 0);
	CHECK_OK(pier_buffer(c[0], 6));
	CHECK_EQ(said(c[0], "abc"), 3);
	CHECK_EQ(said(c[0], "d"), 1); /* LF and all: six */
	CHECK_STR(arrived(c[1]), "");
	CHECK_EQ(said(c[0], ""), 0);
	CHECK_BYTES(pier_next(c[1]), "abc");
	CHECK_BYTES(pier_next(c[1]), "d");
	CHECK_EQ(pier_next(c[1]).len, 0);
	pier_close(c[0]);
	pier_close(c[1]);
}

ON_BOTH(the_end_and_a_file_come_after_it)
{
	pier_conn *c[2];
	char path[] = "/tmp/pier-gathered-XXXXXX";
	int fd = mkstemp(path);
	CHECK_EQ(write(fd, "file", 4), 4);
	CHECK_OK(pier_pair(c));
	CHECK_OK(pier_buffer(c[0], 100));
	CHECK_EQ(said(c[0], "head "), 5);
	CHECK_EQ(pier_sendfile_fd(c[0], fd, 0, 4), 4);
	CHECK_STR(arrived(c[1]), "head file");
	CHECK_EQ(said(c[0], "tail"), 4);
	CHECK_STR(arrived(c[1]), "");
	CHECK_OK(pier_finish(c[0]));
	CHECK_STR(arrived(c[1]), "tail");
	CHECK_OK(pier_flush(c[0]));
	pier_abort(c[1]);
	pier_close(c[0]);
	close(fd);
	unlink(path);
}

static int close_it(void *c)
{
	pier_close(c);
	return 0;
}

ON_FIBER(closing_flushes)
{
	pier_conn *c[2];
	pier_group g = PIER_GROUP;
	char got[8];
	CHECK_OK(pier_pair(c));
	CHECK_OK(pier_buffer(c[0], 100));
	CHECK_EQ(said(c[0], "last"), 4);
	CHECK_OK(pier_go(&g, close_it, c[0]));
	CHECK_EQ(pier_recv_all(c[1], got, 4), 4);
	CHECK_EQ(memcmp(got, "last", 4), 0);
	pier_close(c[1]);
	CHECK_OK(pier_group_wait(&g));
}

TEST(what_cannot_be_gathered_is_refused_and_does_not_stick)
{
	pier_conn *c[2];
	int fds[2];
	CHECK_OK(pier_pair(c));
	CHECK_EQ(pier_buffer(c[0], PIER_BUFFER_MAX + 1), -EINVAL);
	CHECK_EQ(said(c[0], "x"), 1);
	CHECK_STR(arrived(c[1]), "x");
	CHECK_EQ(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds), 0);
	PIER_AUTO *m = pier_adopt(fds[0], NULL);
	CHECK_EQ(pier_buffer(m, 100), -EPROTOTYPE);
	CHECK_EQ(said(m, "x"), 1);
	CHECK_EQ(pier_buffer(NULL, 1), -ENOMEM);
	CHECK_EQ(pier_flush(NULL), -ENOMEM);
	close(fds[1]);
	pier_close(c[1]);
	CHECK_OK(pier_buffer(c[0], 10));
	CHECK_EQ(said(c[0], "y"), 1); /* nobody knows yet */
	CHECK_EQ(pier_flush(c[0]), -EPIPE);
	CHECK_EQ(said(c[0], "z"), -EPIPE);
	CHECK_EQ(pier_flush(c[0]), -EPIPE);
	pier_abort(c[0]);
}

static int flush_it(void *c)
{
	CHECK_OK(pier_flush(c));
	return 0;
}

static int say_more(void *c)
{
	CHECK_EQ(said(c, "more"), 4);
	return 0;
}

static char block[512 << 10], got[sizeof block];

/* While what was gathered waits for room, others stand in line behind it. */
ON_FIBER(what_is_sent_during_a_flush_comes_behind_it)
{
	pier_conn *c[2];
	pier_group g = PIER_GROUP;
	memset(block, 'b', sizeof block);
	CHECK_OK(pier_pair(c));
	CHECK_OK(pier_buffer(c[0], sizeof block));
	CHECK_EQ(pier_send(c[0], block, sizeof block), sizeof block);
	CHECK_OK(pier_go(&g, flush_it, c[0]));
	CHECK_OK(pier_go(&g, say_more, c[0]));
	pier_sleep(PIER_MS(5)); /* both wait for room now */
	CHECK_EQ(pier_recv_all(c[1], got, sizeof got), sizeof got);
	CHECK_EQ(memcmp(got, block, sizeof got), 0);
	CHECK_EQ(pier_recv_all(c[1], got, 4), 4);
	CHECK_EQ(memcmp(got, "more", 4), 0);
	CHECK_OK(pier_group_wait(&g));
	pier_abort(c[0]);
	pier_close(c[1]);
}

/* A flush that a time-out ends leaves half a message behind: the conn has failed, and what is left is not sent again. */
ON_BOTH(a_flush_has_its_time_out)
{
	pier_conn *c[2];
	CHECK_OK(pier_pair(c));
	pier_set_timeouts(c[0], 0, PIER_MS(20));
	CHECK_OK(pier_buffer(c[0], sizeof block));
	CHECK_EQ(pier_send(c[0], block, sizeof block), sizeof block);
	CHECK_EQ(pier_flush(c[0]), -ETIMEDOUT);
	CHECK_EQ(pier_err(c[0]), -ETIMEDOUT);
	pier_close(c[0]);
	pier_close(c[1]);
}

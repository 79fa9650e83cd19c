/* A conn over a raw socket, as Python's tests have the file that makefile makes. */
#include "sock_pairs.h"

#include <poll.h>
#include <pthread.h>

#define MSG "Michael Gilfix was here"

/* A conn, and the raw socket at its other end. */
static pier_conn *file_joined(pier_sock *far)
{
	pier_sock p[2];
	tcp_joined(p);
	*far = p[1];
	pier_conn *c = pier_sock_conn(&p[0], NULL);
	CHECK_OK(pier_err(c));
	return c;
}

/* All up to the end, as file.read() has it. */
static size_t read_all(pier_conn *c, char *into, size_t room)
{
	ssize_t n;
	while ((n = pier_fill(c)) > 0)
		;
	CHECK_OK(n);
	pier_bytes all = pier_view(c);
	CHECK(all.len <= room);
	memcpy(into, all.p, all.len);
	pier_spend(c, all.len);
	return all.len;
}

ON_BOTH(a_file_is_read_in_pieces_of_any_size)
{
	for (size_t piece = 1; piece <= strlen(MSG); piece++) {
		pier_sock far;
		char got[64];
		size_t sum = 0;
		PIER_AUTO *c = file_joined(&far);
		say(&far, MSG);
		pier_sock_close(&far);
		while (sum + piece <= strlen(MSG)) {
			CHECK_EQ(pier_recv_all(c, got + sum, piece), piece);
			sum += piece;
		}
		for (ssize_t n; (n = pier_recv(c, got + sum, piece)) != 0; sum += (size_t)n)
			CHECK_OK(n);
		CHECK_BYTES(pier_bytes_of(got, sum), MSG);
	}
}

ON_BOTH(a_file_is_read_to_its_end)
{
	pier_sock far;
	char got[64], line[64];
	PIER_AUTO *c = file_joined(&far);
	say(&far, "first\n" MSG);
	pier_sock_close(&far);
	CHECK_EQ(pier_gets(c, line, sizeof line), 6);
	CHECK_STR(line, "first");
	CHECK_BYTES(pier_bytes_of(got, read_all(c, got, sizeof got)), MSG);
	CHECK_EQ(pier_gets(c, line, sizeof line), 0);
}

ON_BOTH(after_a_time_out_a_file_is_read_no_more_until_it_is_cleared)
{
	pier_sock far;
	char got[8];
	PIER_AUTO *c = file_joined(&far);
	pier_set_timeouts(c, PIER_MS(20), 0);
	say(&far, "Mic");
	CHECK_EQ(pier_recv_all(c, got, 3), 3);
	CHECK_EQ(pier_recv_all(c, got, 1), -ETIMEDOUT);
	say(&far, "hael");
	struct pollfd in = {.fd = pier_fileno(c), .events = POLLIN};
	CHECK_EQ(poll(&in, 1, 1000), 1);
	CHECK_EQ(pier_recv_all(c, got, 1), -ETIMEDOUT); /* although there is something */
	CHECK(strstr(pier_why(c), "timed out"));
	pier_clear(c);
	CHECK_EQ(pier_recv_all(c, got, 4), 4);
	CHECK_EQ(memcmp(got, "hael", 4), 0);
	pier_sock_close(&far);
}

ON_BOTH(a_file_that_may_not_wait_gives_what_is_there)
{
	pier_sock far;
	char got[64];
	PIER_AUTO *c = file_joined(&far);
	CHECK_EQ(pier_poll(c, 0), 0); /* nothing, which does not stick */
	say(&far, MSG);
	CHECK_EQ(pier_poll(c, PIER_S(1)), 1);
	CHECK_EQ(pier_recv(c, got, strlen(MSG) - 3), strlen(MSG) - 3);
	CHECK_EQ(pier_poll(c, 0), 1);
	CHECK_EQ(pier_recv(c, got, 10), 3);
	CHECK_EQ(memcmp(got, "ere", 3), 0);
	CHECK_EQ(pier_poll(c, 0), 0);
	PIER_WITHIN (0)
		CHECK_EQ(pier_recv(c, got, 1), -ETIMEDOUT);
	pier_clear(c);
	CHECK_EQ(pier_err(c), 0);
	pier_sock_close(&far);
}

/* The socket lives as long as the file, whatever comes of the handle it was made of. */
ON_BOTH(a_file_keeps_its_socket_open)
{
	pier_sock p[2];
	char got[64];
	tcp_joined(p);
	int fd = p[0].fd;
	PIER_AUTO *c = pier_sock_conn(&p[0], NULL);
	CHECK_EQ(pier_fileno(c), fd);
	pier_sock_close(&p[0]);
	say(&p[1], MSG);
	pier_sock_close(&p[1]);
	CHECK_BYTES(pier_bytes_of(got, read_all(c, got, sizeof got)), MSG);
}

ON_BOTH(a_closed_file_has_closed_its_socket)
{
	pier_sock far, below;
	char byte;
	pier_conn *c = file_joined(&far);
	int fd = pier_fileno(c);
	CHECK_OK(pier_sock_of(c, &below));
	pier_sock_set_timeouts(&far, PIER_S(1), PIER_S(1));
	CHECK_OK(pier_sock_shutdown(&far, SHUT_WR)); /* or closing waits for its last words */
	pier_close(c);
	pier_yield();
	CHECK(fcntl(fd, F_GETFD) < 0);
	CHECK_EQ(pier_sock_recv(&far, &byte, 1, 0), 0);
	CHECK_EQ(pier_sock_of(NULL, &below), -ENOTSOCK);
	pier_sock_close(&far);
}

/* Two readers of one stream lose nothing to each other: what one has buffered it puts back, or lends. */
ON_BOTH(a_line_and_then_the_next_come_from_one_stream)
{
	pier_sock far;
	char line[64];
	PIER_AUTO *c = file_joined(&far);
	say(&far, "A. " MSG "\nB. " MSG "\n");
	CHECK(pier_gets(c, line, sizeof line) > 0);
	CHECK_STR(line, "A. " MSG);
	pier_bytes ahead = pier_peek(c, 3);
	CHECK_EQ(memcmp(ahead.p, "B. ", 3), 0);
	CHECK(pier_gets(c, line, sizeof line) > 0);
	CHECK_STR(line, "B. " MSG);
	pier_sock_close(&far);
}

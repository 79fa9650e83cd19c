/* Conns over datagrams, packets, pipes, files and terminals. */
#include "raw_peer.h"

/* ---- Messages of the kernel ------------------------------------------------------------------------ */

static pier_conn *udp_joined(int *raw)
{
	char url[64];
	pier_addr a;
	*raw = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	CHECK_OK(pier_addr_parse(pier_text("127.0.0.1"), 0, &a));
	CHECK_EQ(bind(*raw, &a.sa, a.len), 0);
	CHECK_EQ(getsockname(*raw, &a.sa, &a.len), 0);
	snprintf(url, sizeof url, "udp://127.0.0.1:%d", pier_addr_port(&a));
	pier_conn *c = pier_dial(url);
	CHECK_OK(pier_err(c));
	CHECK_OK(pier_local_addr(c, &a));
	CHECK_EQ(connect(*raw, &a.sa, a.len), 0);
	return c;
}

ON_BOTH(datagrams_of_every_size_come_whole)
{
	static const size_t sizes[] = {0, 1, 100, 16383, 16384, 16385, 40000, 65506, 65507};
	static char out[70000], in[70000];
	int raw;
	PIER_AUTO *c = udp_joined(&raw);
	CHECK(pier_is_message(c));
	for (size_t i = 0; i < sizeof out; i++)
		out[i] = (char)(i * 7);
	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		CHECK_EQ(pier_send(c, out, sizes[i]), sizes[i]);
		CHECK_EQ(recv(raw, in, sizeof in, 0), sizes[i]);
		CHECK(memcmp(in, out, sizes[i]) == 0);
		CHECK_EQ(send(raw, out, sizes[i], 0), sizes[i]);
		pier_bytes m = pier_next(c);
		CHECK(m.p);
		CHECK_EQ(m.len, sizes[i]);
		CHECK(sizes[i] == 0 || memcmp(m.p, out, m.len) == 0);
		CHECK_EQ(send(raw, out, sizes[i], 0), sizes[i]);
		CHECK_EQ(pier_recv(c, in, sizeof in), sizes[i]);
	}
	CHECK_EQ(pier_err(c), 0);
	CHECK_EQ(pier_send(c, out, 65508), -EMSGSIZE);
	close(raw);
}

ON_BOTH(a_datagram_larger_than_the_room_is_refused)
{
	int raw;
	char small[4];
	PIER_AUTO *c = udp_joined(&raw);
	CHECK_EQ(send(raw, "hello", 5, 0), 5);
	CHECK_EQ(pier_recv(c, small, sizeof small), -EMSGSIZE);
	CHECK_EQ(pier_err(c), -EMSGSIZE);
	close(raw);
}

ON_BOTH(gets_of_a_datagram_is_its_text)
{
	int raw;
	char line[8];
	PIER_AUTO *c = udp_joined(&raw);
	CHECK_EQ(send(raw, "hello\r\n", 7, 0), 7);
	CHECK_EQ(send(raw, "", 0, 0), 0);
	CHECK_EQ(send(raw, "no end", 6, 0), 6);
	CHECK(pier_gets(c, line, sizeof line) > 0);
	CHECK_STR(line, "hello");
	CHECK(pier_gets(c, line, sizeof line) > 0);
	CHECK_STR(line, "");
	CHECK(pier_gets(c, line, sizeof line) > 0);
	CHECK_STR(line, "no end");
	close(raw);
}

ON_BOTH(a_datagram_that_nobody_takes_is_refused)
{
	int raw;
	PIER_AUTO *c = udp_joined(&raw);
	close(raw);
	CHECK_EQ(pier_send(c, "x", 1), 1);
	CHECK(!pier_next(c).p);
	CHECK_EQ(pier_err(c), -ECONNREFUSED);
}

/* recv(2) returns 0 for both; what still comes, or may come, tells. */
ON_FIBER(an_empty_packet_is_not_the_end)
{
	char url[64];
	pier_listener *l;
	pier_conn *server;
	snprintf(url, sizeof url, "seqpacket:@pier-empty-%d", (int)getpid());
	CHECK_OK(pier_listen(url, &l));
	PIER_AUTO *c = pier_dial(url);
	CHECK_OK(pier_accept(l, &server));
	CHECK_EQ(pier_send(c, "", 0), 0);
	CHECK_BYTES(pier_next(server), "");
	CHECK_EQ(pier_send(c, "one", 3), 3);
	CHECK_EQ(pier_send(c, "", 0), 0);
	CHECK_EQ(pier_send(c, "", 0), 0);
	CHECK_EQ(pier_send(c, "two", 3), 3);
	CHECK_OK(pier_finish(c)); /* from here on the end is there too */
	CHECK_BYTES(pier_next(server), "one");
	CHECK_BYTES(pier_next(server), "");
	CHECK_BYTES(pier_next(server), "");
	CHECK_BYTES(pier_next(server), "two");
	CHECK(!pier_next(server).p);
	CHECK_OK(pier_err(server));
	pier_close(server);
	pier_listener_close(l);
}

ON_FIBER(seqpacket_keeps_messages_and_tells_the_end)
{
	char url[64];
	pier_listener *l;
	pier_conn *server;
	snprintf(url, sizeof url, "seqpacket:@pier-conn-%d", (int)getpid());
	CHECK_OK(pier_listen(url, &l));
	PIER_AUTO *c = pier_dial(url);
	CHECK_OK(pier_err(c));
	CHECK_OK(pier_accept(l, &server));
	static char big[40000];
	CHECK_EQ(pier_send(c, "one", 3), 3);
	CHECK_EQ(pier_send(c, "two", 3), 3);
	CHECK_EQ(pier_send(c, big, sizeof big), sizeof big);
	CHECK_BYTES(pier_next(server), "one");
	CHECK_BYTES(pier_next(server), "two");
	CHECK_EQ(pier_next(server).len, sizeof big);
	CHECK_OK(pier_finish(c));
	CHECK(!pier_next(server).p);
	CHECK_OK(pier_err(server));
	CHECK_EQ(pier_send(server, "answer", 6), 6);
	CHECK_BYTES(pier_next(c), "answer");
	pier_close(server);
	CHECK(!pier_next(c).p);
	CHECK_OK(pier_err(c));
	pier_listener_close(l);
}

/* ---- Pairs and adopted descriptors ------------------------------------------------------------------ */

ON_BOTH(a_pair_is_joined)
{
	pier_conn *p[2];
	CHECK_OK(pier_pair(p));
	CHECK_EQ(pier_send(p[0], "ping", 4), 4);
	CHECK_BYTES(pier_next(p[1]), "ping");
	CHECK_EQ(pier_send(p[1], "pong", 4), 4);
	CHECK_BYTES(pier_next(p[0]), "pong");
	CHECK_OK(pier_finish(p[0]));
	CHECK(!pier_next(p[1]).p);
	pier_abort(p[1]);
	pier_close(p[0]);
}

ON_BOTH(adopted_pipes_do_not_change_for_their_other_holders)
{
	int in[2], out[2], raw_in, raw_out;
	CHECK_EQ(pipe2(in, O_CLOEXEC), 0);
	CHECK_EQ(pipe2(out, O_CLOEXEC), 0);
	raw_in = dup(in[0]);
	raw_out = dup(out[1]);
	pier_conn *r = pier_adopt(in[0], &(pier_dial_opts){.frame = PIER_LINES});
	pier_conn *w = pier_adopt(out[1], NULL);
	struct feed f = {.fd = in[1], .p = "hello\n", .len = 6, .first = 1, .step = 1};
	feed(&f);
	CHECK_BYTES(pier_next(r), "hello");
	fed(&f);
	CHECK_EQ(pier_send(w, "hi", 2), 2);
	pier_set_timeouts(r, PIER_MS(10), 0);
	CHECK(!pier_next(r).p); /* does not block */
	CHECK_EQ(pier_err(r), -ETIMEDOUT);
	CHECK_EQ(fcntl(raw_in, F_GETFL) & O_NONBLOCK, 0);
	CHECK_EQ(fcntl(raw_out, F_GETFL) & O_NONBLOCK, 0);
	pier_close(r);
	pier_close(w);
	close(raw_in);
	close(raw_out);
	close(in[1]);
	close(out[0]);
}

ON_BOTH(a_pipe_without_reader_is_an_error_and_no_signal)
{
	int fds[2];
	CHECK_EQ(pipe2(fds, O_CLOEXEC), 0);
	PIER_AUTO *c = pier_adopt(fds[1], NULL);
	close(fds[0]);
	CHECK_EQ(pier_send(c, "x", 1), -EPIPE);
}

ON_BOTH(a_full_pipe_waits_for_its_reader)
{
	int fds[2];
	CHECK_EQ(pipe2(fds, O_CLOEXEC), 0);
	pier_conn *c = pier_adopt(fds[1], NULL);
	struct sink s = {.fd = fds[0], .delay_us = 20000};
	drain(&s, 1000000);
	char *much = calloc(1, 1000000);
	CHECK_EQ(pier_send(c, much, 1000000), 1000000);
	pier_close(c);
	drained(&s);
	CHECK_EQ(s.len, 1000000);
	free(s.got);
	free(much);
}

ON_BOTH(an_adopted_file_is_read_to_its_end)
{
	char path[32];
	int fd = file_of(40000, path);
	size_t sum = 0;
	lseek(fd, 0, SEEK_SET);
	PIER_AUTO *c = pier_adopt(fd, NULL);
	for (pier_bytes m; (m = pier_next(c)).p;)
		sum += m.len;
	CHECK_EQ(sum, 40000);
	CHECK_OK(pier_err(c));
	unlink(path);
}

ON_BOTH(an_adopted_socket_is_a_conn)
{
	int fds[2];
	CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	int keep = dup(fds[0]);
	pier_conn *c = pier_adopt(fds[0], NULL);
	put_text(fds[1], "hello");
	CHECK_BYTES(pier_next(c), "hello");
	pier_set_timeouts(c, PIER_MS(10), PIER_MS(50));
	CHECK(!pier_next(c).p);
	pier_clear(c);
	char *much = calloc(1, 10 << 20);
	CHECK_EQ(pier_send(c, much, 10 << 20), -ETIMEDOUT);
	CHECK_EQ(fcntl(keep, F_GETFL) & O_NONBLOCK, 0);
	free(much);
	pier_close(c);
	close(keep);
	close(fds[1]);
	CHECK_EQ(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds), 0);
	c = pier_adopt(fds[0], NULL);
	CHECK(pier_is_message(c));
	put_text(fds[1], "one");
	put_text(fds[1], "two");
	CHECK_BYTES(pier_next(c), "one");
	CHECK_BYTES(pier_next(c), "two");
	close(fds[1]);
	pier_close(c);
}

static void converse_with_terminal(int ours, int theirs)
{
	int keep = dup(ours);
	PIER_AUTO *c = pier_adopt(ours, NULL);
	CHECK_OK(pier_err(c));
	put_text(theirs, "hello\n");
	CHECK_BYTES(pier_next(c), "hello\n");
	char got[8] = "";
	CHECK_EQ(pier_send(c, "hi\n", 3), 3);
	CHECK_EQ(read(theirs, got, sizeof got), 3);
	CHECK_STR(got, "hi\n");
	pier_set_timeouts(c, PIER_MS(10), 0);
	CHECK(!pier_next(c).p);
	CHECK_EQ(pier_err(c), -ETIMEDOUT);
	CHECK_EQ(fcntl(keep, F_GETFL) & O_NONBLOCK, 0);
	close(keep);
}

static void open_terminal(int *master, int *slave)
{
	struct termios plain;
	CHECK_EQ(openpty(master, slave, NULL, NULL, NULL), 0);
	tcgetattr(*slave, &plain);
	cfmakeraw(&plain);
	tcsetattr(*slave, TCSANOW, &plain);
}

ON_BOTH(an_adopted_terminal_does_not_block)
{
	int master, slave;
	open_terminal(&master, &slave);
	converse_with_terminal(slave, master);
	close(master);
}

ON_BOTH(the_other_side_of_a_terminal_can_be_adopted)
{
	int master, slave;
	open_terminal(&master, &slave);
	converse_with_terminal(master, slave);
	close(slave);
}

/* A udp server: bursts, bounds, addresses, and peers that are not what they seem. */
#include "raw_peer.h"
#include "town.h"

#include "net/udp/udp.h"

#include <netinet/udp.h>

#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif

/* A client of the kernel's own, connected to where the town listens, from `host`. */
static int client(const struct town *t, const char *host)
{
	pier_endpoint e;
	pier_addr to, from;
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	CHECK_OK(pier_endpoint_parse(t->where, &e));
	CHECK_OK(pier_addr_parse(pier_text("127.0.0.1"), e.port, &to));
	CHECK_OK(pier_addr_parse(pier_text(host), 0, &from));
	CHECK_EQ(bind(fd, &from.sa, from.len), 0);
	CHECK_EQ(connect(fd, &to.sa, to.len), 0);
	return fd;
}

static ssize_t hear(int fd, void *into, size_t room)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	for (int i = 0; i < 5000; i++) {
		if (poll(&p, 1, 0) == 1)
			return recv(fd, into, room, MSG_DONTWAIT);
		pier_sleep(PIER_MS(1));
	}
	return -1;
}

static void hear_text(int fd, const char *text)
{
	char got[64] = "";
	CHECK_EQ(hear(fd, got, sizeof got - 1), strlen(text));
	CHECK_STR(got, text);
}

/* ---- Bursts --------------------------------------------------------------------------------------- */

/* A burst fits into a socket's buffer (212,992 bytes, of which a datagram takes up to 1,280): the kernel drops what
 * does not, should the server get no turn meanwhile. */
#define CLIENTS 16
#define BURST	8
#define BURSTS	4

ON_FIBER(bursts_of_many_peers_are_answered_in_each_one_s_order)
{
	struct town t = {.url = "udp://127.0.0.1:0", .handler = echo};
	char out[1500], in[1500];
	int fds[CLIENTS];
	open_town(&t);
	for (int i = 0; i < CLIENTS; i++)
		fds[i] = client(&t, "127.0.0.1");
	for (int first = 0; first < BURSTS * BURST; first += BURST) {
		for (int k = first; k < first + BURST; k++)
			for (int i = 0; i < CLIENTS; i++) {
				size_t len = (size_t)(k % 5 * 97); /* some are empty */
				memset(out, i * BURST + k, len);
				CHECK_EQ(send(fds[i], out, len, 0), len);
			}
		for (int k = first; k < first + BURST; k++)
			for (int i = 0; i < CLIENTS; i++) {
				size_t len = (size_t)(k % 5 * 97);
				memset(out, i * BURST + k, len);
				CHECK_EQ(hear(fds[i], in, sizeof in), len);
				CHECK(memcmp(in, out, len) == 0);
			}
	}
	for (int i = 0; i < CLIENTS; i++)
		close(fds[i]);
	close_town(&t);
}

/* What the kernel does not take is lost, as datagrams may be; the server is not. */
ON_FIBER(a_burst_beyond_the_socket_s_buffer_harms_nobody)
{
	struct town t = {
		.url = "udp://127.0.0.1:0?rcvbuf=8k", .handler = echo, .o = {.workers = 1}};
	static char big[4000];
	char got[8];
	open_town(&t);
	int flood = client(&t, "127.0.0.1"), quiet = client(&t, "127.0.0.1");
	for (int i = 0; i < 3000; i++)
		CHECK_EQ(send(flood, big, i % 3 ? 60 : sizeof big, 0), i % 3 ? 60 : sizeof big);
	for (int tries = 0; tries < 100; tries++) {
		CHECK_EQ(send(quiet, "ask", 3, 0), 3);
		pier_sleep(PIER_MS(5));
		if (recv(quiet, got, sizeof got, MSG_DONTWAIT) == 3)
			break;
		CHECK(tries < 99);
	}
	close(flood);
	close(quiet);
	close_town(&t);
}

/* ---- Joined and cut by the kernel ------------------------------------------------------------------ */

static void send_cut(int fd, const char *bytes, size_t len, uint16_t size)
{
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof size)] = {0};
	struct iovec iov = {(void *)(uintptr_t)bytes, len};
	struct msghdr msg = {.msg_iov = &iov,
			     .msg_iovlen = 1,
			     .msg_control = control,
			     .msg_controllen = sizeof control};
	struct cmsghdr *h = CMSG_FIRSTHDR(&msg);
	h->cmsg_level = IPPROTO_UDP;
	h->cmsg_type = UDP_SEGMENT;
	h->cmsg_len = CMSG_LEN(sizeof size);
	memcpy(CMSG_DATA(h), &size, sizeof size);
	CHECK_EQ(sendmsg(fd, &msg, 0), len);
}

ON_FIBER(what_the_kernel_joined_is_handed_out_one_by_one)
{
	struct town t = {.url = "udp://127.0.0.1:0", .handler = echo};
	static const struct {
		size_t len;
		uint16_t size;
	} shapes[] = {{1000, 100}, {950, 100}, {64, 1}, {4200, 1400}, {4201, 1400}, {6400, 100}};
	static char out[8000];
	char in[1500];
	open_town(&t);
	int fd = client(&t, "127.0.0.1");
	for (size_t i = 0; i < sizeof out; i++)
		out[i] = (char)(i * 7 + (i >> 8));
	for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
		send_cut(fd, out, shapes[i].len, shapes[i].size);
		for (size_t at = 0; at < shapes[i].len; at += shapes[i].size) {
			size_t rest = shapes[i].len - at;
			size_t len = rest < shapes[i].size ? rest : shapes[i].size;
			CHECK_EQ(hear(fd, in, sizeof in), len);
			CHECK(memcmp(in, out + at, len) == 0);
		}
	}
	close(fd);
	close_town(&t);
}

/* Several answers to each, of equal and of other sizes: those of one peer may be joined. */
static void answer_much(pier_conn *c, void *arg)
{
	struct town *t = arg;
	t->begun++;
	for (pier_bytes m; (m = pier_next(c)).p;) {
		for (int i = 0; i < 5; i++)
			pier_printf(c, "%.*s %d", (int)m.len, m.p, i);
		pier_send(c, NULL, 0);
		pier_printf(c, "end of %.*s", (int)m.len, m.p);
	}
	t->ended++;
}

ON_FIBER(many_answers_to_one_datagram_all_come)
{
	struct town t = {.url = "udp://127.0.0.1:0", .handler = answer_much, .o = {.workers = 1}};
	char want[32];
	open_town(&t);
	int fds[3];
	for (int i = 0; i < 3; i++)
		fds[i] = client(&t, "127.0.0.1");
	for (int k = 0; k < 4; k++)
		for (int i = 0; i < 3; i++)
			CHECK_EQ(send(fds[i], &"abcdefghijkl"[k * 3 + i], 1, 0), 1);
	for (int i = 0; i < 3; i++)
		for (int k = 0; k < 4; k++) {
			char who = "abcdefghijkl"[k * 3 + i];
			for (int n = 0; n < 5; n++) {
				snprintf(want, sizeof want, "%c %d", who, n);
				hear_text(fds[i], want);
			}
			hear_text(fds[i], "");
			snprintf(want, sizeof want, "end of %c", who);
			hear_text(fds[i], want);
		}
	for (int i = 0; i < 3; i++)
		close(fds[i]);
	close_town(&t);
}

static void say_too_much(pier_conn *c, void *arg)
{
	static char big[70000];
	struct town *t = arg;
	t->begun++;
	pier_next(c);
	CHECK_EQ(pier_send(c, big, sizeof big), -EMSGSIZE);
	t->ended++;
}

ON_FIBER(an_answer_that_is_too_long_is_that_peer_s_error)
{
	struct town t = {.url = "udp://127.0.0.1:0", .handler = say_too_much};
	open_town(&t);
	int fd = client(&t, "127.0.0.1");
	CHECK_EQ(send(fd, "x", 1, 0), 1);
	await(&t.errors, 1);
	CHECK_EQ(t.error, -EMSGSIZE);
	close(fd);
	close_town(&t);
}

/* What a handler said before it returned leaves, although its conn is gone. */
static void answer_once(pier_conn *c, void *arg)
{
	struct town *t = arg;
	t->begun++;
	pier_bytes m = pier_next(c);
	pier_send(c, m.p, m.len);
	t->ended++;
}

ON_FIBER(the_last_words_of_a_handler_leave)
{
	struct town t = {.url = "udp://127.0.0.1:0", .handler = answer_once, .o = {.workers = 1}};
	open_town(&t);
	int fds[8];
	for (int i = 0; i < 8; i++)
		fds[i] = client(&t, "127.0.0.1");
	for (int k = 0; k < 20; k++) {
		for (int i = 0; i < 8; i++)
			CHECK_EQ(send(fds[i], "bye", 3, 0), 3);
		for (int i = 0; i < 8; i++)
			hear_text(fds[i], "bye");
	}
	for (int i = 0; i < 8; i++)
		close(fds[i]);
	close_town(&t);
}

static void talk_on(pier_conn *c, void *arg)
{
	struct town *t = arg;
	t->begun++;
	while (pier_send(c, "on and on", 9) > 0)
		;
	t->ended++;
}

/* With a datagram left unread all the time, so that what it says is gathered. */
ON_FIBER(a_handler_that_only_talks_holds_nobody_up)
{
	struct town t = {.url = "udp://127.0.0.1:0",
			 .handler = talk_on,
			 .o = {.workers = 1, .grace = PIER_MS(10)}};
	open_town(&t);
	int fd = client(&t, "127.0.0.1");
	CHECK_EQ(send(fd, "a", 1, 0), 1);
	await(&t.begun, 1); /* on this worker too */
	hear_text(fd, "on and on");
	close(fd);
	close_town(&t);
}

/* ---- Addresses ------------------------------------------------------------------------------------ */

static void check_answered_from(const char *url, const char *host)
{
	struct town t = {.url = url, .handler = echo};
	pier_endpoint e;
	pier_addr to;
	open_town(&t);
	CHECK_OK(pier_endpoint_parse(t.where, &e));
	CHECK_OK(pier_addr_parse(pier_text(host), e.port, &to));
	int fd = socket(to.sa.sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	CHECK_EQ(connect(fd, &to.sa, to.len), 0); /* it hears this address alone */
	for (int i = 0; i < 3; i++) {
		CHECK_EQ(send(fd, "x", 1, 0), 1);
		CHECK_EQ(send(fd, "y", 1, 0), 1);
		hear_text(fd, "x");
		hear_text(fd, "y");
	}
	close(fd);
	close_town(&t);
}

ON_FIBER(the_address_that_was_asked_answers)
{
	check_answered_from("udp://0.0.0.0:0", "127.0.0.1");
	check_answered_from("udp://0.0.0.0:0", "127.0.0.77");
	check_answered_from("udp://:0", "127.0.0.78");
	check_answered_from("udp://:0", "::1");
	check_answered_from("udp://127.0.0.79:0", "127.0.0.79");
	check_answered_from("udp://[::1]:0", "::1");
}

/* A broadcast is nobody's address: the answer comes from one of ours. */
ON_FIBER(a_broadcast_is_answered)
{
	struct town t = {.url = "udp://0.0.0.0:0", .handler = echo};
	pier_endpoint e;
	pier_addr to;
	int on = 1;
	open_town(&t);
	CHECK_OK(pier_endpoint_parse(t.where, &e));
	CHECK_OK(pier_addr_parse(pier_text("127.255.255.255"), e.port, &to));
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	CHECK_EQ(setsockopt(fd, SOL_SOCKET, SO_BROADCAST, &on, sizeof on), 0);
	CHECK_EQ(sendto(fd, "all", 3, 0, &to.sa, to.len), 3);
	hear_text(fd, "all");
	CHECK_EQ(t.errors, 0);
	close(fd);
	close_town(&t);
}

/* ---- Limits --------------------------------------------------------------------------------------- */

static atomic_int refused;

static void count_refused(pier_conn *c, void *arg)
{
	(void)c;
	(void)arg;
	refused++;
}

/* However many workers there are: as many peers, the one silent for longest goes, nobody is refused. */
static void check_room(unsigned workers)
{
	struct town t = {.url = "udp://127.0.0.1:0",
			 .handler = echo,
			 .o = {.max_conns = 4, .workers = workers, .on_full = count_refused}};
	int fds[12];
	char got[8];
	open_town(&t);
	for (int i = 0; i < 12; i++) {
		fds[i] = client(&t, "127.0.0.1");
		for (int tries = 0;; tries++) {
			CHECK(tries < 100);
			CHECK_EQ(send(fds[i], "me", 2, 0), 2);
			pier_sleep(PIER_MS(3));
			if (recv(fds[i], got, sizeof got, MSG_DONTWAIT) == 2)
				break;
		}
		CHECK(t.begun - t.ended <= 4);
		CHECK_EQ(send(fds[0], "stay", 4, 0),
			 4); /* never silent for long, so never let go */
		while (hear(fds[0], got, sizeof got) !=
		       4) /* a late answer to "me" is passed over */
			;
	}
	CHECK_EQ(refused, 0);
	CHECK(t.begun - t.ended >= 3);
	CHECK(t.begun <= 12 + 4); /* a let-go that came late may have been one too many */
	for (int i = 0; i < 12; i++)
		close(fds[i]);
	close_town(&t);
}

ON_FIBER(one_worker_lets_the_longest_silent_peer_go)
{
	check_room(1);
}

ON_FIBER(four_workers_let_the_longest_silent_peer_go)
{
	check_room(4);
}

/* Anyone can send from addresses that are not theirs. */
ON_FIBER(peers_that_never_come_back_take_no_more_than_their_room)
{
	struct town t = {.url = "udp://127.0.0.1:0", .handler = echo, .o = {.max_conns = 8}};
	char host[32], got[8];
	int most = 0;
	open_town(&t);
	for (int i = 0; i < 500; i++) {
		snprintf(host, sizeof host, "127.%d.%d.%d", 1 + i % 7, i % 250, 1 + i % 200);
		int fd = client(&t, host);
		CHECK_EQ(send(fd, "who?", 4, 0), 4);
		close(fd);
		if (i % 50 == 0)
			pier_sleep(PIER_MS(1));
		int live = t.begun - t.ended;
		most = live > most ? live : most;
	}
	CHECK(most <= 8);
	int fd = client(&t, "127.0.0.1");
	for (int tries = 0;; tries++) {
		CHECK(tries < 100);
		CHECK_EQ(send(fd, "real", 4, 0), 4);
		pier_sleep(PIER_MS(3));
		if (recv(fd, got, sizeof got, MSG_DONTWAIT) == 4)
			break;
	}
	close(fd);
	close_town(&t);
}

/* ---- A socket that fails -------------------------------------------------------------------------- */

static bool refuse_all(pier_conn *c, void *arg)
{
	(void)c;
	(void)arg;
	return false;
}

ON_FIBER(a_port_tells_an_error_of_its_socket)
{
	struct udp_port *port;
	/* A stream that is not connected: every receive fails. */
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	CHECK_OK(pier_udp_port_new(fd, refuse_all, NULL, &port));
	CHECK_EQ(pier_udp_port_run(port), -ENOTCONN);
	pier_udp_port_free(port);
}

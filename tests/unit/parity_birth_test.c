/* What a raw socket is from its birth to its end, as Python's tests have it. */
#include "sock_pairs.h"

/* Every kind of socket that needs no rights. */
static const struct kind {
	int family, type, protocol;
} kinds[] = {
	{AF_INET, SOCK_STREAM, 0},    {AF_INET, SOCK_DGRAM, 0},
	{AF_INET6, SOCK_STREAM, 0},   {AF_INET6, SOCK_DGRAM, 0},
	{AF_UNIX, SOCK_STREAM, 0},    {AF_UNIX, SOCK_DGRAM, 0},
	{AF_UNIX, SOCK_SEQPACKET, 0}, {AF_INET, SOCK_STREAM, IPPROTO_TCP},
};
#define KINDS (sizeof kinds / sizeof *kinds)

static pier_sock of_kind(const struct kind *k, int flags)
{
	pier_sock s;
	CHECK_OK(pier_socket(k->family, k->type | flags, k->protocol, &s));
	return s;
}

/* ---- What it is ---------------------------------------------------------------------------------- */

TEST(a_type_is_told_without_its_flags)
{
	for (size_t i = 0; i < KINDS; i++) {
		PIER_AUTO_SOCK s = of_kind(&kinds[i], SOCK_CLOEXEC | SOCK_NONBLOCK);
		static const int64_t timeouts[] = {PIER_S(1), 0, PIER_FOREVER, 0};
		CHECK_EQ(s.family, kinds[i].family);
		CHECK_EQ(s.protocol, kinds[i].protocol);
		for (int j = 0; j < 4; j++) {
			CHECK_EQ(s.type, kinds[i].type);
			pier_sock_set_timeouts(&s, timeouts[j], timeouts[j]);
			CHECK_EQ(s.rd, timeouts[j]);
			CHECK_EQ(s.wr, timeouts[j]);
		}
	}
}

TEST(nonblock_asks_for_a_socket_that_never_waits)
{
	test_skip_simulated("it asks the real kernel by itself");
	char byte;
	PIER_AUTO_SOCK s = PIER_SOCK;
	pier_sock p[2];
	pier_set_default_timeout(PIER_S(3)); /* what was asked for comes before the default */
	CHECK_OK(pier_socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0, &s));
	CHECK_OK(pier_socketpair(SOCK_STREAM | SOCK_NONBLOCK, p));
	CHECK_EQ(s.rd, 0);
	CHECK_EQ(s.wr, 0);
	CHECK_EQ(pier_sock_recv(&s, &byte, 1, 0), -EAGAIN);
	CHECK_EQ(pier_sock_recv(&p[1], &byte, 1, 0), -EAGAIN);
	CHECK_EQ(p[0].type, SOCK_STREAM);
	pier_sock_close(&p[0]);
	int fd = pier_sock_detach(&p[1]);
	CHECK(fcntl(fd, F_GETFL) & O_NONBLOCK); /* and who takes it back has what was asked for */
	close(fd);
}

TEST(a_family_without_a_name_is_told_by_its_number)
{
	char text[PIER_SOCK_TEXT];
	pier_sock strange = {.fd = 1000, .family = 77, .type = 23};
	CHECK_STR(pier_sock_str(&strange, text, sizeof text), "fd 1000: 77 23");
}

TEST(a_socket_tells_its_address_from_when_it_has_one)
{
	char text[PIER_SOCK_TEXT], want[PIER_SOCK_TEXT], where[PIER_ADDR_TEXT];
	pier_addr at = at_loopback(AF_INET);
	PIER_AUTO_SOCK s = PIER_SOCK;
	CHECK_OK(pier_socket(AF_INET, SOCK_STREAM, 0, &s));
	CHECK(!strstr(pier_sock_str(&s, text, sizeof text), " to "));
	CHECK_OK(pier_sock_bind(&s, &at));
	CHECK_OK(pier_sock_local(&s, &at));
	CHECK(pier_addr_port(&at) != 0);
	CHECK_STR(pier_addr_host(&at, where, sizeof where), "127.0.0.1");
	snprintf(want, sizeof want, "fd %d: AF_INET SOCK_STREAM, %s", s.fd,
		 pier_addr_format(&at, where, sizeof where));
	CHECK_STR(pier_sock_str(&s, text, sizeof text), want);
	pier_sock_close(&s);
	CHECK_STR(pier_sock_str(&s, text, sizeof text), "closed");
}

/* ---- Whose it is --------------------------------------------------------------------------------- */

static void check_inheritable(pier_sock *s, bool yes)
{
	CHECK_EQ(pier_sock_is_inheritable(s), yes);
	CHECK_EQ(!(fcntl(s->fd, F_GETFD) & FD_CLOEXEC), yes);
}

TEST(children_inherit_a_socket_only_when_told_so)
{
	test_skip_simulated("it asks the real kernel by itself");
	for (size_t i = 0; i < KINDS; i++) {
		PIER_AUTO_SOCK s = of_kind(&kinds[i], i % 2 ? SOCK_CLOEXEC : 0);
		PIER_AUTO_SOCK twin = PIER_SOCK;
		check_inheritable(&s, false);
		CHECK_OK(pier_sock_set_inheritable(&s, true));
		check_inheritable(&s, true);
		CHECK_OK(pier_sock_dup(&s, &twin));
		check_inheritable(&twin, false);
		CHECK_OK(pier_sock_set_inheritable(&s, false));
		check_inheritable(&s, false);
		CHECK_EQ(fcntl(s.fd, F_SETFD, 0), 0); /* by another hand */
		CHECK(pier_sock_is_inheritable(&s));
	}
	pier_sock p[2];
	CHECK_OK(pier_socketpair(SOCK_STREAM, p));
	check_inheritable(&p[0], false);
	check_inheritable(&p[1], false);
	part(p);
}

TEST(a_descriptor_tells_all_that_its_handle_must_know)
{
	for (size_t i = 0; i < KINDS; i++) {
		pier_sock s = of_kind(&kinds[i], 0), again;
		PIER_AUTO_SOCK copy = PIER_SOCK;
		CHECK_OK(pier_sock_fromfd(s.fd, &copy));
		int fd = pier_sock_detach(&s);
		CHECK_EQ(s.fd, -1);
		CHECK_OK(pier_sock_adopt(fd, &again));
		CHECK_EQ(again.fd, fd);
		CHECK_EQ(again.family, kinds[i].family);
		CHECK_EQ(again.type, kinds[i].type);
		CHECK_EQ(copy.family, kinds[i].family);
		CHECK_EQ(copy.type, kinds[i].type);
		CHECK(copy.fd != fd);
		pier_sock_close(&again);
	}
}

TEST(what_cannot_be_a_descriptor_of_a_socket_is_refused)
{
	int file = open("/dev/null", O_RDONLY | O_CLOEXEC), gone = dup(file);
	const struct {
		int fd, err;
	} bad[] = {{-1, -EBADF}, {-42, -EBADF}, {gone, -EBADF}, {file, -ENOTSOCK}};
	close(gone);
	for (int i = 0; i < 4; i++) {
		pier_sock s = PIER_SOCK;
		CHECK_EQ(pier_sock_adopt(bad[i].fd, &s), bad[i].err);
		CHECK_EQ(pier_sock_fromfd(bad[i].fd, &s), bad[i].err);
		CHECK_EQ(s.fd, -1);
	}
	CHECK(fcntl(file, F_GETFD) >= 0); /* still the caller's */
	close(file);
}

/* ---- Its end ------------------------------------------------------------------------------------- */

ON_BOTH(a_closed_socket_refuses_every_call)
{
	char byte = 0;
	pier_addr a = at_loopback(AF_INET);
	struct iovec piece = {&byte, 1};
	pier_message m = pier_message_of(&piece);
	pier_sock other = PIER_SOCK, s;
	CHECK_OK(pier_socket(AF_INET, SOCK_STREAM, 0, &s));
	pier_sock_set_timeouts(&s, PIER_S(1), PIER_S(1));
	pier_sock_close(&s);
	CHECK_EQ(pier_sock_bind(&s, &a), -EBADF);
	CHECK_EQ(pier_sock_listen(&s, 1), -EBADF);
	CHECK_EQ(pier_sock_accept(&s, &other, NULL), -EBADF);
	CHECK_EQ(pier_sock_connect(&s, &a), -EBADF);
	CHECK_EQ(pier_sock_shutdown(&s, SHUT_RDWR), -EBADF);
	CHECK_EQ(pier_sock_local(&s, &a), -EBADF);
	CHECK_EQ(pier_sock_peer(&s, &a), -EBADF);
	CHECK_EQ(pier_sock_recv(&s, &byte, 1, 0), -EBADF);
	CHECK_EQ(pier_sock_recvfrom(&s, &byte, 1, 0, &a), -EBADF);
	CHECK_EQ(pier_sock_recvmsg(&s, &m, 0), -EBADF);
	CHECK_EQ(pier_sock_recvmmsg(&s, &m, 1, 0), -EBADF);
	CHECK_EQ(pier_sock_send(&s, "spam", 4, 0), -EBADF);
	CHECK_EQ(pier_sock_send_some(&s, "spam", 4, 0), -EBADF);
	CHECK_EQ(pier_sock_sendto(&s, "spam", 4, 0, &a), -EBADF);
	CHECK_EQ(pier_sock_sendmsg(&s, &m, 0), -EBADF);
	CHECK_EQ(pier_sock_sendmmsg(&s, &m, 1, 0), -EBADF);
	CHECK_EQ(pier_sock_setopt_int(&s, SOL_SOCKET, SO_REUSEADDR, 1), -EBADF);
	CHECK_EQ(pier_sock_dup(&s, &other), -EBADF);
	CHECK_EQ(pier_sock_detach(&s), -EBADF);
	CHECK_EQ(pier_sock_set_inheritable(&s, true), -EBADF);
	CHECK_EQ(other.fd, -1);
	pier_sock_close(&s);
}

/* A descriptor that someone closed below a handle is an error, and no crash. */
ON_BOTH(a_descriptor_closed_by_another_is_an_error)
{
	test_skip_simulated("it asks the real kernel by itself");
	pier_addr at;
	char byte;
	pier_sock s = bound_to(AF_INET, SOCK_DGRAM, &at);
	close(s.fd);
	pier_sock_set_timeouts(&s, 0, 0);
	CHECK_EQ(pier_sock_listen(&s, 1), -EBADF);
	CHECK_EQ(pier_sock_recv(&s, &byte, 1, 0), -EBADF);
	pier_sock_close(&s);
	CHECK_EQ(s.fd, -1);
}

ON_BOTH(a_scope_closes_what_it_owns)
{
	int fds[3];
	for (int early = 0; early < 2; early++) {
		PIER_AUTO_SOCK s = PIER_SOCK;
		CHECK_OK(pier_socket(AF_INET, SOCK_STREAM, 0, &s));
		fds[early] = s.fd;
		CHECK_EQ(pier_sock_send(&s, "foo", 3, 0),
			 -EPIPE); /* an error inside changes nothing */
		if (early)
			pier_sock_close(&s);
	}
	{
		pier_conn *pair[2];
		CHECK_OK(pier_pair(pair));
		PIER_AUTO *c = pair[0];
		pier_close(pair[1]);
		fds[2] = pier_fileno(c);
	}
	pier_yield();
	for (int i = 0; i < 3; i++)
		CHECK(fcntl(fds[i], F_GETFD) < 0 && errno == EBADF);
}

/* ---- Time-outs ----------------------------------------------------------------------------------- */

TEST(the_default_time_out_reaches_what_is_made_or_accepted_later)
{
	pier_addr at;
	pier_sock before = bound_to(AF_INET, SOCK_STREAM, &at);
	pier_sock_set_timeouts(&before, PIER_S(10), PIER_S(10));
	static const int64_t defaults[] = {PIER_FOREVER, PIER_S(20), 0, PIER_FOREVER};
	for (int i = 0; i < 4; i++) {
		pier_sock client, accepted;
		pier_set_default_timeout(PIER_FOREVER);
		CHECK_OK(pier_socket(AF_INET, SOCK_STREAM, 0, &client));
		CHECK_OK(pier_sock_connect(&client, &at));
		pier_set_default_timeout(defaults[i]);
		CHECK_EQ(pier_default_timeout(), defaults[i]);
		CHECK_EQ(before.rd,
			 PIER_S(10)); /* the listener keeps its own, and hands it to nobody */
		CHECK_OK(pier_sock_accept(&before, &accepted, NULL));
		CHECK_EQ(accepted.rd, defaults[i]);
		CHECK_EQ(accepted.wr, defaults[i]);
		pier_sock_close(&client);
		CHECK_OK(pier_socket(AF_UNIX, SOCK_STREAM, 0, &client));
		CHECK_EQ(client.rd, defaults[i]);
		pier_sock_close(&client);
		pier_sock_close(&accepted);
	}
	pier_set_default_timeout(-1);
	CHECK_EQ(pier_default_timeout(), 0); /* less than no time is none */
	pier_sock_set_timeouts(&before, -1, INT64_MIN);
	CHECK_EQ(before.rd, 0);
	CHECK_EQ(before.wr, 0);
	pier_sock_close(&before);
}

/* ---- Options ------------------------------------------------------------------------------------- */

TEST(an_address_is_reused_only_when_told_so)
{
	int on = 7;
	PIER_AUTO_SOCK s = PIER_SOCK;
	CHECK_OK(pier_socket(AF_INET, SOCK_STREAM, 0, &s));
	CHECK_OK(pier_sock_getopt_int(&s, SOL_SOCKET, SO_REUSEADDR, &on));
	CHECK_EQ(on, 0);
	CHECK_OK(pier_sock_setopt_int(&s, SOL_SOCKET, SO_REUSEADDR, 1));
	CHECK_OK(pier_sock_getopt_int(&s, SOL_SOCKET, SO_REUSEADDR, &on));
	CHECK(on != 0);
}

/* The smallest backlog that makes sense is one; what is less asks for the kernel's own. listen(2). */
ON_BOTH(a_listener_takes_any_backlog)
{
	static const int backlogs[] = {1, 0, -1, INT32_MAX};
	for (int i = 0; i < 4; i++) {
		pier_addr at = at_loopback(AF_INET);
		pier_sock listener, a, b;
		CHECK_OK(pier_socket(AF_INET, SOCK_STREAM, 0, &listener));
		CHECK_OK(pier_sock_bind(&listener, &at));
		CHECK_OK(pier_sock_listen(&listener, backlogs[i]));
		CHECK_OK(pier_sock_local(&listener, &at));
		CHECK_OK(pier_socket(AF_INET, SOCK_STREAM, 0, &a));
		CHECK_OK(pier_sock_connect(&a, &at));
		CHECK_OK(pier_sock_accept(&listener, &b, NULL));
		pier_sock_close(&a);
		pier_sock_close(&b);
		pier_sock_close(&listener);
	}
}

TEST(a_file_that_is_closed_is_not_sent)
{
	pier_sock p[2];
	int64_t sent = 9;
	int file = open("/dev/null", O_RDONLY | O_CLOEXEC);
	close(file);
	tcp_joined(p);
	CHECK_EQ(pier_sock_sendfile(&p[0], file, 0, -1, &sent), -EBADF);
	CHECK_EQ(sent, 0);
	say(&p[0], "still whole");
	check_recv(&p[1], "still whole");
	part(p);
}

/* Kernels that are short of everything: no call is sure to work, and yet nothing is lost for good. Once the shortage is
 * over, everybody is served as before. */
#include "test.h"

#include <errno.h>
#include <pier.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TRIES 30

static void echo(pier_conn *c, void *arg)
{
	(void)arg;
	for (pier_bytes m; (m = pier_next(c)).p;)
		pier_send(c, m.p, m.len);
}

static void echo_once(pier_conn *c, void *arg)
{
	pier_bytes m = pier_next(c);
	(void)arg;
	pier_send(c, m.p, m.len);
}

/* A server that could not start tries again, as its keeper would. */
static int keep(const char *url, const char *also, bool per_message)
{
	const char *more[] = {also, NULL};
	int err;
	while ((err = pier_serve(url, per_message ? echo_once : echo, .also = also ? more : NULL,
				 .per_message = per_message, .quiet = true)) < 0)
		if (pier_sleep(PIER_MS(10)) < 0)
			return err;
	return 0;
}

static int keep_tcp(void)
{
	return keep("tcp://:7000", NULL, false);
}

static int keep_per_message(void)
{
	return keep("tcp://:7000", "udp://:7000", true);
}

static int keep_both(void)
{
	return keep("tcp://:7000", "udp://:7000", false);
}

/* What comes back is what was said, or there is an error. */
static bool talk(const char *url)
{
	char in[16] = "", out[] = "hello";
	PIER_AUTO *c = pier_dial(url, .timeout = PIER_S(20), .idle = PIER_S(20));
	if (pier_send(c, out, 5) < 0)
		return false;
	ssize_t n = pier_recv(c, in, sizeof in);
	if (n > 0)
		CHECK(strncmp(in, out, (size_t)n) == 0);
	return n > 0;
}

static int shout(void *url)
{
	for (int i = 0; i < TRIES; i++)
		talk(url);
	return 0;
}

/* Every one is answered again at the first try, of tcp at least. */
static int talk_in_want(pier_sim *s, int (*server)(void), const char *const *urls)
{
	PIER_AUTO_GROUP all = PIER_GROUP;
	CHECK_OK(pier_sim_node(s, "srv", server));
	for (int i = 0; urls[i]; i++)
		CHECK_OK(pier_go(&all, shout, (void *)(uintptr_t)urls[i]));
	CHECK_OK(pier_group_wait(&all));
	pier_sim_calm(s);
	pier_sleep(PIER_MIN(1));
	for (int i = 0; urls[i]; i++)
		if (pier_sim_check(s, talk(urls[i])) < 0)
			return -EPROTO;
	return 0;
}

static int talk_tcp(pier_sim *s)
{
	static const char *const urls[] = {"tcp://srv:7000", "tcp://10.0.0.2:7000", NULL};
	return talk_in_want(s, keep_tcp, urls);
}

TEST_WITHIN(60, a_server_in_want_serves_again_when_it_is_over)
{
	CHECK_EQ(pier_sim_run(talk_tcp, .seeds = 400, .faults = 0.3), 0);
}

static int talk_both(pier_sim *s)
{
	static const char *const urls[] = {"tcp://srv:7000", "udp://srv:7000", NULL};
	return talk_in_want(s, keep_both, urls);
}

TEST_WITHIN(60, so_does_one_of_several_places)
{
	CHECK_EQ(pier_sim_run(talk_both, .seeds = 400, .faults = 0.3, .loss = 0.05), 0);
}

static int talk_per_message(pier_sim *s)
{
	static const char *const urls[] = {"tcp://srv:7000", "udp://srv:7000", NULL};
	return talk_in_want(s, keep_per_message, urls);
}

TEST_WITHIN(60, so_does_one_without_a_fiber_for_each_conn)
{
	CHECK_EQ(pier_sim_run(talk_per_message, .seeds = 400, .faults = 0.3, .loss = 0.05), 0);
}

/* ---- Raw sockets ----------------------------------------------------------------------------------- */

/* Interrupted calls go on by themselves; nothing else is hidden. */
static bool is_want(int64_t err)
{
	return err == -EMFILE || err == -ENFILE || err == -ENOBUFS || err == -ENOMEM ||
	       err == -EADDRINUSE || err == -EADDRNOTAVAIL;
}

static int use_raw(pier_sim *s)
{
	(void)s;
	for (int i = 0; i < 100; i++) {
		pier_sock two[2];
		char byte;
		int err = pier_socketpair(SOCK_STREAM, two);
		if (err < 0) {
			CHECK(is_want(err));
			continue;
		}
		ssize_t n = pier_sock_send(&two[0], "x", 1, 0);
		CHECK(n == 1 || is_want(n));
		pier_sock_set_timeouts(&two[1], PIER_S(1), PIER_S(1));
		n = pier_sock_recv(&two[1], &byte, 1, 0);
		CHECK(n == 1 || n == -ETIMEDOUT || is_want(n));
		pier_sock_close(&two[0]);
		pier_sock_close(&two[1]);
	}
	return 0;
}

TEST(a_raw_socket_tells_of_want_and_of_no_signal)
{
	CHECK_EQ(pier_sim_run(use_raw, .seeds = 200, .faults = 0.3), 0);
}

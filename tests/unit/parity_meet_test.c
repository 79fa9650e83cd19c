/* Dialling and listening, as Python's tests of create_connection and create_server have them. */
#include "raw_peer.h"

#include <string.h>

static void url_of(char into[64], const char *host, int port)
{
	snprintf(into, 64, "tcp://%s:%d", host, port);
}

static int port_of(const pier_listener *l)
{
	pier_addr at;
	CHECK_OK(pier_listener_addr(l, &at));
	return pier_addr_port(&at);
}

/* A port of loopback at which nobody listens. */
static int free_port(void)
{
	int port;
	close(raw_listener("127.0.0.1", 1, &port));
	return port;
}

/* ---- Dialling ------------------------------------------------------------------------------------ */

ON_BOTH(a_dial_keeps_the_error_that_it_met)
{
	static const char *const hosts[] = {"127.0.0.1", "localhost"};
	for (int i = 0; i < 2; i++) {
		char url[64];
		pier_tried tried;
		pier_addrs known;
		url_of(url, hosts[i], free_port());
		PIER_AUTO *c = pier_dial(url, .tried = &tried);
		CHECK_EQ(pier_err(c), -ECONNREFUSED);
		/* each address of the name was tried, and each has its own error */
		CHECK_OK(pier_resolve(pier_text(hosts[i]), 1, false, &known));
		CHECK_EQ(tried.count, known.count);
		for (unsigned j = 0; j < tried.count; j++)
			CHECK(tried.at[j].err == -ECONNREFUSED ||
			      tried.at[j].err == -EADDRNOTAVAIL);
	}
}

ON_BOTH(a_dialled_conn_is_of_the_family_of_its_address)
{
	static const struct {
		const char *host;
		int family;
	} known[] = {{"127.0.0.1", AF_INET}, {"[::1]", AF_INET6}};
	for (int i = 0; i < 2; i++) {
		char url[64];
		pier_listener *l;
		pier_sock below;
		pier_addr local;
		url_of(url, known[i].host, 0);
		CHECK_OK(pier_listen(url, &l));
		url_of(url, known[i].host, port_of(l));
		PIER_AUTO *c = pier_dial(url);
		CHECK_OK(pier_err(c));
		CHECK_OK(pier_sock_of(c, &below));
		CHECK_EQ(below.family, known[i].family);
		CHECK_EQ(below.type, SOCK_STREAM);
		CHECK_OK(pier_local_addr(c, &local));
		CHECK_EQ(local.sa.sa_family, known[i].family);
		pier_listener_close(l);
	}
}

static int answer_late(void *listener)
{
	pier_conn *c;
	CHECK_OK(pier_accept(listener, &c));
	CHECK_OK(pier_sleep(PIER_MS(60)));
	CHECK_EQ(pier_send(c, "done!", 5), 5);
	pier_close(c);
	return 0;
}

/* The default is for raw sockets: a conn made elsewhere in the process is not to time out by it. */
ON_FIBER(a_dial_takes_its_times_from_its_options_alone)
{
	char url[64], got[8];
	pier_listener *l;
	pier_group g = PIER_GROUP;
	CHECK_OK(pier_listen("tcp://127.0.0.1:0", &l));
	url_of(url, "127.0.0.1", port_of(l));
	pier_set_default_timeout(PIER_MS(10));
	CHECK_OK(pier_go(&g, answer_late, l));
	pier_conn *c = pier_dial(url);
	CHECK_EQ(pier_recv_all(c, got, 5), 5);
	pier_close(c);
	CHECK_OK(pier_group_wait(&g));
	pier_set_default_timeout(PIER_FOREVER);
	pier_listener_close(l);
}

/* Python: create_connection's timeout is the socket's too; pier has .timeout for the dial and .idle for what
 * comes later. */
ON_BOTH(the_time_for_a_dial_does_not_count_for_what_comes_later)
{
	test_skip_simulated("it asks the real kernel by itself");
	char url[64];
	int port, listener = raw_listener("127.0.0.1", 4, &port);
	url_of(url, "127.0.0.1", port);
	PIER_AUTO *patient = pier_dial(url, .timeout = PIER_MS(200));
	CHECK_OK(pier_err(patient));
	int raw = accept(listener, NULL, NULL);
	struct feed f = {.fd = raw, .p = "-done!", .len = 6, .first = 1, .step = 5};
	feed(&f);
	fed(&f);
	char got[8];
	CHECK_EQ(pier_recv_all(patient, got, 6), 6);
	PIER_AUTO *hasty = pier_dial(url, .idle = PIER_MS(30));
	CHECK_OK(pier_err(hasty));
	int64_t began = pier_now();
	CHECK_EQ(pier_recv(hasty, got, sizeof got), -ETIMEDOUT);
	CHECK(pier_now() - began >= PIER_MS(29));
	usleep(300000);
	put_text(raw, "late");
	CHECK_EQ(pier_recv_all(patient, got, 4), 4);
	close(raw);
	close(listener);
}

ON_BOTH(a_dialled_conn_ends_with_its_scope)
{
	test_skip_simulated("it asks the real kernel by itself");
	char url[64], got[8];
	int port, listener = raw_listener("127.0.0.1", 4, &port), raw;
	url_of(url, "127.0.0.1", port);
	{
		PIER_AUTO *c = pier_dial(url);
		CHECK_OK(pier_err(c));
		CHECK_EQ(pier_send(c, "foo", 3), 3);
		raw = accept(listener, NULL, NULL);
		CHECK_EQ(read(raw, got, sizeof got), 3);
		put(raw, got, 3);
		CHECK_EQ(pier_recv(c, got, sizeof got), 3);
		shutdown(raw, SHUT_WR);
	}
	CHECK_EQ(read(raw, got, sizeof got), 0);
	close(raw);
	close(listener);
}

/* ---- Listening ----------------------------------------------------------------------------------- */

struct place {
	const char *url, *host; /* where to listen, and what the listener says */
	int family;
	const char *reached[3], *refused; /* by whom it is reached, and by whom it is not */
};

static const struct place places[] = {
	{"tcp://127.0.0.1:0", "127.0.0.1", AF_INET, {"127.0.0.1"}, "[::1]"},
	{"tcp://[::1]:0", "::1", AF_INET6, {"[::1]"}, "127.0.0.1"},
	{"tcp://0.0.0.0:0", "0.0.0.0", AF_INET, {"127.0.0.1"}, "[::1]"},
	{"tcp://[::]:0", "::", AF_INET6, {"[::1]"}, "127.0.0.1"},
	{"tcp://:0", "::", AF_INET6, {"127.0.0.1", "[::1]"}, NULL}, /* both: has_dualstack_ipv6 */
};

static void echo_once(pier_listener *l, const char *url)
{
	pier_conn *there;
	PIER_AUTO *c = pier_dial(url);
	fprintf(stderr, "%s\n", url);
	CHECK_OK(pier_err(c));
	CHECK_OK(pier_accept(l, &there));
	CHECK_EQ(pier_send(c, "foo", 3), 3);
	CHECK_BYTES(pier_next(there), "foo");
	CHECK_EQ(pier_send(there, "foo", 3), 3);
	CHECK_BYTES(pier_next(c), "foo");
	pier_abort(there);
}

ON_BOTH(a_listener_is_reached_where_it_says_and_nowhere_else)
{
	for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
		const struct place *p = &places[i];
		pier_listener *l;
		pier_addr at;
		char url[64], host[PIER_ADDR_TEXT];
		CHECK_OK(pier_listen(p->url, &l));
		CHECK_OK(pier_listener_addr(l, &at));
		CHECK_EQ(at.sa.sa_family, p->family);
		CHECK_STR(pier_addr_host(&at, host, sizeof host), p->host);
		for (int j = 0; p->reached[j]; j++) {
			url_of(url, p->reached[j], pier_addr_port(&at));
			echo_once(l, url);
		}
		if (p->refused) {
			url_of(url, p->refused, pier_addr_port(&at));
			PIER_AUTO *c = pier_dial(url);
			CHECK_EQ(pier_err(c), -ECONNREFUSED);
		}
		pier_listener_close(l);
	}
}

ON_BOTH(a_listener_has_the_port_that_was_asked_for)
{
	static const char *const hosts[] = {"127.0.0.1", "[::1]"};
	for (int i = 0; i < 2; i++) {
		char url[64];
		int port = free_port();
		pier_listener *l;
		url_of(url, hosts[i], port);
		CHECK_OK(pier_listen(url, &l));
		CHECK_EQ(port_of(l), port);
		echo_once(l, url);
		pier_listener_close(l);
		CHECK_OK(pier_listen(url,
				     &l)); /* again at once: its conns that linger hold nothing */
		pier_listener_close(l);
	}
}

ON_BOTH(a_port_is_shared_only_by_those_who_all_say_so)
{
	char url[64];
	pier_listener *l, *other;
	CHECK_OK(pier_listen("tcp://127.0.0.1:0", &l));
	url_of(url, "127.0.0.1", port_of(l));
	CHECK_EQ(pier_listen(url, &other, .reuse_port = true), -EADDRINUSE);
	pier_listener_close(l);

	CHECK_OK(pier_listen("tcp://127.0.0.1:0", &l, .reuse_port = true));
	url_of(url, "127.0.0.1", port_of(l));
	CHECK_OK(pier_listen(url, &other, .reuse_port = true));
	CHECK_EQ(port_of(other), port_of(l));
	pier_listener_close(other);
	CHECK_EQ(pier_listen(url, &other), -EADDRINUSE);
	pier_listener_close(l);
}

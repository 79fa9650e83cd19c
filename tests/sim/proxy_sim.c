/* Through a proxy on a machine of its own, by SOCKS5 (RFC 1928, 1929) or CONNECT (RFC 9110 §9.3.6): what was dialled is
 * reached, whole, or the reason is told; and no conn is left on any of the three. */
#include "test.h"

#include <errno.h>
#include <pier.h>
#include <stdlib.h>
#include <string.h>

static int served; /* conns of the server, now */

static void echo(pier_conn *c, void *arg)
{
	(void)arg;
	served++;
	for (pier_bytes b; (b = pier_next(c)).p;)
		pier_send(c, b.p, b.len);
	served--;
}

static int server(void)
{
	return pier_serve("tcp://:7000", echo, .quiet = true);
}

/* ---- The proxy ------------------------------------------------------------------------------------- */

struct pipe {
	pier_conn *from, *to;
};

static int carry(void *arg)
{
	struct pipe *p = arg;
	if (pier_copy(p->from, p->to) < 0)
		return -EPIPE; /* and so the other way ends as well */
	return pier_finish(p->to);
}

static void join(pier_conn *a, pier_conn *b)
{
	struct pipe there = {a, b}, back = {b, a};
	PIER_AUTO_GROUP ways = PIER_GROUP;
	if (pier_go(&ways, carry, &there) == 0 && pier_go(&ways, carry, &back) == 0)
		pier_group_wait(&ways);
}

static pier_conn *dial(const char *host, unsigned port)
{
	char url[300];
	snprintf(url, sizeof url, "tcp://%s:%u", host, port);
	return pier_dial(url, .timeout = PIER_MIN(1));
}

static bool read_text(pier_conn *c, char *into)
{
	unsigned char len;
	if (pier_recv_all(c, &len, 1) != 1)
		return false;
	into[len] = 0;
	return len == 0 || pier_recv_all(c, into, len) == len;
}

/* User "me" with "secret" alone is let through. */
static bool knows_user(pier_conn *c)
{
	char version, user[256], password[256];
	pier_send(c, "\5\2", 2);
	if (pier_recv_all(c, &version, 1) != 1 || !read_text(c, user) || !read_text(c, password))
		return false;
	bool known = !strcmp(user, "me") && !strcmp(password, "secret");
	pier_send(c, known ? "\1\0" : "\1\1", 2);
	return known;
}

static void socks5(pier_conn *c, void *arg)
{
	char version, methods[256] = "", want[4], host[256];
	unsigned char port[2];
	(void)arg;
	if (pier_recv_all(c, &version, 1) != 1 || version != 5 || !read_text(c, methods))
		return;
	bool named = memchr(methods, 2, sizeof methods) != NULL;
	if (named && !knows_user(c))
		return;
	if (!named)
		pier_send(c, "\5\0", 2);
	if (pier_recv_all(c, want, 4) != 4 || want[1] != 1 || want[3] != 3 || !read_text(c, host) ||
	    pier_recv_all(c, port, 2) != 2)
		return;
	PIER_AUTO *to = dial(host, (unsigned)port[0] << 8 | port[1]);
	char answer[10] = {5, pier_err(to) == 0 ? 0 : pier_err(to) == -ECONNREFUSED ? 5 : 1, 0, 1};
	pier_send(c, answer, sizeof answer);
	if (pier_err(to) == 0)
		join(c, to);
}

static void http_connect(pier_conn *c, void *arg)
{
	char line[300], host[300] = "", *port = NULL;
	(void)arg;
	if (pier_gets(c, line, sizeof line) <= 0 || strncmp(line, "CONNECT ", 8) != 0)
		return;
	snprintf(host, sizeof host, "%s", line + 8);
	port = strchr(host, ':');
	while (pier_gets(c, line, sizeof line) > 0 && *line)
		;
	if (!port || pier_err(c))
		return;
	*port++ = 0;
	PIER_AUTO *to = dial(host, (unsigned)strtoul(port, NULL, 10));
	pier_printf(c,
		    pier_err(to) ? "HTTP/1.1 502 Bad Gateway\r\n\r\n" : "HTTP/1.1 200 OK\r\n\r\n");
	if (pier_err(to) == 0)
		join(c, to);
}

static int socks_proxy(void)
{
	return pier_serve("tcp://:1080", socks5, .quiet = true);
}

static int http_proxy(void)
{
	return pier_serve("tcp://:1080", http_connect, .quiet = true);
}

/* ---- Through it ------------------------------------------------------------------------------------ */

static const char *start_proxy(pier_sim *s)
{
	bool socks = pier_sim_chance(s, 2);
	CHECK_OK(pier_sim_node(s, "proxy", socks ? socks_proxy : http_proxy));
	if (!socks)
		return "http://proxy:1080";
	return pier_sim_chance(s, 2) ? "socks5://proxy:1080" : "socks5://me:secret@proxy:1080";
}

static void say_and_hear(pier_sim *s, pier_conn *c)
{
	char out[3000], in[3000];
	size_t len = 1 + pier_sim_chance(s, sizeof out);
	for (size_t i = 0; i < len; i++)
		out[i] = (char)pier_sim_chance(s, 256);
	CHECK_EQ(pier_send(c, out, len), len);
	CHECK_EQ(pier_recv_all(c, in, len), len);
	CHECK(!memcmp(in, out, len));
}

static int talk_through(pier_sim *s)
{
	CHECK_OK(pier_sim_node(s, "srv", server));
	const char *proxy = start_proxy(s);
	for (int i = 0; i < 3; i++) {
		PIER_AUTO *c = pier_dial("tcp://srv:7000", .proxy = proxy);
		CHECK_OK(pier_err(c));
		say_and_hear(s, c);
		say_and_hear(s, c);
		CHECK_OK(pier_finish(c));
		CHECK_EQ(pier_recv(c, &(char){0}, 1), 0);
	}
	PIER_AUTO *nobody = pier_dial("tcp://srv:7001", .proxy = proxy);
	CHECK(pier_err(nobody) < 0);
	pier_sim_calm(s);
	pier_sleep(PIER_MIN(2));
	return pier_sim_check(s, served == 0);
}

TEST_WITHIN(60, through_a_proxy_all_arrives_and_all_ends)
{
	CHECK_EQ(pier_sim_run(talk_through, .seeds = 200, .loss = 0.1, .delay = PIER_MS(50),
			      .partitions = 1),
		 0);
}

/* The moment falls anywhere among the steps of the proxy's hand-shake. */
static int leave_amid(pier_sim *s)
{
	CHECK_OK(pier_sim_node(s, "srv", server));
	const char *proxy = start_proxy(s);
	for (int i = 0; i < 5; i++) {
		int64_t most = 1 + (int64_t)pier_sim_chance(s, PIER_MS(150)), began = pier_now();
		PIER_AUTO *c = pier_dial("tcp://srv:7000", .proxy = proxy, .timeout = most);
		CHECK(pier_err(c) == 0 || pier_err(c) == -ETIMEDOUT);
		CHECK(pier_now() - began <= most + PIER_MS(10));
		if (pier_err(c) == 0)
			say_and_hear(s, c);
	}
	pier_sim_calm(s);
	pier_sleep(PIER_MIN(2));
	return pier_sim_check(s, served == 0);
}

TEST_WITHIN(60, a_dial_through_a_proxy_that_is_ended_leaves_nothing)
{
	CHECK_EQ(pier_sim_run(leave_amid, .seeds = 300, .loss = 0.05, .delay = PIER_MS(20)), 0);
}

static int be_refused(pier_sim *s)
{
	CHECK_OK(pier_sim_node(s, "srv", server));
	CHECK_OK(pier_sim_node(s, "proxy", socks_proxy));
	PIER_AUTO *c = pier_dial("tcp://srv:7000", .proxy = "socks5://me:wrong@proxy:1080");
	return pier_sim_check(s, pier_err(c) == -EACCES || pier_err(c) == -PIER_EPROXY);
}

TEST_WITHIN(60, a_proxy_that_does_not_know_us_is_no_way)
{
	CHECK_EQ(pier_sim_run(be_refused, .seeds = 50, .delay = PIER_MS(20)), 0);
}

/* Dialling through a proxy, of net/dial/proxy.h: what is said to it, and what it may answer. */
#include "raw_peer.h"

#include "net/dial/proxy.h"

/* A proxy that reads what it is told to read, compares, and answers, step by step, in odd pieces. */
struct step {
	const char *hears;
	size_t hears_len;
	const char *says;
	size_t says_len;
};
#define HEARS(a) .hears = (a), .hears_len = sizeof(a) - 1
#define SAYS(a)	 .says = (a), .says_len = sizeof(a) - 1

struct stage {
	int listener, port;
	const struct step *steps;
	bool as_expected;
	pthread_t thread;
};

static void *play(void *arg)
{
	struct stage *st = arg;
	char got[1024];
	int fd = accept(st->listener, NULL, NULL);
	st->as_expected = true;
	for (const struct step *s = st->steps; s->hears || s->says; s++) {
		for (size_t n = 0; n < s->hears_len;) {
			ssize_t more = read(fd, got + n, s->hears_len - n);
			if (more <= 0) {
				st->as_expected = false;
				break;
			}
			n += (size_t)more;
		}
		if (s->hears_len && memcmp(got, s->hears, s->hears_len) != 0)
			st->as_expected = false;
		for (size_t i = 0; i < s->says_len; i++) { /* byte by byte */
			send(fd, s->says + i, 1, MSG_NOSIGNAL);
			if (i % 3 == 0)
				usleep(200);
		}
	}
	/* Unread input would make a reset of the close, and that would take the last words along. */
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &(struct timeval){.tv_usec = 50000},
		   sizeof(struct timeval));
	shutdown(fd, SHUT_WR);
	while (read(fd, got, sizeof got) > 0)
		;
	close(fd);
	return NULL;
}

static void open_stage(struct stage *st, const struct step *steps)
{
	*st = (struct stage){.listener = raw_listener("127.0.0.1", 4, &st->port), .steps = steps};
	pier_addr at = {.len = sizeof at.storage};
	getsockname(st->listener, &at.sa, &at.len);
	st->port = pier_addr_port(&at);
	CHECK_EQ(pthread_create(&st->thread, NULL, play, st), 0);
}

static void close_stage(struct stage *st)
{
	pthread_join(st->thread, NULL);
	close(st->listener);
}

static pier_conn *through(struct stage *st, const char *scheme, const char *to)
{
	char proxy[128];
	snprintf(proxy, sizeof proxy, "%s127.0.0.1:%d", scheme, st->port);
	return pier_dial(to, .proxy = proxy, .frame = PIER_LINES, .timeout = PIER_S(5));
}

/* ---- URLs ----------------------------------------------------------------------------------------- */

TEST(a_proxy_is_read_from_its_url)
{
	struct proxy p;
	CHECK_OK(pier_proxy_parse("socks5://127.0.0.1:1080", &p));
	CHECK(p.kind == PROXY_SOCKS5 && p.at.port == 1080 && !p.user[0]);
	CHECK_OK(pier_proxy_parse("SOCKS5H://[::1]:1", &p));
	CHECK_OK(pier_proxy_parse("http://ann:p%40ss%3A@proxy.example:3128", &p));
	CHECK(p.kind == PROXY_CONNECT && p.at.port == 3128);
	CHECK_STR(p.user, "ann");
	CHECK_STR(p.password, "p@ss:");
	static const char *const bad[] = {"",
					  "ftp://a:1",
					  "socks5://",
					  "socks5://a",
					  "http://a%4:b@c:1",
					  "http://a%zz@c:1",
					  "http://a%00@c:1",
					  "socks5://unix:/x"};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		CHECK_EQ(pier_proxy_parse(bad[i], &p), -PIER_EURL);
	char words[400] = "http://";
	memset(words + 7, 'u', 256);
	memcpy(words + 263, "@c:1", 5);
	CHECK_EQ(pier_proxy_parse(words, &p), -PIER_EURL);
}

/* ---- SOCKS5 --------------------------------------------------------------------------------------- */

ON_BOTH(socks_by_name_and_what_comes_at_once_is_kept)
{
	static const struct step steps[] = {
		{HEARS("\5\1\0"), SAYS("\5\0")},
		{HEARS("\5\1\0\3\13example.org\0\x50"), SAYS("\5\0\0\1\x7f\0\0\1\x12\x34hello\n")},
		{HEARS("answer\n"), SAYS("")},
		{0}};
	struct stage st;
	open_stage(&st, steps);
	PIER_AUTO *c = through(&st, "socks5://", "tcp://example.org:80");
	CHECK_OK(pier_err(c));
	CHECK_STR(pier_peer(c), "tcp://example.org:80");
	CHECK_BYTES(pier_next(c), "hello");
	CHECK_OK(pier_send(c, "answer", 6));
	close_stage(&st);
	CHECK(st.as_expected);
}

ON_BOTH(a_proxy_hears_a_name_as_dns_has_it)
{
	static const struct step steps[] = {
		{HEARS("\5\1\0"), SAYS("\5\0")},
		{HEARS("\5\1\0\3\17xn--fsqu00a.org\0\x50"), SAYS("\5\0\0\1\x7f\0\0\1\x12\x34")},
		{0}};
	struct stage st;
	open_stage(&st, steps);
	PIER_AUTO *c = through(&st, "socks5://", "tcp://例子.org:80");
	CHECK_OK(pier_err(c));
	close_stage(&st);
	CHECK(st.as_expected);
}

ON_BOTH(socks_by_number_with_a_password)
{
	static const struct step steps[] = {
		{HEARS("\5\2\0\2"), SAYS("\5\2")},
		{HEARS("\1\3ann\6secret"), SAYS("\1\0")},
		{HEARS("\5\1\0\1\x0a\1\2\3\x1f\x90"), SAYS("\5\0\0\3\4nameab")},
		{0}};
	static const struct step six[] = {
		{HEARS("\5\1\0"), SAYS("\5\0")},
		{HEARS("\5\1\0\4\x20\1\xd\xb8\0\0\0\0\0\0\0\0\0\0\0\1\0\x50"),
		 SAYS("\5\0\0\4\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0")},
		{0}};
	struct stage st;
	open_stage(&st, steps);
	PIER_AUTO *c = through(&st, "socks5://ann:secret@", "tcp://10.1.2.3:8080");
	CHECK_OK(pier_err(c));
	close_stage(&st);
	CHECK(st.as_expected);
	open_stage(&st, six);
	PIER_AUTO *d = through(&st, "socks5://", "tcp://[2001:db8::1]:80");
	CHECK_OK(pier_err(d));
	close_stage(&st);
	CHECK(st.as_expected);
}

struct refusal {
	const char *scheme;
	struct step steps[4];
	int err;
	const char *words;
};

static const struct refusal refusals[] = {
	{"socks5://", {{HEARS("\5\1\0"), SAYS("\5\xff")}}, -EACCES, "wants a user and a password"},
	{"socks5://a:b@",
	 {{HEARS("\5\2\0\2"), SAYS("\5\2")}, {HEARS("\1\1a\1b"), SAYS("\1\1")}},
	 -EACCES,
	 "refused the user or password"},
	{"socks5://", {{HEARS("\5\1\0"), SAYS("\4\0")}}, -EPROTO, ""},
	{"socks5://", {{HEARS("\5\1\0"), SAYS("\5\2")}}, -EPROTO, ""},
	{"socks5://", {{HEARS("\5\1\0"), SAYS("\5")}}, -PIER_ETRUNCATED, ""},
	{"socks5://", {{HEARS("\5\1\0"), SAYS("")}}, -PIER_ETRUNCATED, ""},
	{"socks5://",
	 {{HEARS("\5\1\0"), SAYS("\5\0")}, {HEARS("\5\1\0"), SAYS("\5\5\0\1")}},
	 -ECONNREFUSED,
	 "connection refused"},
	{"socks5://",
	 {{HEARS("\5\1\0"), SAYS("\5\0")}, {HEARS("\5\1\0"), SAYS("\5\1\0\1")}},
	 -PIER_EPROXY,
	 "general failure"},
	{"socks5://",
	 {{HEARS("\5\1\0"), SAYS("\5\0")}, {HEARS("\5\1\0"), SAYS("\5\x77\0\1")}},
	 -PIER_EPROXY,
	 "reply 119"},
	{"socks5://",
	 {{HEARS("\5\1\0"), SAYS("\5\0")}, {HEARS("\5\1\0"), SAYS("\5\0\0\x09")}},
	 -EPROTO,
	 ""},
	{"http://",
	 {{HEARS("CONNECT "), SAYS("HTTP/1.1 407 Proxy Authentication Required\r\n\r\n")}},
	 -EACCES,
	 "407 Proxy Authentication Required"},
	{"http://",
	 {{HEARS("CONNECT "), SAYS("HTTP/1.0 502 Bad Gateway\r\nA: b\r\n\r\n")}},
	 -EHOSTUNREACH,
	 "502 Bad Gateway"},
	{"http://",
	 {{HEARS("CONNECT "), SAYS("HTTP/1.1 504 \x1b[31mred\r\n\r\n")}},
	 -ETIMEDOUT,
	 "504 )"},
	{"http://", {{HEARS("CONNECT "), SAYS("HTTP/1.1 302 Go\r\n\r\n")}}, -PIER_EPROXY, "302 Go"},
	{"http://", {{HEARS("CONNECT "), SAYS("SSH-2.0-OpenSSH_9\r\n\r\n")}}, -EPROTO, ""},
	{"http://", {{HEARS("CONNECT "), SAYS("HTTP/1.1 200")}}, -PIER_ETRUNCATED, ""},
};

ON_BOTH_WITHIN(60, what_a_proxy_refuses_is_told)
{
	for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++) {
		const struct refusal *r = &refusals[i];
		struct stage st;
		open_stage(&st, r->steps);
		PIER_AUTO *c = through(&st, r->scheme, "tcp://example.org:80");
		fprintf(stderr, "%s\n", pier_why(c));
		CHECK_EQ(pier_err(c), r->err);
		CHECK(strstr(pier_why(c), "connect to tcp://example.org:80: "));
		CHECK(strstr(pier_why(c), "(proxy 127.0.0.1:"));
		CHECK(strstr(pier_why(c), r->words) || strcmp(r->words, "504 )") == 0);
		CHECK(!strchr(pier_why(c), '\x1b'));
		close_stage(&st);
	}
}

/* ---- HTTP ----------------------------------------------------------------------------------------- */

ON_BOTH(connect_opens_a_tunnel)
{
	static const struct step steps[] = {
		{HEARS("CONNECT example.org:443 HTTP/1.1\r\nHost: example.org:443\r\n"
		       "Proxy-Authorization: Basic YW5uOnNlY3JldA==\r\n\r\n"),
		 SAYS("HTTP/1.1 200 Connection established\r\nVia: x\r\n\r\nhello\n")},
		{0}};
	static const struct step six[] = {
		{HEARS("CONNECT [::1]:80 HTTP/1.1\r\nHost: [::1]:80\r\n\r\n"),
		 SAYS("HTTP/1.1 200 \r\n\r\n")},
		{0}};
	struct stage st;
	open_stage(&st, steps);
	PIER_AUTO *c = through(&st, "http://ann:secret@", "tcp://example.org:443");
	CHECK_OK(pier_err(c));
	CHECK_BYTES(pier_next(c), "hello");
	close_stage(&st);
	CHECK(st.as_expected);
	open_stage(&st, six);
	PIER_AUTO *d = through(&st, "http://", "tcp://[::1]:80");
	CHECK_OK(pier_err(d));
	close_stage(&st);
	CHECK(st.as_expected);
}

static void *endless(void *arg)
{
	static const char head[] = "HTTP/1.1 200 OK\r\nX: ";
	int fd = accept(*(int *)arg, NULL, NULL);
	send(fd, head, sizeof head - 1, MSG_NOSIGNAL);
	while (send(fd, "xxxxxxxxxxxxxxxx", 16, MSG_NOSIGNAL) == 16)
		;
	close(fd);
	return NULL;
}

ON_BOTH(a_head_without_end_is_refused)
{
	struct stage st = {0};
	pthread_t thread;
	st.listener = raw_listener("127.0.0.1", 4, &st.port);
	CHECK_EQ(pthread_create(&thread, NULL, endless, &st.listener), 0);
	pier_conn *c = through(&st, "http://", "tcp://example.org:80");
	CHECK_EQ(pier_err(c), -EMSGSIZE);
	pier_close(c);
	pthread_join(thread, NULL);
	close(st.listener);
}

ON_BOTH(a_proxy_that_says_nothing_has_until_the_time_out)
{
	struct stage st = {0};
	st.listener = raw_listener("127.0.0.1", 4, &st.port);
	char proxy[64];
	snprintf(proxy, sizeof proxy, "socks5://127.0.0.1:%d", st.port);
	PIER_AUTO *c = pier_dial("tcp://example.org:80", .proxy = proxy, .timeout = PIER_MS(80));
	CHECK_EQ(pier_err(c), -ETIMEDOUT);
	close(st.listener);
	PIER_AUTO *none = pier_dial("tcp://example.org:80", .proxy = proxy);
	CHECK_EQ(pier_err(none), -ECONNREFUSED);
	CHECK(strstr(pier_why(none), "was not reached"));
	PIER_AUTO *udp = pier_dial("udp://example.org:80", .proxy = proxy);
	CHECK_EQ(pier_err(udp), -EPROTOTYPE);
	PIER_AUTO *bad = pier_dial("tcp://example.org:80", .proxy = "gopher://x:1");
	CHECK_EQ(pier_err(bad), -PIER_EURL);
	CHECK(strstr(pier_why(bad), "(proxy: its URL is neither socks5://host:port nor http://"));
}

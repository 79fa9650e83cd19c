/* "tls://" dialled and served: the way of most conns under TLS. */
#include "safe_town.h"

ON_FIBER(a_dialled_server_is_verified_and_answers)
{
	struct safe_town s = {0};
	pier_tls_facts f;

	open_safe(&s);
	PIER_AUTO *c = pier_dial(s.town.where, .tls = s.client);
	CHECK_STR(pier_why(c), "");
	ask(c, "hello");
	CHECK_OK(pier_tls_about(c, &f));
	CHECK_STR(f.version, "TLSv1.3");
	CHECK_STR(f.peer_names, "localhost, 127.0.0.1");
	CHECK_STR(f.name, ""); /* a number is no SNI */
	CHECK(f.verified && f.peer_expires > pier_wall() / PIER_S(1));
	CHECK(strncmp(pier_tls_words(c),
		      "TLSv1.3 TLS_AES_256_GCM_SHA384, with CN=localhost until 2", 56) == 0);
	CHECK(strncmp(pier_peer(c), "127.0.0.1:", 10) == 0);
	CHECK_EQ(pier_finish(c), 0);
	CHECK(!pier_next(c).p);
	CHECK_OK(pier_err(c));
	close_safe(&s);
	CHECK_EQ(s.town.errors, 0);
}

ON_FIBER(who_is_not_believed_is_named_by_the_url)
{
	struct safe_town s = {0};
	char why[512];

	open_safe(&s);
	PIER_AUTO *c = pier_dial(s.town.where); /* the system knows no such authority */
	CHECK_EQ(pier_err(c), -PIER_EVERIFY);
	snprintf(why, sizeof why,
		 "verify %s: issued by CN=Ours, whom we do not know; give .ca=… or .pin=…",
		 s.town.where);
	CHECK_STR(pier_why(c), why);
	await(&s.town.errors, 1);
	CHECK_EQ(s.town.error, -PIER_ETLS);
	CHECK_EQ(s.town.begun, 0); /* the handler never saw it */
	close_safe(&s);
}

ON_FIBER(a_dial_that_fails_under_tls_tells_where)
{
	struct safe_town s = {0};
	char to[64], why[256];
	pier_tried tried;

	open_safe(&s);
	PIER_AUTO_TLS *strange = pier_tls_new(.ca = s.ca.pem, .name = "elsewhere");
	const char *port = strrchr(s.town.where, ':') + 1;
	snprintf(to, sizeof to, "tls://localhost:%s", port);
	PIER_AUTO *c = pier_dial(to, .tls = strange, .tried = &tried);
	CHECK_EQ(pier_err(c), -PIER_EVERIFY);
	snprintf(why, sizeof why, " (at 127.0.0.1:%s)", port);
	CHECK_STR(pier_why(c) + strlen(pier_why(c)) - strlen(why), why);
	CHECK_EQ(tried.at[tried.count - 1].err, -PIER_EVERIFY);
	PIER_AUTO *number = pier_dial(s.town.where, .tls = strange, .tried = &tried);
	CHECK(!strstr(pier_why(number), "(at ")); /* its name has told */
	CHECK_EQ(tried.count, 1);
	CHECK_EQ(tried.at[0].err, -PIER_EVERIFY);
	close_safe(&s);
}

/* Two servers share a port, each with an address of "localhost"; the first that answers is not believed. */
ON_FIBER(a_certificate_that_is_not_believed_ends_the_dial)
{
	A_CERT ca = make_authority("Ours");
	A_CERT wrong = CERT(.subject = "x", .names = "DNS:elsewhere", .issuer = &ca);
	A_CERT right = CERT(.subject = "x", .names = "DNS:localhost", .issuer = &ca);
	PIER_AUTO_TLS *client = pier_tls_new(.ca = ca.pem);
	struct town first = {.url = "tls://[::1]:0", .handler = echo};
	struct town second = {.handler = echo};
	char url[64], *port, at[PIER_ADDR_TEXT];
	pier_tried tried;
	pier_addrs both;

	CHECK_OK(pier_resolve(pier_text("localhost"), 1, false, &both));
	if (both.count < 2 || both.at[0].sa.sa_family != AF_INET6)
		test_skip("localhost is not ::1 and 127.0.0.1 here");
	first.o.tls = pier_tls_new(.cert = wrong.pem);
	second.o.tls = pier_tls_new(.cert = right.pem);
	open_town(&first);
	port = strrchr(first.where, ':') + 1;
	snprintf(url, sizeof url, "tls://127.0.0.1:%s", port);
	second.url = url;
	open_town(&second);

	char to[64], why[256];
	snprintf(to, sizeof to, "tls://localhost:%s", port);
	PIER_AUTO *c = pier_dial(to, .tls = client, .tried = &tried);
	CHECK_EQ(pier_err(c), -PIER_EVERIFY);
	snprintf(why, sizeof why,
		 "verify %s: host name does not match: certificate is for elsewhere (at [::1]:%s)",
		 to, port);
	CHECK_STR(pier_why(c), why);
	CHECK_EQ(tried.count, 1);
	CHECK_EQ(tried.at[0].err, -PIER_EVERIFY);
	CHECK(strncmp(pier_addr_format(&tried.at[0].to, at, sizeof at), "[::1]:", 6) == 0);
	close_town(&first);
	close_town(&second);
	CHECK_EQ(second.begun + second.errors, 0);
	pier_tls_free(first.o.tls);
	pier_tls_free(second.o.tls);
}

ON_FIBER(plain_talk_at_a_safe_door_is_told_apart)
{
	struct safe_town s = {0};
	char url[64];
	const char *talk[] = {"GET / HTTP/1.1\r\nHost: x\r\n\r\n", "SSH-2.0-x\r\n\r\n\r\n\r\n"};

	open_safe(&s);
	for (int i = 0; i < 2; i++) {
		PIER_AUTO *c = pier_dial(as_tcp(&s, url));
		CHECK_OK(pier_send(c, talk[i], strlen(talk[i])));
		while (pier_next(c).p) /* an alert */
			;
		await(&s.town.errors, i + 1);
		CHECK_EQ(s.town.error, -PIER_ETLS);
	}
	CHECK_EQ(s.town.begun, 0);
	close_safe(&s);
}

static void greet(pier_conn *c, void *arg)
{
	struct town *t = arg;
	t->begun++;
	pier_printf(c, "220 welcome to a server that speaks first\r\n");
	t->ended++;
}

ON_FIBER(a_plain_server_is_told_apart)
{
	struct town t = {.url = "tcp://127.0.0.1:0", .handler = greet};
	open_town(&t);
	memcpy(t.where, "tls", 3);
	PIER_AUTO *c = pier_dial(t.where);
	CHECK_EQ(pier_err(c), -PIER_ETLS);
	CHECK(strstr(pier_why(c), "start TLS with tls://127.0.0.1:"));
	CHECK(strstr(pier_why(c), ": the peer does not speak TLS"));
	close_town(&t);
}

ON_FIBER(half_a_handshake_ends_in_time)
{
	struct safe_town s = {0};
	char url[64], hello[5] = {0x16, 3, 1, 0, 100};

	s.ca = make_authority("Ours");
	s.cert = CERT(.subject = "x", .issuer = &s.ca);
	s.server = pier_tls_new(.cert = s.cert.pem, .handshake = PIER_MS(50));
	drop_cert(&s.cert);
	drop_cert(&s.ca);
	open_safe(&s);
	PIER_AUTO *c = pier_dial(as_tcp(&s, url));
	CHECK_OK(pier_send(c, hello, sizeof hello));
	PIER_WITHIN (PIER_S(5))
		CHECK(!pier_next(c).p);
	await(&s.town.errors, 1);
	CHECK_EQ(s.town.error, -ETIMEDOUT);
	close_safe(&s);
}

ON_FIBER(a_stop_does_not_wait_for_a_handshake)
{
	struct safe_town s = {.town.o.grace = PIER_MIN(1)};
	char url[64];
	open_safe(&s);
	PIER_AUTO *c = pier_dial(as_tcp(&s, url));
	CHECK_OK(pier_poll(c, PIER_MS(20)));
	int64_t begin = pier_now();
	close_safe(&s);
	CHECK(pier_now() - begin < PIER_S(5));
}

static int one_client(void *arg)
{
	struct safe_town *s = arg;
	for (int i = 0; i < 10; i++) {
		PIER_AUTO *c = pier_dial(s->town.where, .tls = s->client);
		CHECK_STR(pier_why(c), "");
		ask(c, "hello");
	}
	return 0;
}

ON_FIBER_WITHIN(60, a_certificate_is_replaced_under_load)
{
	char path[] = "/tmp/pier-tls-XXXXXX";
	struct safe_town s = {0};
	pier_group g = PIER_GROUP;
	pier_tls_facts f;
	int fd = mkstemp(path);

	s.ca = make_authority("Ours");
	A_CERT old = CERT(.subject = "old", .names = "IP:127.0.0.1", .issuer = &s.ca);
	CHECK(write(fd, old.pem, strlen(old.pem)) > 0);
	s.server = pier_tls_new(.cert = path);
	CHECK_STR(pier_tls_why(s.server), "");
	drop_cert(&s.ca);
	open_safe(&s);
	pier_tls_free(s.client);
	s.client = pier_tls_new(.verify = PIER_TLS_NONE, .fresh = true);

	PIER_AUTO *before = pier_dial(s.town.where, .tls = s.client);
	ask(before, "hello");
	for (int i = 0; i < 8; i++)
		CHECK_OK(pier_go(&g, one_client, &s));
	for (int i = 0; i < 20; i++) {
		CHECK_EQ(pwrite(fd, s.cert.pem, strlen(s.cert.pem), 0),
			 (ssize_t)strlen(s.cert.pem));
		CHECK_EQ(ftruncate(fd, (off_t)strlen(s.cert.pem)), 0);
		CHECK_OK(pier_tls_reload(s.server));
		pier_sleep(PIER_MS(1));
	}
	CHECK_OK(pier_group_wait(&g));
	ask(before, "still here");
	CHECK_OK(pier_tls_about(before, &f));
	CHECK_STR(f.peer, "CN=old");
	PIER_AUTO *after = pier_dial(s.town.where, .tls = s.client);
	CHECK_OK(pier_tls_about(after, &f));
	CHECK_STR(f.peer, "CN=localhost");

	CHECK_EQ(ftruncate(fd, 10), 0); /* a broken file changes nothing */
	CHECK_EQ(pier_tls_reload(s.server), -PIER_ETLS);
	CHECK(strstr(pier_tls_why(s.server), "there is none in it"));
	PIER_AUTO *later = pier_dial(s.town.where, .tls = s.client);
	ask(later, "hello");
	pier_close(before);
	before = NULL;
	pier_close(after);
	after = NULL;
	pier_close(later);
	later = NULL;
	close_safe(&s);
	close(fd);
	unlink(path);
}

ON_FIBER(a_server_without_a_certificate_does_not_begin)
{
	PIER_AUTO_TLS *none = pier_tls_new();
	PIER_AUTO_TLS *missing = pier_tls_new(.cert = "/nowhere/site.pem");

	CHECK_EQ(pier_serve("tls://127.0.0.1:0", echo), -EINVAL);
	CHECK_EQ(pier_serve("tls://127.0.0.1:0", echo, .tls = none), -EINVAL);
	CHECK_EQ(pier_serve("tls://127.0.0.1:0", echo, .tls = missing), -ENOENT);
	CHECK_STR(pier_tls_why(missing),
		  "certificate /nowhere/site.pem: No such file or directory");
	PIER_AUTO *c = pier_dial("tls://127.0.0.1:1", .tls = missing, .timeout = PIER_S(1));
	CHECK(pier_err(c) < 0);
}

ON_FIBER(a_proxy_speaks_before_tls)
{
	struct safe_town s = {.town.o.proxied = "127.0.0.0/8"};
	char url[64];
	int on = 1;

	open_safe(&s);
	PIER_AUTO *c = pier_dial(as_tcp(&s, url));
	/* Both in one segment: the server reads the client's hello along with the proxy's words. */
	CHECK_EQ(setsockopt(pier_fileno(c), IPPROTO_TCP, TCP_CORK, &on, sizeof on), 0);
	CHECK_OK(pier_printf(c, "PROXY TCP4 192.0.2.1 192.0.2.2 5000 443\r\n"));
	CHECK_OK(pier_tls_start(c, s.client, PIER_TLS_CLIENT, "127.0.0.1"));
	on = 0;
	CHECK_EQ(setsockopt(pier_fileno(c), IPPROTO_TCP, TCP_CORK, &on, sizeof on), 0);
	ask(c, "hello");
	pier_close(c);
	c = NULL;
	close_safe(&s);
}

/* ---- A process for each ---------------------------------------------------------------------------- */

static void tell_process(pier_conn *c, void *arg)
{
	(void)arg;
	for (pier_bytes m; (m = pier_next(c)).p;)
		pier_printf(c, "%d: %.*s", (int)getppid(), (int)m.len, m.p);
}

/* It shakes hands itself: no other process knows what was agreed. A key of RSA signs on a thread of the process's pool. */
static void serve_by_process(int rsa)
{
	struct safe_town s = {.town.handler = tell_process, .rsa = rsa};
	char answer[64];

	s.town.o.isolate = true;
	open_safe(&s);
	PIER_WITHIN (PIER_S(8)) {
		for (int i = 0; i < 3; i++) {
			PIER_AUTO *c = pier_dial(s.town.where, .tls = s.client);
			CHECK_STR(pier_why(c), "");
			for (int n = 0; n < 20; n++) {
				snprintf(answer, sizeof answer, "%d: message %d", (int)getpid(), n);
				const char *text = strchr(answer, 'm');
				CHECK_OK(pier_send(c, text, strlen(text)));
				CHECK_BYTES(pier_next(c), answer);
			}
			CHECK_OK(pier_finish(c));
			CHECK(!pier_next(c).p);
			CHECK_EQ(pier_err(c), 0); /* it said goodbye: close_notify */
		}
	}
	close_safe(&s);
	CHECK_EQ(s.town.errors, 0);
}

ON_FIBER(a_process_serves_its_conn_under_tls)
{
	serve_by_process(0);
#ifndef __SANITIZE_THREAD__ /* signing by RSA starts a thread, after which TSan ends a child */
	serve_by_process(2048);
#endif
}

/* Listening by hand under TLS: clients shake hands side by side, and whoever cannot holds up nobody. */
#include "certs.h"
#include "raw_peer.h"

#include <openssl/ssl.h>
#include <stdatomic.h>
#include <stddef.h>

struct inn {
	struct certificate ca, cert;
	pier_tls *server, *client;
	pier_listener *l;
	int port;
	char url[64];
};

static struct inn open_inn(int rsa, int64_t handshake)
{
	struct inn n = {.ca = make_authority("Ours")};
	pier_addr at;

	n.cert = CERT(.subject = "localhost", .names = "IP:127.0.0.1", .issuer = &n.ca, .rsa = rsa);
	n.server = pier_tls_new(.cert = n.cert.pem, .handshake = handshake);
	/* Sessions would go from thread to thread, counted by OpenSSL in a way that TSan does not see. */
	n.client = pier_tls_new(.ca = n.ca.pem, .fresh = true);
	CHECK_OK(pier_listen("tls://127.0.0.1:0", &n.l, .tls = n.server, .frame = PIER_LINES));
	CHECK_OK(pier_listener_addr(n.l, &at));
	n.port = pier_addr_port(&at);
	snprintf(n.url, sizeof n.url, "tls://127.0.0.1:%d", n.port);
	return n;
}

static void close_inn(struct inn *n)
{
	pier_listener_close(n->l);
	pier_tls_free(n->server);
	pier_tls_free(n->client);
	drop_cert(&n->cert);
	drop_cert(&n->ca);
}

/* ---- Guests, each on a thread: the listener may block ours ------------------------------------------- */

struct visit {
	struct inn *inn;
	int count;
	atomic_int served;
	pthread_t thread;
};

static void *visit_often(void *arg)
{
	struct visit *v = arg;
	for (int i = 0; i < v->count; i++) {
		PIER_AUTO *c = pier_dial(v->inn->url, .tls = v->inn->client, .frame = PIER_LINES);
		CHECK_STR(pier_why(c), "");
		CHECK_OK(pier_send(c, "hello", 5));
		CHECK_BYTES(pier_next(c), "welcome");
		v->served++;
	}
	return NULL;
}

static void begin_visits(struct visit *v, struct inn *n, int threads, int each)
{
	for (int i = 0; i < threads; i++) {
		v[i] = (struct visit){.inn = n, .count = each};
		CHECK_EQ(pthread_create(&v[i].thread, NULL, visit_often, &v[i]), 0);
	}
}

static void end_visits(struct visit *v, int threads, int each)
{
	for (int i = 0; i < threads; i++) {
		CHECK_EQ(pthread_join(v[i].thread, NULL), 0);
		CHECK_EQ(v[i].served, each);
	}
}

static void welcome(pier_conn *c)
{
	CHECK(*pier_tls_words(c));
	CHECK_BYTES(pier_next(c), "hello");
	CHECK_OK(pier_send(c, "welcome", 7));
	pier_abort(c);
}

static int raw_guest(const struct inn *n, const char *says, size_t len)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)n->port)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	CHECK_EQ(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
	CHECK_EQ(write(fd, says, len), (ssize_t)len);
	return fd;
}

ON_BOTH(guests_come_in_when_they_have_shaken_hands)
{
	for (int rsa = 0; rsa <= 2048; rsa += 2048) {
		struct inn n = open_inn(rsa, 0);
		struct visit v;
		begin_visits(&v, &n, 1, 3);
		for (int i = 0; i < 3; i++) {
			pier_conn *c;
			CHECK_OK(pier_accept(n.l, &c));
			welcome(c);
		}
		end_visits(&v, 1, 3);
		close_inn(&n);
	}
}

/* Silent, slow, speaking something else, gone: before, between and after those who are welcome. */
ON_BOTH(who_stalls_or_fails_is_passed_over)
{
	struct inn n = open_inn(0, 0);
	struct visit v;
	int fds[40], count = 0;
	char answer[64];

	for (int round = 0; round < 5; round++) {
		fds[count++] = raw_guest(&n, "", 0);
		fds[count++] = raw_guest(&n, "\x16\3\1\0\x64", 5); /* half of a hello */
		fds[count++] = raw_guest(&n, "GET / HTTP/1.1\r\n\r\n", 18);
		close(raw_guest(&n, "", 0));
		close(raw_guest(&n, "\x16\3\1\0\x64\1", 6));
		begin_visits(&v, &n, 1, 1);
		pier_conn *c;
		int64_t begin = pier_now();
		CHECK_OK(pier_accept(n.l, &c));
		CHECK(pier_now() - begin < PIER_S(3));
		welcome(c);
		end_visits(&v, 1, 1);
	}
	PIER_WITHIN (PIER_MS(50)) {
		pier_conn *none;
		CHECK_EQ(pier_accept(n.l, &none), -ETIMEDOUT);
	}
	for (int i = 0; i < count; i++) { /* who spoke HTTP is gone, the others may still speak */
		CHECK_EQ(recv(fds[i], answer, sizeof answer, MSG_DONTWAIT), i % 3 == 2 ? 0 : -1);
		close(fds[i]);
	}
	close_inn(&n);
}

ON_BOTH(more_than_may_shake_hands_at_once_make_room)
{
	struct inn n = open_inn(0, 0);
	struct visit v;
	int fds[3 * PIER_TLS_SHAKING_MAX];
	pier_conn *c;

	for (int i = 0; i < 3 * PIER_TLS_SHAKING_MAX; i++)
		fds[i] = raw_guest(&n, "\x16", 1);
	begin_visits(&v, &n, 1, 1);
	int64_t begin = pier_now();
	CHECK_OK(pier_accept(n.l, &c));
	CHECK(pier_now() - begin < PIER_S(3));
	welcome(c);
	end_visits(&v, 1, 1);
	for (int i = 0; i < 3 * PIER_TLS_SHAKING_MAX; i++)
		close(fds[i]);
	close_inn(&n);
}

ON_BOTH(a_handshake_has_its_time)
{
	struct inn n = open_inn(0, PIER_MS(50));
	int fd = raw_guest(&n, "\x16\3\1\0\x64", 5);
	char byte;

	PIER_WITHIN (PIER_MS(300)) {
		pier_conn *none;
		CHECK_EQ(pier_accept(n.l, &none), -ETIMEDOUT);
	}
	CHECK_EQ(recv(fd, &byte, 1, MSG_DONTWAIT), 0);
	close(fd);
	close_inn(&n);
}

/* Whoever looks in only now and then leaves each handshake where it is. */
ON_BOTH(a_deadline_around_it_loses_no_guest)
{
	for (int rsa = 0; rsa <= 2048; rsa += 2048) {
		struct inn n = open_inn(rsa, 0);
		struct visit v[4];
		int come = 0;

		begin_visits(v, &n, 4, 5);
		while (come < 20) {
			pier_conn *c;
			int err = 0;
			PIER_WITHIN (PIER_US(300))
				err = pier_accept(n.l, &c);
			CHECK(err == 0 || err == -ETIMEDOUT);
			if (err == 0)
				welcome(c);
			come += err == 0;
		}
		end_visits(v, 4, 5);
		close_inn(&n);
	}
}

/* OpenSSL's own client, on a thread: it says hello, and reads what comes of it when it likes. */
struct sluggard {
	int port;
	atomic_bool silent, reads;
};

static void *shake_hands_late(void *arg)
{
	struct sluggard *s = arg;
	struct inn at = {.port = s->port};
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	SSL *ssl = SSL_new(ctx);
	int fd = raw_guest(&at, "", 0), small = 16384;

	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
	fcntl(fd, F_SETFL, O_NONBLOCK);
	SSL_set_fd(ssl, fd);
	CHECK_EQ(SSL_connect(ssl), -1); /* it has said hello, and does not wait */
	s->silent = true;
	while (!s->reads)
		usleep(1000);
	fcntl(fd, F_SETFL, 0);
	CHECK_EQ(SSL_connect(ssl), 1);
	CHECK_EQ(SSL_write(ssl, "hello\n", 6), 6);
	char got[8];
	CHECK_EQ(SSL_read(ssl, got, sizeof got), 8);
	SSL_free(ssl);
	SSL_CTX_free(ctx);
	close(fd);
	return NULL;
}

/* What we say in a handshake may be more than a socket takes from us at once. */
static struct inn open_wordy_inn(void)
{
	struct inn n = {.ca = make_authority("Ours")};
	char names[4000] = "DNS:a";
	while (strlen(names) < 3800)
		strcat(names, ",DNS:a-name-that-is-as-long-as-any-name-of-a-host-may-be");
	A_CERT large = CERT(.subject = "large", .names = names);
	char *chain = pem_of(large.x, NULL), *all;
	pier_addr at;

	n.cert = CERT(.subject = "localhost", .names = "IP:127.0.0.1", .issuer = &n.ca);
	all = calloc(1, strlen(n.cert.pem) + 16 * strlen(chain) + 1);
	strcpy(all, n.cert.pem);
	for (int i = 0; i < 16; i++)
		strcat(all, chain);
	n.server = pier_tls_new(.cert = all);
	n.client = pier_tls_new(.ca = n.ca.pem, .fresh = true);
	CHECK_OK(pier_listen("tls://127.0.0.1:0?sndbuf=4096", &n.l, .tls = n.server,
			     .frame = PIER_LINES));
	CHECK_OK(pier_listener_addr(n.l, &at));
	n.port = pier_addr_port(&at);
	snprintf(n.url, sizeof n.url, "tls://127.0.0.1:%d", n.port);
	free(chain);
	free(all);
	return n;
}

ON_BOTH(who_reads_late_holds_up_nobody)
{
	struct inn n = open_wordy_inn();
	struct sluggard s = {.port = n.port};
	struct visit v;
	pthread_t thread;
	pier_conn *c;

	CHECK_EQ(pthread_create(&thread, NULL, shake_hands_late, &s), 0);
	while (!s.silent)
		usleep(1000);
	begin_visits(&v, &n, 1, 1);
	CHECK_OK(pier_accept(n.l, &c));
	welcome(c);
	end_visits(&v, 1, 1);
	s.reads = true;
	CHECK_OK(pier_accept(n.l, &c));
	CHECK_BYTES(pier_next(c), "hello");
	CHECK_OK(pier_send(c, "welcome", 7));
	CHECK_EQ(pthread_join(thread, NULL), 0);
	pier_abort(c);
	close_inn(&n);
}

struct porter {
	struct inn *inn;
	atomic_int come;
};

static int open_doors(void *arg)
{
	struct porter *p = arg;
	pier_conn *c;
	while (pier_accept(p->inn->l, &c) == 0) {
		welcome(c);
		p->come++;
	}
	return 0;
}

ON_FIBER(many_fibers_accept_under_tls)
{
	struct inn n = open_inn(0, 0);
	struct visit v[4];
	struct porter p = {.inn = &n};

	begin_visits(v, &n, 4, 10);
	{
		PIER_AUTO_GROUP g = PIER_GROUP;
		for (int i = 0; i < 8; i++)
			CHECK_OK(pier_go(&g, open_doors, &p));
		for (int i = 0; p.come < 40 && i < 5000; i++)
			pier_sleep(PIER_MS(1));
	}
	end_visits(v, 4, 10);
	CHECK_EQ(p.come, 40);
	close_inn(&n);
}

/* ---- Beginning --------------------------------------------------------------------------------------- */

ON_BOTH(a_listener_without_a_certificate_does_not_begin)
{
	pier_listener *l = NULL;
	PIER_AUTO_TLS *none = pier_tls_new();
	PIER_AUTO_TLS *missing = pier_tls_new(.cert = "/nowhere/site.pem");
	CHECK_EQ(pier_listen("tls://127.0.0.1:0", &l), -EINVAL);
	CHECK_EQ(pier_listen("tls://127.0.0.1:0", &l, .tls = none), -EINVAL);
	CHECK_EQ(pier_listen("tls://127.0.0.1:0", &l, .tls = missing), -ENOENT);
	CHECK(!l);
}

ON_BOTH(options_that_a_caller_does_not_know_are_not_read)
{
	pier_listener *l = NULL;
	pier_listen_opts older = {.size = offsetof(pier_listen_opts, tls), .tls = (void *)1};
	CHECK_EQ(pier_listen_with("tls://127.0.0.1:0", &older, &l), -EINVAL);
	CHECK(!l);
}

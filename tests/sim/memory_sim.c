/* Memory that is refused, anywhere: what a server then cannot do ends with an error, and the rest of it goes on. */
#include "test.h"

#include <errno.h>
#include <pier.h>
#include <string.h>
#include <unistd.h>

static void answer(pier_conn *c, void *arg)
{
	char line[64];
	(void)arg;
	while (pier_gets(c, line, sizeof line) > 0)
		pier_printf(c, "%s\n", line);
}

/* Starts until it can: what it needs at first may be refused too. */
static int server(void)
{
	static const char *const also[] = {"udp://:7000", NULL};
	int err;
	do
		err = pier_serve("tcp://:7000", answer, .also = also, .quiet = true);
	while (err == -ENOMEM);
	return err;
}

/* The answer, or an error; never a wrong one. */
static bool ask(pier_conn *c, const char *what)
{
	char line[64] = "";
	PIER_WITHIN (PIER_S(20)) {
		pier_printf(c, "%s\n", what);
		pier_gets(c, line, sizeof line);
	}
	CHECK(!*line || !strcmp(line, what));
	return *line;
}

/* Some come and go while memory is short. */
static void ask_often(pier_sim *s, const char *url, pier_tls *tls)
{
	for (int i = 0; i < 20; i++) {
		PIER_AUTO *c = pier_dial(url, .tls = tls);
		while (ask(c, "hello") && pier_sim_chance(s, 3))
			;
	}
}

/* Then there is enough of it again. */
static int ask_at_last(pier_sim *s, const char *url, int (*program)(void))
{
	CHECK_OK(pier_sim_node(s, "srv", program));
	ask_often(s, url, NULL);
	pier_sim_calm(s);
	PIER_AUTO *last = pier_dial(url);
	return pier_sim_check(s, ask(last, "hello"));
}

static int ask_plain(pier_sim *s)
{
	return ask_at_last(s, "tcp://srv:7000", server);
}

static int ask_udp(pier_sim *s)
{
	return ask_at_last(s, "udp://srv:7000", server);
}

TEST_WITHIN(60, a_server_lives_through_a_lack_of_memory)
{
	CHECK_EQ(pier_sim_run(ask_plain, .seeds = 300, .memory_faults = 0.3), 0);
	CHECK_EQ(pier_sim_run(ask_udp, .seeds = 300, .memory_faults = 0.3), 0);
}

/* ---- A chat: topics, and senders of their own ---------------------------------------------------- */

static void chat(pier_conn *c, void *room)
{
	char line[64];
	if (pier_topic_add(room, c) < 0)
		return;
	while (pier_gets(c, line, sizeof line) > 0)
		pier_sayf(room, NULL, "%s\n", line);
}

static int chat_server(void)
{
	int err;
	do {
		pier_topic *room = pier_topic_new();
		err = room ? pier_serve("tcp://:7000", chat, .arg = room, .quiet = true) : -ENOMEM;
		pier_topic_free(room);
	} while (err == -ENOMEM);
	return err;
}

static int ask_chat(pier_sim *s)
{
	return ask_at_last(s, "tcp://srv:7000", chat_server);
}

TEST_WITHIN(60, a_chat_lives_through_a_lack_of_memory)
{
	CHECK_EQ(pier_sim_run(ask_chat, .seeds = 300, .memory_faults = 0.3), 0);
}

#ifdef HAVE_OPENSSL
/* ---- TLS ----------------------------------------------------------------------------------------- */

#include "../unit/certs.h"

static char *authority, *server_pem;

static int safe_server(void)
{
	int err;
	do {
		pier_tls *t = pier_tls_new(.cert = server_pem);
		err = t ? pier_tls_err(t) : -ENOMEM;
		err = err < 0 ? -ENOMEM
			      : pier_serve("tls://:7000", answer, .tls = t, .quiet = true);
		pier_tls_free(t);
		usleep(1000);
	} while (err == -ENOMEM);
	return err;
}

/* Whether it has TLS again later is up to OpenSSL, which may not look again for an algorithm that it could not have. */
static int ask_safe(pier_sim *s)
{
	A_CERT ca = make_authority("Ours");
	A_CERT cert = CERT(.subject = "srv", .names = "DNS:srv", .issuer = &ca);
	authority = ca.pem;
	server_pem = cert.pem;
	PIER_AUTO_TLS *tls = pier_tls_new(.ca = authority);
	CHECK_OK(pier_sim_node(s, "srv", safe_server));
	ask_often(s, "tls://srv:7000", tls);
	return 0;
}

TEST_WITHIN(120, a_safe_server_lives_through_a_lack_of_memory)
{
	CHECK_EQ(pier_sim_run(ask_safe, .seeds = 50, .memory_faults = 0.01), 0);
}

/* The first conn of a process makes what all others need; when that was refused, the next one tries again. */
static bool reached;
static pier_tls *believer;

static int dial_until_it_works(void *arg)
{
	while (!reached) {
		PIER_AUTO *c = pier_dial("tls://scenario:7000", .tls = believer);
		reached = ask(c, "hello");
		pier_sleep(PIER_MS(10));
	}
	return arg != NULL;
}

static int client(void)
{
	int err;
	do
		err = pier_run(dial_until_it_works, NULL);
	while (err == -ENOMEM);
	return err;
}

static int serve_here(void *tls)
{
	return pier_serve("tls://:7000", answer, .tls = tls, .quiet = true);
}

static int be_reached(pier_sim *s)
{
	PIER_AUTO_GROUP town = PIER_GROUP;
	A_CERT ca = make_authority("Ours");
	A_CERT cert = CERT(.subject = "scenario", .names = "DNS:scenario", .issuer = &ca);
	PIER_AUTO_TLS *tls = pier_tls_new(.cert = cert.pem);
	believer = pier_tls_new(.ca = ca.pem);
	CHECK_OK(pier_go(&town, serve_here, tls));
	CHECK_OK(pier_sim_node(s, "cli", client));
	pier_sleep(PIER_S(1));
	pier_sim_calm(s);
	pier_sleep(PIER_MIN(1));
	return pier_sim_check(s, reached);
}

TEST_WITHIN(120, what_a_first_conn_could_not_have_a_later_one_gets)
{
	CHECK_EQ(pier_sim_run(be_reached, .seeds = 300, .memory_faults = 0.03), 0);
}
#endif

/* Sessions that go on where the last conn ended, and the keys that seal them. */
#include "tls_world.h"

#include "net/tls/tls.h"

ON_FIBER(a_session_is_resumed_once_by_each_ticket)
{
	A_WORLD w = make_world();
	PIER_AUTO_TLS *fresh = pier_tls_new(.ca = w.cert.pem, .fresh = true);
	pier_tls_facts f;
	for (int i = 0; i < 4; i++) {
		struct two t = two_of(&w);
		talk(&t); /* tickets come with the first words */
		CHECK_OK(pier_tls_about(t.client, &f));
		CHECK_EQ(f.resumed, i > 0);
		CHECK_EQ(!strstr(pier_tls_words(t.client), "resumed"), i == 0);
		CHECK(f.verified);
		CHECK_STR(f.peer, "CN=a");
		close_two(&t);
	}
	struct two other = start_two(fresh, w.server, "a.example");
	talk(&other);
	CHECK_OK(pier_tls_about(other.client, &f));
	CHECK(!f.resumed);
	close_two(&other);
	CHECK_OK(pier_tls_reload(w.client)); /* what was believed before counts no more */
	struct two t = two_of(&w);
	CHECK_OK(pier_tls_about(t.client, &f));
	CHECK(!f.resumed);
	close_two(&t);
}

/* As if `hours` had gone by. */
static void age(pier_tls *t, int hours)
{
	t->tickets.now.made -= PIER_S(3600 * hours);
	t->tickets.before.made -= PIER_S(3600 * hours);
}

static bool resumes(struct world *w)
{
	pier_tls_facts f;
	struct two t = two_of(w);
	talk(&t);
	CHECK_OK(pier_tls_about(t.client, &f));
	close_two(&t);
	return f.resumed;
}

/* Tickets live 2 h, the key that makes them 3. */
ON_FIBER(the_key_of_tickets_is_changed_and_opens_those_it_made)
{
	static const pier_tls_version versions[] = {PIER_TLS_1_2, PIER_TLS_1_3};
	for (int i = 0; i < 2; i++) {
		A_WORLD w = make_world();
		if (versions[i] == PIER_TLS_1_2)
			SSL_CTX_set_max_proto_version(w.client->ctx, TLS1_2_VERSION);
		CHECK(!resumes(&w));
		struct tls_ticket_key first = w.server->tickets.now;
		age(w.server, 2);
		CHECK(resumes(&w));
		CHECK(memcmp(&w.server->tickets.now.name, first.name, sizeof first.name) == 0);
		if (versions[i] ==
		    PIER_TLS_1_2) /* where OpenSSL does not tell of a second ticket */
			CHECK(!resumes(&w));
		age(w.server, 2);
		CHECK(resumes(&w)); /* by a ticket of the old key; what comes is of a new one */
		pier_tls_sessions_forget(w.client);
		CHECK(!resumes(&w));
		CHECK(memcmp(&w.server->tickets.now.name, first.name, sizeof first.name) != 0);
		CHECK(memcmp(&w.server->tickets.before.name, first.name, sizeof first.name) == 0);
		age(w.server, 7);
		CHECK(!resumes(&w));
	}
}

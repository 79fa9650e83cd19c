/* Who is believed, who is not, and whether the sentence tells why. */
#include "tls_pair.h"

#include <errno.h>

/* Whom a client that knows `ca` says to be talking with `name`, where the server shows `cert`. */
static void refused(const struct certificate *ca, const struct certificate *cert, const char *name,
		    const char *part)
{
	PIER_AUTO_TLS *client = pier_tls_new(.ca = ca->pem);
	PIER_AUTO_TLS *server = pier_tls_new(.cert = cert->pem);
	struct two t = start_two(client, server, name);

	CHECK_EQ(t.client_err, -PIER_EVERIFY);
	check_why(t.client, -PIER_EVERIFY, part);
	CHECK(strncmp(pier_why(t.client), "verify pair: ", 13) == 0);
	check_why(t.server, -PIER_ETLS, "the peer does not take our certificate: ");
	close_two(&t);
}

static void believed(const struct certificate *ca, const struct certificate *cert, const char *name)
{
	PIER_AUTO_TLS *client = pier_tls_new(.ca = ca->pem);
	PIER_AUTO_TLS *server = pier_tls_new(.cert = cert->pem);
	struct two t = start_two(client, server, name);
	talk(&t);
	close_two(&t);
}

ON_FIBER(a_name_of_the_certificate_is_believed_and_no_other)
{
	A_CERT ca = make_authority("Ours");
	A_CERT cert =
		CERT(.subject = "x", .names = "DNS:a.example,DNS:*.b.example,IP:127.0.0.1,IP:::1",
		     .issuer = &ca);
	believed(&ca, &cert, "a.example");
	believed(&ca, &cert, "a.example."); /* RFC 1034 §3.1: the same name */
	believed(&ca, &cert, "x.b.example");
	believed(&ca, &cert, "127.0.0.1");
	believed(&ca, &cert, "::1");
	const char *all = "host name does not match: certificate is for a.example, *.b.example, "
			  "127.0.0.1, ::1";
	refused(&ca, &cert, "c.example", all);
	refused(&ca, &cert, "b.example", all);
	refused(&ca, &cert, "y.x.b.example", all);
	refused(&ca, &cert, "127.0.0.2", all);
	refused(&ca, &cert, "x", all);
}

ON_FIBER(a_name_beyond_ascii_is_compared_as_dns_has_it)
{
	A_CERT ca = make_authority("Ours");
	A_CERT cert = CERT(.subject = "x", .names = "DNS:xn--fsqu00a.example", .issuer = &ca);
	believed(&ca, &cert, "例子.example");
	refused(&ca, &cert, "例孓.example", "host name does not match");
}

ON_FIBER(a_subject_alone_names_nobody)
{
	A_CERT ca = make_authority("Ours");
	A_CERT cert = CERT(.subject = "a.example", .issuer = &ca);
	refused(&ca, &cert, "a.example", "certificate is for no name");
}

ON_FIBER(each_reason_to_refuse_is_told)
{
	A_CERT ca = make_authority("Ours");
	A_CERT other = make_authority("Theirs");
	const char *names = "DNS:a.example";
	A_CERT old = CERT(.subject = "a", .names = names, .issuer = &ca, .from = -9 * DAY,
			  .to = -8 * DAY);
	A_CERT early =
		CERT(.subject = "a", .names = names, .issuer = &ca, .from = DAY, .to = 2 * DAY);
	A_CERT alone = CERT(.subject = "a", .names = names);
	A_CERT strange = CERT(.subject = "a", .names = names, .issuer = &other);
	A_CERT wrong_use =
		CERT(.subject = "a", .names = names, .issuer = &ca, .usage = "clientAuth");
	A_CERT right_use =
		CERT(.subject = "a", .names = names, .issuer = &ca, .usage = "serverAuth");

	refused(&ca, &old, "a.example", "certificate expired on 2");
	refused(&ca, &early, "a.example", "certificate is not valid before 2");
	refused(&ca, &alone, "a.example", "self-signed certificate; give .ca=… or .pin=…");
	refused(&ca, &strange, "a.example", "issued by CN=Theirs, whom we do not know; give .ca");
	refused(&ca, &wrong_use, "a.example", "purpose");
	believed(&ca, &right_use, "a.example");
}

ON_FIBER(a_weak_key_is_refused)
{
	A_CERT weak_ca = CERT(.subject = "Weak", .authority = true, .rsa = 1024);
	A_CERT cert = CERT(.subject = "a", .names = "DNS:a.example", .issuer = &weak_ca);
	refused(&weak_ca, &cert, "a.example", "too weak");
}

ON_FIBER(a_day_is_told_as_people_write_it)
{
	A_CERT ca = make_authority("Ours");
	long then = 1735732800 - (long)(pier_wall() / PIER_S(1)); /* 2025-01-01, noon */
	A_CERT old = CERT(.subject = "a", .names = "DNS:a.example", .issuer = &ca,
			  .from = then - DAY, .to = then);
	refused(&ca, &old, "a.example", "verify pair: certificate expired on 2025-01-01");
}

ON_FIBER(the_system_does_not_know_our_authority)
{
	A_CERT ca = make_authority("Ours");
	A_CERT cert = CERT(.subject = "a", .names = "DNS:a.example", .issuer = &ca);
	PIER_AUTO_TLS *server = pier_tls_new(.cert = cert.pem);
	PIER_AUTO_TLS *system = pier_tls_new(.ca = "system");

	for (int i = 0; i < 2; i++) {
		struct two t = start_two(i ? system : NULL, server, "a.example");
		check_why(t.client, -PIER_EVERIFY, "whom we do not know");
		close_two(&t);
	}
}

ON_FIBER(only_a_word_turns_verification_off)
{
	A_CERT alone = CERT(.subject = "a", .names = "DNS:a.example");
	PIER_AUTO_TLS *server = pier_tls_new(.cert = alone.pem);
	PIER_AUTO_TLS *none = pier_tls_new(.verify = PIER_TLS_NONE);
	struct two t = start_two(none, server, NULL);
	pier_tls_facts f;
	talk(&t);
	CHECK_OK(pier_tls_about(t.client, &f));
	CHECK(!f.verified);
	CHECK(strstr(pier_tls_words(t.client), "somebody who says to be CN=a"));
	close_two(&t);
}

ON_FIBER(without_a_name_nobody_is_verified)
{
	pier_conn *p[2];
	CHECK_OK(pier_pair(p));
	CHECK_EQ(pier_tls_start(p[0], NULL, PIER_TLS_CLIENT, NULL), -EINVAL);
	check_why(p[0], -EINVAL, "no name is given");
	pier_abort(p[1]);
	pier_close(p[0]);
}

/* ---- Pins ---------------------------------------------------------------------------------------- */

static const char *pin_of(const struct certificate *c, char pin[64])
{
	unsigned char *der = NULL, sum[32];
	int len = i2d_PUBKEY(c->key, &der);
	EVP_Digest(der, (size_t)len, sum, NULL, EVP_sha256(), NULL);
	OPENSSL_free(der);
	strcpy(pin, "sha256//");
	EVP_EncodeBlock((unsigned char *)pin + 8, sum, 32);
	return pin;
}

static void pinned(const char *pin, const char *ca, const struct certificate *cert, bool good)
{
	PIER_AUTO_TLS *client = pier_tls_new(.pin = pin, .ca = ca);
	PIER_AUTO_TLS *server = pier_tls_new(.cert = cert->pem);
	struct two t = start_two(client, server, "a.example");
	if (good)
		talk(&t);
	else
		check_why(t.client, -PIER_EVERIFY, "its key is none of those pinned");
	close_two(&t);
}

ON_FIBER(a_pinned_key_is_enough)
{
	A_CERT alone = CERT(.subject = "whoever", .from = -9 * DAY, .to = -DAY);
	A_CERT another = CERT(.subject = "whoever");
	char pin[64], other[64], both[128];

	pin_of(&alone, pin);
	pin_of(&another, other);
	snprintf(both, sizeof both, "%s;%s", other, pin);
	pinned(pin, NULL, &alone, true);
	pinned(both, NULL, &alone, true);
	pinned(other, NULL, &alone, false);
}

ON_FIBER(a_pin_beside_an_authority_narrows_it)
{
	A_CERT ca = make_authority("Ours");
	A_CERT cert = CERT(.subject = "a", .names = "DNS:a.example", .issuer = &ca);
	A_CERT wrong = CERT(.subject = "a", .names = "DNS:b.example", .issuer = &ca);
	char pin[64], of_ca[64];

	pinned(pin_of(&cert, pin), ca.pem, &cert, true);
	pinned(pin_of(&ca, of_ca), ca.pem, &cert, true); /* any key of the chain */
	pinned(pin_of(&wrong, pin), ca.pem, &cert, false);
	PIER_AUTO_TLS *client = pier_tls_new(.pin = pin_of(&wrong, pin), .ca = ca.pem);
	PIER_AUTO_TLS *server = pier_tls_new(.cert = wrong.pem);
	struct two t = start_two(client, server, "a.example");
	check_why(t.client, -PIER_EVERIFY, "host name does not match");
	close_two(&t);
}

ON_FIBER(what_is_no_pin_is_said)
{
	const char *bad[] = {"sha256//", "sha1//AAAA", "sha256//AAAA=", "AAAA",
			     "sha256//!AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		PIER_AUTO_TLS *t = pier_tls_new(.pin = bad[i]);
		CHECK_EQ(pier_tls_err(t), -EINVAL);
		CHECK(strstr(pier_tls_why(t), ".pin"));
	}
}

/* ---- Certificates that were taken back ----------------------------------------------------------- */

/* What a client says that knows `ca` and the list, where the server shows `cert`; "" = it is content. */
static void with_list(const struct certificate *ca, const struct certificate *cert, char *list,
		      const char *part)
{
	PIER_AUTO_TLS *client = pier_tls_new(.ca = ca->pem, .crl = list);
	PIER_AUTO_TLS *server = pier_tls_new(.cert = cert->pem);
	struct two t = start_two(client, server, "a.example");

	CHECK_EQ(t.client_err, *part ? -PIER_EVERIFY : 0);
	if (*part)
		check_why(t.client, -PIER_EVERIFY, part);
	else
		talk(&t);
	close_two(&t);
	free(list);
}

ON_FIBER(a_certificate_that_was_taken_back_is_refused)
{
	A_CERT ca = make_authority("Ours");
	A_CERT theirs = make_authority("Theirs");
	A_CERT good = CERT(.subject = "a", .names = "DNS:a.example", .issuer = &ca);
	A_CERT gone = CERT(.subject = "a", .names = "DNS:a.example", .issuer = &ca);

	with_list(&ca, &gone, make_crl(&ca, NULL, DAY), "");
	with_list(&ca, &gone, make_crl(&ca, &gone, DAY), "certificate revoked");
	with_list(&ca, &good, make_crl(&ca, &gone, DAY), "");
	with_list(&ca, &good, make_crl(&ca, NULL, -DAY), "CRL has expired");
	with_list(&ca, &good, make_crl(&theirs, NULL, DAY), "unable to get certificate CRL");
}

ON_FIBER(a_client_whose_certificate_was_taken_back_is_refused)
{
	A_CERT ca = make_authority("Ours");
	A_CERT cert = CERT(.subject = "a", .names = "DNS:a.example", .issuer = &ca);
	A_CERT ann = CERT(.subject = "ann", .issuer = &ca);
	char *list = make_crl(&ca, &ann, DAY);
	PIER_AUTO_TLS *client = pier_tls_new(.ca = ca.pem, .cert = ann.pem);
	PIER_AUTO_TLS *server = pier_tls_new(.cert = cert.pem, .client_ca = ca.pem, .crl = list);
	struct two t = start_two(client, server, "a.example");

	check_why(t.server, -PIER_EVERIFY, "certificate revoked");
	CHECK(!pier_next(t.client).p);
	check_why(t.client, -PIER_ETLS, "does not take our certificate: certificate revoked");
	close_two(&t);
	free(list);
}

ON_FIBER(a_list_that_is_none_is_told)
{
	A_CERT ca = make_authority("Ours");
	PIER_AUTO_TLS *t = pier_tls_new(.ca = ca.pem, .crl = ca.pem);
	CHECK_EQ(pier_tls_err(t), -PIER_ETLS);
	CHECK_STR(pier_tls_why(t), "revocations given as text: there is no list in it");
}

/* ---- Clients ------------------------------------------------------------------------------------- */

static struct two client_shows(const struct certificate *ca, const struct certificate *own,
			       bool optional, pier_tls **client, pier_tls **server)
{
	A_CERT cert = CERT(.subject = "a", .names = "DNS:a.example", .issuer = ca);
	*client = pier_tls_new(.ca = ca->pem, .cert = own ? own->pem : NULL);
	*server = pier_tls_new(.cert = cert.pem, .client_ca = ca->pem, .client_optional = optional);
	return start_two(*client, *server, "a.example");
}

ON_FIBER(a_server_knows_its_clients)
{
	A_CERT ca = make_authority("Ours");
	A_CERT ann = CERT(.subject = "ann", .issuer = &ca, .usage = "clientAuth");
	PIER_AUTO_TLS *client, *server;
	pier_tls_facts f;

	struct two t = client_shows(&ca, &ann, false, &client, &server);
	talk(&t);
	CHECK_OK(pier_tls_about(t.server, &f));
	CHECK_STR(f.peer, "CN=ann");
	CHECK(f.verified);
	CHECK_STR(f.name, "a.example");
	close_two(&t);
}

ON_FIBER(a_client_without_a_certificate_is_refused)
{
	A_CERT ca = make_authority("Ours");
	PIER_AUTO_TLS *client, *server;
	struct two t = client_shows(&ca, NULL, false, &client, &server);

	CHECK_OK(t.client_err); /* RFC 8446 §4.4.4: it has finished before the server looks */
	check_why(t.server, -PIER_EVERIFY, "the client showed no certificate");
	CHECK(!pier_next(t.client).p);
	check_why(t.client, -PIER_ETLS,
		  "the peer does not take our certificate: certificate required");
	close_two(&t);
}

ON_FIBER(a_client_of_strangers_is_refused_even_where_none_is_needed)
{
	A_CERT ca = make_authority("Ours");
	A_CERT theirs = make_authority("Theirs");
	A_CERT eve = CERT(.subject = "eve", .issuer = &theirs);
	PIER_AUTO_TLS *client, *server;
	struct two t = client_shows(&ca, &eve, true, &client, &server);
	check_why(t.server, -PIER_EVERIFY, "issued by CN=Theirs");
	CHECK(!pier_next(t.client).p);
	check_why(t.client, -PIER_ETLS, "does not take our certificate: unknown CA");
	close_two(&t);
}

ON_FIBER(a_client_may_stay_unknown_where_that_is_allowed)
{
	A_CERT ca = make_authority("Ours");
	PIER_AUTO_TLS *client, *server;
	pier_tls_facts f;
	struct two t = client_shows(&ca, NULL, true, &client, &server);
	talk(&t);
	CHECK_OK(pier_tls_about(t.server, &f));
	CHECK_STR(f.peer, "");
	CHECK(!f.verified);
	close_two(&t);
}

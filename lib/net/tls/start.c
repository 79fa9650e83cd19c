/* Going over to TLS: the transport of a conn is put on top of the one it has. */
#include "tls.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define DOING "start TLS with"

static int refuse(pier_conn *c, int err, const char *why)
{
	pier_conn_fail(c, err, DOING);
	if (!c->why && asprintf(&c->why, DOING " %s: %s", pier_peer(c), why) < 0)
		c->why = NULL;
	return err;
}

/* ---- Two sides ------------------------------------------------------------------------------------- */

static int be_client(struct tls_conn *t, const char *name)
{
	const pier_tls_opts *o = &t->context->o;
	X509_STORE *store = NULL;

	SSL_set_connect_state(t->ssl);
	SSL_set_verify(t->ssl, SSL_VERIFY_PEER, NULL);
	int err = name ? pier_tls_expect_name(t, name) : 0;
	if (err == 0 && o->verify != PIER_TLS_NONE && (o->ca || !t->context->pin_count))
		err = pier_tls_authorities(t->context, t->files, &store);
	if (store && !SSL_set1_verify_cert_store(t->ssl, store))
		err = -ENOMEM;
	if (err == 0)
		pier_tls_session_offer(t);
	return err;
}

static int be_server(struct tls_conn *t)
{
	const struct tls_files *f = t->files;
	STACK_OF(X509_NAME) *names = NULL;

	t->server = true;
	SSL_set_accept_state(t->ssl);
	SSL_set_session_id_context(t->ssl, f->session_scope, sizeof f->session_scope);
	if (!f->client_ca)
		return 0;
	SSL_set_verify(
		t->ssl,
		SSL_VERIFY_PEER |
			(t->context->o.client_optional ? 0 : SSL_VERIFY_FAIL_IF_NO_PEER_CERT),
		NULL);
	names = SSL_dup_CA_list(f->client_names);
	if (!names || !SSL_set1_verify_cert_store(t->ssl, f->client_ca))
		return -ENOMEM;
	SSL_set_client_CA_list(t->ssl, names); /* which it now owns */
	return 0;
}

static int64_t join(void *of)
{
	struct tls_conn *t = of;
	t->ssl = SSL_new(t->context->ctx);
	return t->ssl && pier_tls_bio_join(t) == 0;
}

static struct tls_conn *conn_new(pier_tls *x)
{
	struct tls_conn *t = calloc(1, sizeof *t);
	if (!t)
		return NULL;
	t->context = pier_tls_keep(x);
	t->files = pier_tls_files_keep(x);
	if (!pier_deep(join, t) || !SSL_set_app_data(t->ssl, t)) {
		pier_tls_conn_free(t);
		return NULL;
	}
	t->signs = t->files->heavy;
	if (t->signs)
		SSL_set_msg_callback(t->ssl, pier_tls_note_message);
	return t;
}

/* ---- Starting -------------------------------------------------------------------------------------- */

int64_t pier_tls_patience(const pier_tls *t)
{
	return t->o.handshake > 0 ? t->o.handshake : PIER_TLS_HANDSHAKE;
}

/* Whoever waits for input here can be told to stop, as between messages. */
static int shake_hands(pier_conn *c)
{
	int err = 0;
	c->reader = pier_fiber_self();
	c->between = true;
	PIER_WITHIN (pier_tls_patience(c->tls->context))
		err = pier_tls_shake_hands(c);
	c->reader = NULL;
	return err;
}

/* What came in one piece with the words of a proxy is TLS. */
static void take_early(pier_conn *c, struct tls_conn *t)
{
	struct inbuf in = c->in;
	if (in.start == in.end)
		return;
	t->in = (struct tls_bytes){in.at, in.start, in.end, in.room};
	c->in = (struct inbuf){0};
}

static int put_on(pier_conn *c, pier_tls *x)
{
	struct tls_conn *t = conn_new(x);
	if (!t)
		return -ENOMEM;
	t->below = c->via;
	take_early(c, t);
	t->port = pier_addr_port(&c->peer);
	c->tls = t;
	c->via = &pier_transport_tls;
	return 0;
}

int pier_tls_be_served(pier_conn *c, pier_tls *t)
{
	int err = put_on(c, t);
	return err < 0 ? err : be_server(c->tls);
}

static int begin(pier_conn *c, pier_tls *x, pier_tls_side side, const char *name)
{
	int err = put_on(c, x);
	if (err == 0)
		err = side == PIER_TLS_CLIENT ? be_client(c->tls, name) : be_server(c->tls);
	if (err == 0)
		err = shake_hands(c);
	return err < 0 ? pier_tls_fail(c, err, err == -PIER_EVERIFY ? "verify" : DOING) : 0;
}

static bool knows_whom(const pier_tls *x, const char *name)
{
	return (name && *name) || x->o.verify == PIER_TLS_NONE || (x->pin_count && !x->o.ca);
}

int pier_tls_can_serve(const pier_tls *t, const char **why)
{
	*why = "a server needs .tls = pier_tls_new(.cert = …)";
	if (!t || (!t->err && !t->o.cert && !t->certs[0].cert))
		return -EINVAL;
	if (t->err)
		*why = pier_tls_why(t);
	return t->err;
}

static int start(pier_conn *c, pier_tls *t, pier_tls_side side, const char *name, bool fresh)
{
	const char *why;
	if (!c || c->err)
		return pier_err(c);
	if (!t && side == PIER_TLS_CLIENT)
		t = pier_tls_default();
	int err = side == PIER_TLS_SERVER ? pier_tls_can_serve(t, &why) : pier_tls_err(t);
	if (err < 0)
		return refuse(c, err, side == PIER_TLS_SERVER ? why : pier_tls_why(t));
	if (!name || !*name)
		name = t->o.name;
	if (side == PIER_TLS_CLIENT && !knows_whom(t, name))
		return refuse(c, -EINVAL, "no name is given that the certificate must have");
	if (c->tls || c->via->message || c->finished)
		return refuse(c, -EPROTOTYPE, "it is no open stream, or speaks TLS already");
	pier_spend(c, c->in.held);
	if (c->in.end > c->in.start && !(fresh && c->in.pooled)) /* RFC 3207 §6, CVE-2011-0411 */
		return refuse(c, -EPROTO, "it sent plain text that was not read before TLS");
	err = pier_conn_write_begin(c, pier_conn_until(c, c->wr));
	if (err < 0)
		return pier_conn_fail(c, err, DOING);
	err = begin(c, t, side, name);
	pier_conn_write_end(c);
	return err;
}

int pier_tls_start(pier_conn *c, pier_tls *t, pier_tls_side side, const char *name)
{
	return start(c, t, side, name, false);
}

int pier_tls_start_served(pier_conn *c, pier_tls *t)
{
	return start(c, t, PIER_TLS_SERVER, NULL, true);
}

/* A "tls://" that was dialled. */
int pier_tls_start_dialled(pier_conn *c, pier_tls *t, pier_bytes host)
{
	char name[TLS_NAME_MAX];
	const char *chosen = t && t->o.name ? t->o.name : host.len ? name : "localhost";
	if (host.len >= sizeof name)
		return -ENAMETOOLONG;
	if (host.len)
		memcpy(name, host.p, host.len);
	name[host.len] = '\0';
	return pier_tls_start(c, t, PIER_TLS_CLIENT, chosen);
}

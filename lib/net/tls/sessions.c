/* Sessions that a client may resume, by server, in memory. A ticket is used once, so that no two conns can be
 * linked by it: RFC 8446 §C.4. */
#include "tls.h"

#include <stdio.h>
#include <string.h>

#define KEY_MAX sizeof(((struct tls_session *)0)->key)

static void key_of(const struct tls_conn *t, char key[KEY_MAX])
{
	snprintf(key, KEY_MAX, "%s:%u", t->name ? t->name : "", t->port);
}

/* The place of a server; without one, the place that was not used for the longest time. */
static struct tls_session *place_of(pier_tls *x, const char *key)
{
	struct tls_session *oldest = x->sessions;
	for (unsigned i = 0; i < PIER_TLS_SESSIONS_MAX; i++) {
		struct tls_session *s = &x->sessions[i];
		if (strcmp(s->key, key) == 0)
			return s;
		if (s->used < oldest->used)
			oldest = s;
	}
	return oldest;
}

static SSL_SESSION *take(pier_tls *x, const char *key)
{
	pthread_mutex_lock(&x->lock);
	struct tls_session *s = place_of(x, key);
	SSL_SESSION *found = strcmp(s->key, key) == 0 ? s->session : NULL;
	if (found)
		*s = (struct tls_session){0};
	pthread_mutex_unlock(&x->lock);
	return found;
}

void pier_tls_session_offer(struct tls_conn *t)
{
	char key[KEY_MAX];
	if (t->context->o.fresh)
		return;
	key_of(t, key);
	SSL_SESSION *session = take(t->context, key);
	if (session && SSL_SESSION_is_resumable(session))
		SSL_set_session(t->ssl, session);
	SSL_SESSION_free(session);
}

int pier_tls_session_store(SSL *ssl, SSL_SESSION *session)
{
	const struct tls_conn *t = SSL_get_app_data(ssl);
	pier_tls *x = t->context;
	char key[KEY_MAX];

	if (t->server || x->o.fresh)
		return 0; /* still OpenSSL's */
	key_of(t, key);
	pthread_mutex_lock(&x->lock);
	struct tls_session *s = place_of(x, key);
	SSL_SESSION *old = s->session;
	snprintf(s->key, sizeof s->key, "%s", key);
	s->session = session;
	s->used = ++x->uses;
	pthread_mutex_unlock(&x->lock);
	SSL_SESSION_free(old);
	return 1;
}

void pier_tls_sessions_forget(pier_tls *x)
{
	for (unsigned i = 0; i < PIER_TLS_SESSIONS_MAX; i++) {
		SSL_SESSION_free(x->sessions[i].session);
		x->sessions[i] = (struct tls_session){0};
	}
}

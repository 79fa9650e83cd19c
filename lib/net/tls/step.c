/* Single calls of OpenSSL, and what they came to in words. Its queue of errors belongs to the thread, which
 * many conns share: each call begins with an empty one. */
#include "tls.h"

#include "fiber/fiber.h"

#include <openssl/err.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* The alert of RFC 8446 §6 in an error that a peer's alert made. */
static int alert_of(int reason)
{
	return reason > SSL_AD_REASON_OFFSET && reason <= SSL_AD_REASON_OFFSET + 255
		       ? reason - SSL_AD_REASON_OFFSET
		       : -1;
}

/* RFC 8446 §6.2: what a peer says of the certificate that it was, or was not, shown. */
static bool is_of_certificate(int alert)
{
	return (alert >= SSL3_AD_NO_CERTIFICATE && alert <= SSL3_AD_CERTIFICATE_UNKNOWN) ||
	       alert == TLS1_AD_UNKNOWN_CA || alert == TLS13_AD_CERTIFICATE_REQUIRED;
}

static const char *plain_words(int reason)
{
	switch (reason) {
	case SSL_R_HTTP_REQUEST:
	case SSL_R_HTTPS_PROXY_REQUEST:
		return "the peer speaks plain HTTP";
	case SSL_R_WRONG_VERSION_NUMBER:
	case SSL_R_UNEXPECTED_MESSAGE:
	case SSL_R_UNKNOWN_PROTOCOL:
	case SSL_R_PACKET_LENGTH_TOO_LONG:
	case SSL_R_BAD_RECORD_TYPE:
		return "the peer does not speak TLS";
	case SSL_R_UNSUPPORTED_PROTOCOL:
	case SSL_R_TLSV1_ALERT_PROTOCOL_VERSION:
		return "no common version of TLS";
	case SSL_R_NO_SHARED_CIPHER:
	case SSL_R_NO_SUITABLE_SIGNATURE_ALGORITHM:
		return "no common cipher";
	case SSL_R_NO_APPLICATION_PROTOCOL:
		return "no common protocol (ALPN)";
	case SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE:
		return "the client showed no certificate";
	default:
		return NULL;
	}
}

/* OpenSSL 3.0 has no words for the newest. */
static const char *alert_words(int alert)
{
	return alert == TLS13_AD_CERTIFICATE_REQUIRED ? "certificate required"
						      : SSL_alert_desc_string_long(alert);
}

void pier_tls_say(struct tls_conn *t, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	if (!t->words && vasprintf(&t->words, format, args) < 0)
		t->words = NULL;
	va_end(args);
}

static int explain(struct tls_conn *t, unsigned long code)
{
	int reason = ERR_GET_REASON(code), alert = alert_of(reason);
	const char *plain = ERR_GET_LIB(code) == ERR_LIB_SSL ? plain_words(reason) : NULL;

	if (reason == SSL_R_UNEXPECTED_EOF_WHILE_READING && ERR_GET_LIB(code) == ERR_LIB_SSL) {
		pier_tls_say(t, "%s",
			     t->open ? "it ended without close_notify: what came may have been cut"
				     : "it ended inside the handshake");
		return -PIER_ETRUNCATED;
	}
	if (plain)
		pier_tls_say(t, "%s", plain);
	else if (alert >= 0 && ERR_GET_LIB(code) == ERR_LIB_SSL)
		pier_tls_say(t, "the peer %s: %s",
			     is_of_certificate(alert) ? "does not take our certificate" : "refused",
			     alert_words(alert));
	else
		pier_tls_say(t, "%s", code ? ERR_reason_error_string(code) : "no reason given");
	if (reason == SSL_R_CERTIFICATE_VERIFY_FAILED ||
	    reason == SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE)
		return -PIER_EVERIFY;
	return -PIER_ETLS;
}

/* What a call that returned `ret` has come to. */
static int outcome(struct tls_conn *t, int ret)
{
	int what = SSL_get_error(t->ssl, ret);
	switch (what) {
	case SSL_ERROR_NONE:
		return 1;
	case SSL_ERROR_WANT_READ:
		return TLS_WANTS;
	case SSL_ERROR_ZERO_RETURN:
		return TLS_CLOSED;
	default:
		t->err = explain(t, ERR_peek_error());
		ERR_clear_error();
		return t->err;
	}
}

/* ---- The calls, each on the worker's stack for what goes deep ------------------------------------- */

struct step {
	struct tls_conn *t;
	void *into;
	const void *from;
	size_t room, n;
};

static int64_t shake(void *of)
{
	struct tls_conn *t = of;
	ERR_clear_error();
	return outcome(t, SSL_do_handshake(t->ssl));
}

static int64_t read_some(void *of)
{
	struct step *s = of;
	ERR_clear_error();
	return outcome(s->t, SSL_read_ex(s->t->ssl, s->into, s->room, &s->n));
}

static int64_t peek(void *of)
{
	struct step *s = of;
	ERR_clear_error();
	return outcome(s->t, SSL_peek_ex(s->t->ssl, s->into, s->room, &s->n));
}

static int64_t write_all(void *of)
{
	struct step *s = of;
	ERR_clear_error();
	return outcome(s->t, SSL_write_ex(s->t->ssl, s->from, s->room, &s->n));
}

int pier_tls_step_handshake(struct tls_conn *t)
{
	return (int)pier_deep(shake, t);
}

int pier_tls_step_read(struct tls_conn *t, void *into, size_t room, size_t *n)
{
	struct step s = {.t = t, .into = into, .room = room};
	int done = t->err ? t->err : (int)pier_deep(read_some, &s);
	*n = s.n;
	return done;
}

int pier_tls_step_peek(struct tls_conn *t)
{
	char byte;
	struct step s = {.t = t, .into = &byte, .room = 1};
	return t->err ? t->err : (int)pier_deep(peek, &s);
}

int pier_tls_step_write(struct tls_conn *t, const void *p, size_t len)
{
	struct step s = {.t = t, .from = p, .room = len};
	int done = t->err ? t->err : (int)pier_deep(write_all, &s);
	/* A write needs no input once the handshake is over, since no renegotiation is allowed. */
	return done == TLS_WANTS || done == TLS_CLOSED ? (t->err = -PIER_ETLS) : done;
}

static int64_t say_end(void *of)
{
	struct tls_conn *t = of;
	ERR_clear_error();
	SSL_shutdown(t->ssl);
	ERR_clear_error();
	return 0;
}

void pier_tls_step_close(struct tls_conn *t)
{
	if (!t->err && t->open)
		pier_deep(say_end, t);
}

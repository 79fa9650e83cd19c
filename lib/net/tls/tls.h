/* TLS from the inside. Calls of OpenSSL only turn bytes into other bytes, in memory; so they never wait, and
 * fibers that use both directions of a conn cannot meet inside one.
 *
 *	pier_recv  ◄─ SSL_read ◄─ in ◄─ below->receive
 *	pier_send ─► SSL_write ─► out ─► going ─► below->send
 */
#ifndef NET_TLS_H
#define NET_TLS_H

#include "net/conn.h"

#include <openssl/ssl.h>
#include <pier/tls.h>
#include <pthread.h>
#include <stdatomic.h>

#define TLS_RECORD 16384 /* bytes of plain text in a record: RFC 8446 §5.1 */
#define TLS_OVERHEAD                                                                               \
	256 /* and what TLS adds to it, at most: RFC 5246 §6.2.3 has 2048, AEADs 5+8+16+1 */
#define TLS_BATCH      (64u << 10)  /* plain text that is sealed before it is sent */
#define TLS_UNSENT_MAX (256u << 10) /* bytes that OpenSSL may say of itself and nobody sends */
#define TLS_NAME_MAX   256
#define TLS_WORDS_MAX  512

/* ---- Contexts (tls_context.c) ------------------------------------------------------------------ */

struct tls_identity {
	X509 *cert;
	EVP_PKEY *key;
	STACK_OF(X509) * chain;
};

/* What files hold. Never changed once it is there, only replaced; freed by its last user. */
struct tls_files {
	atomic_uint refs;
	struct tls_identity own[PIER_TLS_CERTS_MAX];
	unsigned count;
	bool heavy; /* to sign with one of them takes long */
	X509_STORE *ca, *client_ca;
	STACK_OF(X509_CRL) * crls;	    /* NULL: nobody asks */
	STACK_OF(X509_NAME) * client_names; /* told to clients that have several certificates */
	unsigned char session_scope
		[32]; /* a session is no longer taken once client_ca or crls have changed */
};

struct tls_pin {
	unsigned char sha256[32];
};

struct tls_session {
	char key[TLS_NAME_MAX + 8];
	SSL_SESSION *session;
	uint64_t used; /* when: the oldest goes first */
};

struct tls_ticket_key {
	unsigned char name[16], cipher[32], mac[32];
	int64_t made; /* 0: there is none */
};

struct tls_tickets {
	struct tls_ticket_key now, before;
};

struct pier_tls {
	atomic_uint refs;
	pier_tls_opts o; /* its texts are our own */
	pier_tls_cert certs[PIER_TLS_CERTS_MAX];
	SSL_CTX *ctx;
	int err;
	char words[TLS_WORDS_MAX];
	unsigned char alpn[256];
	unsigned alpn_len;
	struct tls_pin pins[PIER_TLS_PINS_MAX];
	unsigned pin_count;
	int keylog_fd;
	pthread_mutex_t lock; /* of the rest */
	struct tls_files *files;
	struct tls_session sessions[PIER_TLS_SESSIONS_MAX];
	uint64_t uses;
	struct tls_tickets tickets;
};

/* The one of clients that bring none, made when first asked for. NULL when memory is out. */
pier_tls *pier_tls_default(void);
pier_tls *pier_tls_keep(pier_tls *t);
struct tls_files *pier_tls_files_keep(pier_tls *t);
void pier_tls_files_drop(struct tls_files *f);

/* tls_files.c: reads them all. 0 with `out` set, or an error with words. */
int pier_tls_files_read(const pier_tls *t, struct tls_files **out, char words[TLS_WORDS_MAX]);

/* Whom a client trusts: of its files, or the system's, which may have to be read first. The store is not the
 * caller's. */
int pier_tls_authorities(const pier_tls *t, const struct tls_files *f, X509_STORE **out);

/* ---- Conns ----------------------------------------------------------------------------------------- */

struct tls_bytes {
	char *at;
	size_t start, end, room;
};

struct tls_conn {
	const struct transport *below;
	pier_tls *context;
	struct tls_files *files; /* of the time of the handshake */
	SSL *ssl;
	struct tls_bytes in;	   /* came, and OpenSSL has not seen it: a pool buffer */
	struct tls_bytes out;	   /* OpenSSL has sealed it */
	struct tls_bytes going;	   /* on its way: stays where it is */
	const pier_conn *straight; /* what is sealed may leave by it at once; else NULL */
	bool ended;		   /* below, nothing more comes */
	bool mute;		   /* what OpenSSL still wants to say goes nowhere */
	bool server;
	bool open;     /* the handshake is over, and was good */
	bool signs;    /* the handshake may still have us sign with a key that takes long */
	int err;       /* OpenSSL's state is beyond use */
	char *line;    /* pier_tls_words */
	uint16_t port; /* of the peer: with the name, whose session it is */
	char *name;    /* whom the peer must be; NULL = nobody asked */
	char *words;   /* why it failed */
};

extern const struct transport pier_transport_tls;
void pier_tls_conn_free(struct tls_conn *t);

/* tls.c: whether there is nothing for OpenSSL to read; more for it, 1 or an error; what came, 0 bytes being the end; and
 * all that is sealed is sent. */
bool pier_tls_is_dry(const struct tls_conn *t);
int64_t pier_tls_fill(pier_conn *c, int64_t until);
void pier_tls_landed(struct tls_conn *t, void *at, int64_t n);
void pier_tls_drop_in(struct tls_conn *t);
int pier_tls_flush(pier_conn *c, int64_t until);

/* tls_start.c: the transport goes on top of the one that the conn has, as a server's. 0 or an error. */
int pier_tls_be_served(pier_conn *c, pier_tls *t);

/* tls_shaking.c: makes the handshake, as long as it takes. 0 or an error. And what OpenSSL tells of its messages. */
int pier_tls_shake_hands(pier_conn *c);
void pier_tls_note_message(int sent, int version, int type, const void *message, size_t len,
			   SSL *ssl, void *arg);

/* Lets an error stick, with OpenSSL's words for it. */
int pier_tls_fail(pier_conn *c, int err, const char *doing);

/* tls_bio.c: joins in and out to t->ssl. 0 or -ENOMEM. */
int pier_tls_bio_join(struct tls_conn *t);
int pier_tls_reserve(struct tls_bytes *b, size_t room);

/* tls_step.c. Calls of OpenSSL and what comes of them: > 0, or one of these, or an error with words. */
#define TLS_WANTS  (-200000) /* more input */
#define TLS_CLOSED (-200001) /* the peer has said that nothing more comes */
int pier_tls_step_handshake(struct tls_conn *t);
int pier_tls_step_read(struct tls_conn *t, void *into, size_t room, size_t *n);
int pier_tls_step_peek(struct tls_conn *t);
int pier_tls_step_write(struct tls_conn *t, const void *p, size_t n);
void pier_tls_step_close(struct tls_conn *t);

/* Why it failed: what is said first is kept. */
void pier_tls_say(struct tls_conn *t, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* tls_verify.c: what OpenSSL asks instead of its own. */
int pier_tls_check_peer(X509_STORE_CTX *v, void *context);
int pier_tls_expect_name(struct tls_conn *t, const char *name);

/* tls_names.c: the names of a certificate, "a.example, 127.0.0.1", cut at `room`. */
void pier_tls_names(X509 *cert, char *into, size_t room);
void pier_tls_subject(X509_NAME *name, char *into, size_t room);
void pier_tls_date(const ASN1_TIME *at, char into[16]);
bool pier_tls_key_sha256(X509 *cert, unsigned char into[32]);

/* tls_tickets.c: what OpenSSL asks for, of a server. */
int pier_tls_ticket_key(SSL *ssl, unsigned char name[16], unsigned char *iv, EVP_CIPHER_CTX *cipher,
			EVP_MAC_CTX *mac, int sealing);

/* tls_sessions.c */
void pier_tls_session_offer(struct tls_conn *t);
int pier_tls_session_store(SSL *ssl,
			   SSL_SESSION *session); /* OpenSSL has got one from the server */
void pier_tls_sessions_forget(pier_tls *t);

#endif

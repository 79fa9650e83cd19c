/* TLS 1.2 and 1.3 (RFC 5246, RFC 8446) over any stream, by OpenSSL 3.
 *
 *	PIER_AUTO *c = pier_dial("tls://example.org:443");		  verified by the system's authorities
 *	PIER_AUTO_TLS *t = pier_tls_new(.cert = "site.pem", .key = "site.key");
 *	pier_serve("tls://:7443", handler, .tls = t);
 *
 * A conn under TLS is a stream like any other. Its input ends when the peer says so; a peer that just goes
 * away may have been cut off by somebody between, and the conn fails with -PIER_ETRUNCATED. */
#ifndef PIER_TLS_H
#define PIER_TLS_H

#include <pier/api.h>
#include <pier/conn.h>
#include <pier/time.h>

PIER_BEGIN

#define PIER_TLS_HANDSHAKE    PIER_S(10) /* .handshake when 0 */
#define PIER_TLS_PINS_MAX     8
#define PIER_TLS_CERTS_MAX    64	  /* certificates of a server, by name */
#define PIER_TLS_SESSIONS_MAX 64	  /* servers that a context remembers for resumption */
#define PIER_TLS_SHAKING_MAX  32	  /* clients of a listener that shake hands at once */
#define PIER_TLS_CHAIN_MAX    (64u << 10) /* bytes of certificates that a peer may show */
#define PIER_TLS_FILE_MAX     (4u << 20)  /* bytes of a file of certificates */

/* ---- Contexts: whom to trust, who we are ------------------------------------------------------- */

typedef enum pier_tls_verify {
	PIER_TLS_VERIFY = 0,
	PIER_TLS_NONE, /* believes anyone: whoever sits between can read and change all of it */
} pier_tls_verify;

typedef enum pier_tls_version {
	PIER_TLS_1_2 = 0,
	PIER_TLS_1_3,
} pier_tls_version;

/* A certificate (its chain behind it) and its key; key NULL = in the same place. */
typedef struct pier_tls_cert {
	const char *cert, *key;
} pier_tls_cert;

/* Where certificates and keys are asked for, a text that holds "-----BEGIN" is the PEM itself, all else
 * the path of a PEM file. */
typedef struct pier_tls_opts {
	size_t size; /* sizeof(pier_tls_opts), set by the macro */

	/* The client's side: whom we believe to be who we dialled. */
	const char *ca;	 /* authorities: PEM, or a folder of such files; NULL or "system" = the
				 * system's (SSL_CERT_FILE, SSL_CERT_DIR, or where OpenSSL has them) */
	const char *pin; /* keys, "sha256//BASE64" of their SubjectPublicKeyInfo, several by ';'.
				 * Without .ca, that the peer has one of them is enough, whatever its
				 * certificate says; with it, both must hold. RFC 7469 §2.4 */
	pier_tls_verify verify; /* PIER_TLS_NONE gives up knowing who the peer is */
	const char *name;	/* who the peer must be; NULL = the host that was dialled */

	/* Who we are: needed by servers. */
	const char *cert, *key;
	const pier_tls_cert
		*certs; /* more of them, ended by {NULL}: the client's SNI chooses (RFC 6066 §3),
				     * else it gets the first */

	/* The server's side: clients must show a certificate of these authorities (PEM, or a folder). */
	const char *client_ca;
	bool client_optional; /* they may */

	/* Certificates that were taken back: lists of them (PEM, several in one file), for whoever is asked who it
	 * is. The issuer of the peer's certificate must have one here that is in force; else it is refused.
	 * pier_tls_reload reads them again. Where .pin alone decides they are not asked. RFC 5280 §5 */
	const char *crl;

	/* Both. */
	const char *alpn;     /* protocols, "h2,http/1.1", the dearest first: RFC 7301 */
	pier_tls_version min; /* the least that is spoken */
	int64_t handshake;    /* its time; 0 = PIER_TLS_HANDSHAKE */
	bool fresh;	      /* never resume a session */
	const char *
		keylog; /* a file that gets the keys of every conn, for Wireshark. Who reads it reads
			       * all. NULL = none, whatever SSLKEYLOGFILE says */
} pier_tls_opts;

/* A context, for any number of conns on any workers. Waits for files. NULL only when memory is out: what
 * else fails sticks to the context, and to the conns and servers that get it. Everything is copied.
 * Ownership: the caller's; it ends with the last conn that has it after pier_tls_free.
 * Python: ssl.create_default_context, load_cert_chain. */
PIER_API pier_tls *pier_tls_new_with(const pier_tls_opts *opts);
#define pier_tls_new(...)                                                                          \
	pier_tls_new_with(&(pier_tls_opts){.size = sizeof(pier_tls_opts), ##__VA_ARGS__})
PIER_API void pier_tls_free(pier_tls *t);
#define PIER_AUTO_TLS PIER_CLEANUP(pier_tls_free_auto) pier_tls

/* What failed when it was made: 0, or -ENOENT, -PIER_ETLS …; and the sentence, "" without an error. */
PIER_API int pier_tls_err(const pier_tls *t);
PIER_API const char *pier_tls_why(const pier_tls *t);

/* Reads certificates, keys and authorities again, while conns are served: handshakes from now on use the
 * new ones, running conns go on. Waits for files. Returns 0, or an error with everything left as it
 * was and pier_tls_why telling. From one fiber or thread at a time. */
PIER_API int pier_tls_reload(pier_tls *t);

/* ---- Conns --------------------------------------------------------------------------------------- */

typedef enum pier_tls_side {
	PIER_TLS_CLIENT,
	PIER_TLS_SERVER,
} pier_tls_side;

/* Goes over to TLS on an open stream, as STARTTLS does and a "tls://" conn at its beginning. Waits for the
 * handshake. `name` is who the peer must be (clients; NULL = .name of the context); `t` may be NULL
 * for clients. Nothing of the peer's may have been received beyond what was read: what came before
 * the handshake must not pass for what came after (-EPROTO). Returns 0, or what then sticks to `c`:
 * -PIER_EVERIFY, -PIER_ETLS, -ETIMEDOUT, -EPROTOTYPE (messages, or TLS already) …, and
 * pier_why(c) tells. Python: SSLContext.wrap_socket. RFC 3207 §4. */
PIER_API int pier_tls_start(pier_conn *c, pier_tls *t, pier_tls_side side, const char *name);

/* What was agreed on, and with whom. Texts are "" where there is nothing to tell. */
typedef struct pier_tls_facts {
	char version[16]; /* "TLSv1.3" */
	char cipher[64];  /* "TLS_AES_256_GCM_SHA384" */
	char alpn[64];	  /* cut there */
	char name[256];	  /* SNI: whom the client wanted */
	bool resumed;
	bool verified;	      /* the peer showed a certificate, and it was believed */
	char peer[256];	      /* its subject: "CN=a.example,O=…" (RFC 2253) */
	char peer_names[512]; /* "a.example, 127.0.0.1", cut there */
	char peer_sha256[65]; /* of the certificate, in hex */
	char peer_pin[64];    /* of its key, as .pin takes it */
	int64_t peer_expires; /* seconds since 1970 */
} pier_tls_facts;

/* Returns 0 with `out` filled, or -ENOTCONN for a conn without TLS.
 * Python: SSLSocket.getpeercert, version, cipher, selected_alpn_protocol. */
PIER_API int pier_tls_about(const pier_conn *c, pier_tls_facts *out);

/* The same in a line, owned by the conn: "TLSv1.3 TLS_AES_256_GCM_SHA384, with CN=a.example until
 * 2027-01-31"; "" without TLS. */
PIER_API const char *pier_tls_words(pier_conn *c);

/* New keys for what we send (TLS 1.3, RFC 8446 §4.6.3), with the next bytes sent; `both`: the peer must
 * renew its own too. OpenSSL does so by itself long before a key wears out. Returns 0, -ENOTCONN,
 * or -EPROTONOSUPPORT under TLS 1.2. */
PIER_API int pier_tls_rekey(pier_conn *c, bool both);

static inline void pier_tls_free_auto(pier_tls **t)
{
	pier_tls_free(*t);
}

PIER_END

#endif

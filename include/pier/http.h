/* HTTP/1.1 (RFC 9110, 9112) over any stream conn: the server's side and the client's.
 *
 * A server's conversation:
 *	pier_http *h = pier_http_new(c);
 *	while (pier_http_next(h, &request) > 0)
 *		answer it: pier_http_read the body, then pier_http_reply or start/send/end;
 *	pier_http_free(h);
 * What the handler leaves unread of a body is skipped (up to a limit, else the conn is not reused). */
#ifndef PIER_HTTP_H
#define PIER_HTTP_H

#include <pier/api.h>
#include <pier/bytes.h>
#include <pier/conn.h>

PIER_BEGIN

#define PIER_HTTP_HEAD_MAX   16384 /* bytes of a request or response head */
#define PIER_HTTP_FIELDS_MAX 64	   /* header fields in a head */

typedef struct pier_http_field {
	pier_bytes name, value;
} pier_http_field;

/* The head of a request or of a response; fields point into the conn's buffer and are good until
 * the body is read or the next head is asked for. */
typedef struct pier_http_head {
	/* request */
	pier_bytes method; /* "GET" */
	pier_bytes target; /* as sent: "/a%20b?x=1" */
	pier_bytes path;   /* before '?', still encoded */
	pier_bytes query;  /* after '?' */
	/* response */
	int status;
	pier_bytes reason;
	/* both */
	int minor;	  /* HTTP/1.minor */
	int64_t body_len; /* bytes of body to come; -1 = chunked or until the end: not known before */
	bool chunked;
	bool keep_alive;
	bool expects_continue;
	unsigned field_count;
	pier_http_field fields[PIER_HTTP_FIELDS_MAX]; /* beyond field_count: not written */
} pier_http_head;

/* The codec, pure: reads one head from `in`. Returns the bytes it takes, 0 when more is needed, or
 * -EPROTO, -EMSGSIZE (over the limits above), with `out` untouched. Rejects what request smuggling
 * lives on: both Content-Length and Transfer-Encoding, two lengths, white space before a colon,
 * bare CR, folded lines, and in requests bare LF. RFC 9112 §§2-6. */
PIER_API ssize_t pier_http_decode_request(pier_bytes in, pier_http_head *out);
PIER_API ssize_t pier_http_decode_response(pier_bytes in, pier_http_head *out);

/* The value of a field, name compared without case; p is NULL when absent. RFC 9110 §5.1. */
PIER_API pier_bytes pier_http_get(const pier_http_head *head, const char *name);

/* Undoes %XX into `into`, NUL-ended; that may be where `in` lies. Returns the length, or -EPROTO
 * for a broken or NUL escape, or -EMSGSIZE. RFC 3986 §2.1. */
PIER_API ssize_t pier_http_unescape(pier_bytes in, char *into, size_t room);
/* Encodes all but unreserved characters and '/', NUL-ended. Returns the length or -EMSGSIZE. */
PIER_API ssize_t pier_http_escape(pier_bytes in, char *into, size_t room);

/* One byte range of a file of `size` bytes: "bytes=0-99", "bytes=-5", "bytes=100-". Returns 1 with
 * first and count set, 0 when the field is to be ignored (absent, malformed, several ranges), or
 * -ERANGE when it cannot be satisfied (416). RFC 9110 §14. */
PIER_API int pier_http_range(pier_bytes field, int64_t size, int64_t *first, int64_t *count);

/* A time as an HTTP-date ("Sun, 06 Nov 1994 08:49:37 GMT") and back (-EPROTO). RFC 9110 §5.6.7. */
#define PIER_HTTP_DATE 32
PIER_API const char *pier_http_date(int64_t seconds, char into[PIER_HTTP_DATE]);
PIER_API int pier_http_date_parse(pier_bytes text, int64_t *seconds);

/* "Basic dXNlcjpwYXNz" into user and password, NUL-ended. Returns 0, -ENOENT when absent or another
 * scheme, -EPROTO, -EMSGSIZE. RFC 7617. */
PIER_API int pier_http_basic(pier_bytes authorization, char *user, size_t user_room, char *password,
			     size_t password_room);
/* The other way: the field's value for a client, NUL-ended. Returns the length, -EMSGSIZE, or
 * -EINVAL for a user with a colon or either with a control character. */
PIER_API ssize_t pier_http_basic_make(const char *user, const char *password, char *into,
				      size_t room);

/* ---- The server's side ------------------------------------------------------------------------- */

typedef struct pier_http pier_http;

/* A conversation over `c`, which stays the caller's. NULL when memory is out. */
PIER_API pier_http *pier_http_new(pier_conn *c);
PIER_API void pier_http_free(pier_http *h);

/* A conversation that its scope owns:	PIER_AUTO_HTTP *h = pier_http_open("http://localhost/"); */
#define PIER_AUTO_HTTP PIER_CLEANUP(pier_http_free_auto) pier_http

/* Waits for the next request; skips what was left of the last body. Returns 1 with `out` filled, 0
 * when the conn is done (peer ended, no keep-alive, server stopping), or an error. A malformed head
 * is answered (400, 413, 414, 417, 431, 501, 505), half a head that never grows whole as well
 * (408), and ends the conversation. A request that was not answered gets a 500. */
PIER_API int pier_http_next(pier_http *h, pier_http_head *out);

/* Reads of the request's (or response's) body what has arrived, at most `room`; sends "100
 * Continue" first when the client waits for it. Returns the count, 0 at the body's end,
 * -PIER_ETRUNCATED when the peer stopped inside it, -EPROTO for broken chunks (a server can still
 * answer), or an error. */
PIER_API ssize_t pier_http_read(pier_http *h, void *into, size_t room);

/* The whole answer in one: status, extra header lines ("A: b\r\nC: d\r\n" or NULL), content type
 * (NULL = none) and body. HEAD requests get no body. Date, length and Connection are added. Returns
 * 0 or an error: -EINVAL for lines that are not whole header lines or a second answer, -EMSGSIZE
 * above 8 KiB of them. */
PIER_API int pier_http_reply(pier_http *h, int status, const char *fields, const char *type,
			     pier_bytes body);

/* An answer whose body follows by pier_http_send, or by pier_sendfile_fd on the conn: exactly `len`
 * bytes (-1: chunked, or for HTTP/1.0 up to the end of the conn). pier_http_end ends a chunked
 * body; one that was not ended, or too short, ends the conn. What is sent after a HEAD goes
 * nowhere, except by sendfile: leave that out. More than `len` is -EMSGSIZE. `fields` as above. */
PIER_API int pier_http_start(pier_http *h, int status, const char *fields, const char *type,
			     int64_t len);
PIER_API ssize_t pier_http_send(pier_http *h, const void *p, size_t n);
PIER_API int pier_http_end(pier_http *h);

/* An interim answer: 100-199, with fields. RFC 9110 §15.2. */
PIER_API int pier_http_inform(pier_http *h, int status, const char *fields);

/* After this answer the conn is not reused. */
PIER_API void pier_http_last(pier_http *h);

/* The conn below. */
PIER_API pier_conn *pier_http_conn(pier_http *h);

/* The usual words for a status: 404 → "Not Found". */
PIER_API const char *pier_http_reason(int status);

/* ---- The client's side ------------------------------------------------------------------------- */

/* An http:// URL in parts, pointing into `url`; userinfo is given apart. Returns 0 or -PIER_EURL. */
typedef struct pier_http_url {
	pier_bytes user, password; /* still %-encoded; p is NULL when absent */
	pier_bytes host; /* may be of any language: pier_name_ascii makes what a Host field takes */
	uint16_t port;
	pier_bytes target; /* path and query, at least "/", or "?query" */
	bool tls;	   /* https: */
} pier_http_url;
PIER_API int pier_http_url_parse(const char *url, pier_http_url *out);

/* Dials the server of an http:// or https:// URL (without userinfo) and asks for what it names: a GET, whose answer
 * pier_http_answer and pier_http_read bring. Waits for the connection. The conn belongs to the conversation
 * and ends with it. NULL only when memory is out; what else fails (-PIER_EURL …) is told by pier_http_answer, and
 * pier_why(pier_http_conn(h)) has the sentence. Redirects are answers like others.
 * Python: urllib.request.urlopen. RFC 9110 §4.2, §7.2. */
PIER_API pier_http *pier_http_open_with(const char *url, const pier_dial_opts *opts);
#define pier_http_open(url, ...)                                                                   \
	pier_http_open_with((url), &(pier_dial_opts){.size = sizeof(pier_dial_opts), ##__VA_ARGS__})

/* Sends a request head: method, target, Host from `host`, further lines in `fields`. `body_len` ≥ 0
 * adds Content-Length; -1: no body; -2: chunked. The body follows by pier_http_send, ended by
 * pier_http_end. What was left of the last answer is skipped. Returns 0, -EINVAL for what is no
 * request, -EBUSY before the last answer was asked for, -EPIPE when the server keeps the conn no
 * longer, or an error. */
PIER_API int pier_http_ask(pier_http *h, const char *method, pier_bytes target, const char *host,
			   const char *fields, int64_t body_len);

/* Waits for the response's head; interim 1xx answers other than 101 are given to `on_interim`
 * (NULL: dropped), which may send the body that a 100 invites. Then pier_http_read reads its body.
 * Returns 1, or an error (-PIER_ETRUNCATED when the server closed instead). */
PIER_API int pier_http_answer(pier_http *h, pier_http_head *out,
			      void (*on_interim)(const pier_http_head *, void *), void *arg);

static inline void pier_http_free_auto(pier_http **h)
{
	pier_http_free(*h);
}

PIER_END

#endif

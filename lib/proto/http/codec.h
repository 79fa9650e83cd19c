/* The pure half of HTTP/1.1: bytes to heads. Nothing here waits, sends or allocates. */
#ifndef HTTP_CODEC_H
#define HTTP_CODEC_H

#include <pier/error.h>
#include <pier/http.h>

/* Why a head is refused: the status a server answers, and a sentence for a person. */
struct refusal {
	int status;
	const char *why;
};

/* Sets `no` and returns `err`, so that refusing is one statement. */
static inline int refuse(struct refusal *no, int err, int status, const char *why)
{
	*no = (struct refusal){status, why};
	return err;
}

/* As pier_http_decode_request and _response; on an error `no` tells why. */
typedef ssize_t http_decoder(pier_bytes in, pier_http_head *out, struct refusal *no);
http_decoder pier_http_read_request, pier_http_read_response;

/* What the fields say about the message: its length, and whether the conn lives on. RFC 9112 §6.3,
 * §9.3. Returns 0, or -EPROTO with `no` set. */
int pier_http_frame_request(pier_http_head *head, struct refusal *no);
int pier_http_frame_response(pier_http_head *head, struct refusal *no);

/* One field line without its end. Returns 0 or -EPROTO. RFC 9112 §5. */
int pier_http_read_field(pier_bytes line, pier_http_field *out, struct refusal *no);

/* True when `fields` is whole field lines, each ended by CR LF, and nothing else: what may stand in
 * a head that we send. A value that a stranger chose cannot end the head or add a line unnoticed.
 */
bool pier_http_fields_sound(const char *fields);

#endif

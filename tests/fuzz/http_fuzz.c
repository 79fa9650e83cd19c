/* Everything in HTTP that reads a stranger's bytes. Beyond "no crash": what is taken lies inside
 * the input, what is taken whole is not taken earlier, and what comes back was what went. */
#include "proto/http/chunked.h"
#include "proto/http/codec.h"

#include <pier/http.h>
#include <stdlib.h>
#include <string.h>

#define MUST(cond) ((cond) ? (void)0 : abort())

/* A copy in a block of its own size, so that a sanitizer sees a read past its end. */
static char *exact(pier_bytes b)
{
	char *copy = malloc(b.len ? b.len : 1);
	MUST(copy);
	if (b.len > 0)
		memcpy(copy, b.p, b.len);
	return copy;
}

/* ---- Heads ------------------------------------------------------------------------------------- */

typedef ssize_t decoder(pier_bytes in, pier_http_head *out);

static void check_inside(pier_bytes view, pier_bytes in, bool or_static)
{
	if (!view.p || (or_static && view.len <= 1))
		return;
	MUST(view.p >= in.p && view.len <= in.len && view.p + view.len <= in.p + in.len);
}

static void check_head(const pier_http_head *h, pier_bytes taken)
{
	check_inside(h->method, taken, false);
	check_inside(h->target, taken, false);
	check_inside(h->path, taken, true); /* "/" when the target has none */
	check_inside(h->query, taken, false);
	check_inside(h->reason, taken, true);
	MUST(h->field_count <= PIER_HTTP_FIELDS_MAX);
	for (unsigned i = 0; i < h->field_count; i++) {
		check_inside(h->fields[i].name, taken, false);
		check_inside(h->fields[i].value, taken, false);
		MUST(h->fields[i].name.len > 0);
		MUST(!h->fields[i].value.len ||
		     !memchr(h->fields[i].value.p, '\n', h->fields[i].value.len));
	}
	MUST(h->body_len >= -1 && (!h->chunked || h->body_len == -1));
}

static ssize_t decode_cut(decoder *decode, pier_bytes in, size_t len)
{
	static pier_http_head head;
	char *copy = exact(pier_bytes_of(in.p, len));
	ssize_t used = decode(pier_bytes_of(copy, len), &head);

	if (used > 0)
		check_head(&head, pier_bytes_of(copy, (size_t)used));
	free(copy);
	return used;
}

static void fuzz_head(decoder *decode, pier_bytes in)
{
	ssize_t used = decode_cut(decode, in, in.len);

	if (used > 0) {
		MUST((size_t)used <= in.len && used <= PIER_HTTP_HEAD_MAX);
		MUST(decode_cut(decode, in, (size_t)used) == used);
		MUST(decode_cut(decode, in, (size_t)used - 1) == 0);
		MUST(decode_cut(decode, in, (size_t)used / 2) == 0);
	} else if (used == 0) {
		MUST(in.len < PIER_HTTP_HEAD_MAX);
		MUST(in.len == 0 || decode_cut(decode, in, in.len - 1) == 0);
	}
}

/* ---- Chunks ------------------------------------------------------------------------------------ */

struct result {
	ssize_t end; /* bytes taken when done, 0 when more is needed, or an error */
	size_t len;
	char *data;
};

/* What arrives in pieces of `step` bytes, and is kept until it is taken. */
static struct result decode_chunks(pier_bytes in, size_t step)
{
	struct result r = {.data = malloc(in.len + 1)};
	struct chunks c = {0};
	size_t at = 0, end = 0;

	while (c.at != CHUNK_DONE && r.end >= 0) {
		pier_bytes data, rest = pier_bytes_of(in.p + at, end - at);
		char *copy = exact(rest);
		ssize_t used = pier_http_take_chunk(&c, pier_bytes_of(copy, rest.len), &data);
		MUST(used <= (ssize_t)rest.len);
		if (data.len > 0)
			memcpy(r.data + r.len, data.p, data.len);
		r.len += data.len;
		free(copy);
		if (used < 0)
			r.end = used;
		else if (used == 0 && end == in.len)
			break;
		else if (used == 0)
			end = in.len - end < step ? in.len : end + step;
		at += used > 0 ? (size_t)used : 0;
	}
	if (c.at == CHUNK_DONE)
		r.end = (ssize_t)at;
	return r;
}

static void fuzz_chunks(pier_bytes in)
{
	size_t odd = in.len ? 2 + (uint8_t)in.p[0] % 61 : 2;
	struct result whole = decode_chunks(in, in.len + 1);

	if (in.len > 4096)
		odd += 100; /* pieces are copied, so many small ones of a large input take long */
	for (int i = 0; i < 2; i++) {
		struct result pieces = decode_chunks(in, i == 0 && in.len <= 4096 ? 1 : odd);
		MUST(pieces.end == whole.end && pieces.len == whole.len);
		MUST(memcmp(pieces.data, whole.data, whole.len) == 0);
		free(pieces.data);
	}
	free(whole.data);
}

/* ---- The small parts --------------------------------------------------------------------------- */

static void fuzz_range(pier_bytes in)
{
	static const int64_t sizes[] = {0, 1, 100, INT64_MAX};

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		int64_t first, count;
		if (pier_http_range(in, sizes[i], &first, &count) == 1)
			MUST(first >= 0 && count > 0 && first <= sizes[i] - count);
	}
}

static void fuzz_date(pier_bytes in)
{
	char text[PIER_HTTP_DATE];
	int64_t when, again;

	if (pier_http_date_parse(in, &when) < 0)
		return;
	if (when <= 253402300799) { /* a leap second may be the first of the year 10000 */
		MUST(pier_http_date_parse(pier_text(pier_http_date(when, text)), &again) == 0);
		MUST(again == when);
	}
}

static void fuzz_escapes(pier_bytes in)
{
	size_t room = 3 * in.len + 1;
	char *plain = malloc(room), *escaped = malloc(room), *again = malloc(room);
	ssize_t len = pier_http_unescape(in, plain, in.len + 1);

	if (len >= 0) {
		MUST(strlen(plain) == (size_t)len);
		MUST(pier_http_escape(pier_bytes_of(plain, (size_t)len), escaped, room) >= 0);
		MUST(pier_http_unescape(pier_text(escaped), again, (size_t)len + 1) == len);
		MUST(strcmp(plain, again) == 0);
		MUST(pier_http_unescape(in, again, (size_t)len) == -EMSGSIZE);
	}
	free(plain);
	free(escaped);
	free(again);
}

static void fuzz_basic(pier_bytes in)
{
	char user[1024], password[1024], made[2048], user2[1024], password2[1024];

	if (pier_http_basic(in, user, sizeof(user), password, sizeof(password)) < 0)
		return;
	MUST(pier_http_basic_make(user, password, made, sizeof(made)) > 0);
	MUST(pier_http_basic(pier_text(made), user2, strlen(user) + 1, password2,
			     strlen(password) + 1) == 0);
	MUST(strcmp(user, user2) == 0 && strcmp(password, password2) == 0);
}

static void fuzz_url(pier_bytes in)
{
	char *url = malloc(in.len + 1);
	pier_http_url u;

	if (in.len > 0)
		memcpy(url, in.p, in.len);
	url[in.len] = '\0';
	pier_bytes whole = pier_text(url);
	if (pier_http_url_parse(url, &u) == 0) {
		MUST(u.host.len > 0 && u.port > 0 && u.target.len > 0);
		MUST(*u.target.p == '/' || *u.target.p == '?');
		check_inside(u.host, whole, false);
		check_inside(u.user, whole, false);
		check_inside(u.password, whole, false);
		check_inside(u.target, whole, true); /* "/" when there is none */
	}
	(void)pier_http_fields_sound(url);
	free(url);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *copy = exact(pier_bytes_of(data, size));
	pier_bytes in = {copy, size};

	fuzz_head(pier_http_decode_request, in);
	fuzz_head(pier_http_decode_response, in);
	fuzz_chunks(in);
	fuzz_range(in);
	fuzz_date(in);
	fuzz_escapes(in);
	fuzz_basic(in);
	fuzz_url(in);
	free(copy);
	return 0;
}

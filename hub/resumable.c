/* Resumable uploads, request by request. */
#include "resumable.h"

#include <inttypes.h>
#include <stdio.h>

#include "files.h"
#include "intake.h"

#define PROBLEM	     "https://iana.org/assignments/http-problem-types#"
#define LIFE_EVERY   PIER_S(5) /* a sign of life while an upload is hashed */
#define PROBLEM_TEXT 512

/* What a request says of the upload. RFC 9651: "?0", "?1"; integers. */
struct saying {
	bool has_complete, complete;
	int64_t offset, length; /* -1 = not said */
	int64_t body_len;
	bool interim; /* the client knows 104 */
};

bool upload_is_target(pier_bytes path)
{
	return pier_bytes_starts(path, TARGET_UPLOADS);
}

const char *upload_limit(const struct hub *hub, char into[UPLOAD_LIMIT_MAX])
{
	snprintf(into, UPLOAD_LIMIT_MAX, "max-size=%" PRId64 ", max-age=%" PRId64,
		 hub->opts.upload_max, UPLOAD_AGE / PIER_S(1));
	return into;
}

/* A value that is no integer of RFC 9651 §3.3.1 (15 digits) makes the field as good as absent. */
static int64_t integer(pier_bytes field)
{
	int64_t n = 0;

	if (!field.p || field.len < 1 || field.len > 15)
		return -1;
	for (size_t i = 0; i < field.len; i++) {
		if (field.p[i] < '0' || field.p[i] > '9')
			return -1;
		n = n * 10 + (field.p[i] - '0');
	}
	return n;
}

static struct saying hear(const struct visit *v)
{
	pier_bytes complete = pier_http_get(&v->ask, "Upload-Complete");
	struct saying s = {
		.has_complete = pier_bytes_eq(complete, "?0") || pier_bytes_eq(complete, "?1"),
		.complete = pier_bytes_eq(complete, "?1"),
		.offset = integer(pier_http_get(&v->ask, "Upload-Offset")),
		.length = integer(pier_http_get(&v->ask, "Upload-Length")),
		.body_len = v->ask.body_len,
	};
	s.interim = s.has_complete;
	return s;
}

static int problem(struct visit *v, int status, const char *fields, const char *type,
		   const char *members)
{
	char text[PROBLEM_TEXT];

	snprintf(text, sizeof text, "{\"type\":\"" PROBLEM "%s\"%s}\n", type, members);
	return pier_http_reply(v->http, status, fields, "application/problem+json",
			       pier_text(text));
}

static int wrong_offset(struct visit *v, int64_t is, int64_t said)
{
	char members[128];
	struct fields f = {0};

	fields_add(&f, "Upload-Complete: ?0\r\nUpload-Offset: %" PRId64 "\r\n", is);
	snprintf(members, sizeof members,
		 ",\"title\":\"the upload is elsewhere\",\"expected-offset\":%" PRId64
		 ",\"provided-offset\":%" PRId64,
		 is, said);
	return problem(v, 409, f.text, "mismatching-upload-offset", members);
}

static int wrong_length(struct visit *v)
{
	return problem(v, 400, NULL, "inconsistent-upload-length",
		       ",\"title\":\"the lengths that were said differ\"");
}

/* ---- One upload, held by this request ------------------------------------------------------ */

struct holding {
	struct visit *visit;
	struct upload *upload;
	int fd;
	int64_t size;  /* of the partial file: the offset */
	int64_t alive; /* when the client last heard from us */
	bool interim;
};

static int hold(struct holding *h)
{
	pier_file_info info;

	h->fd = pier_file_open(h->visit->hub->partial, h->upload->id, PIER_WRITE);
	if (h->fd < 0)
		return h->fd;
	int err = pier_file_fstat(h->fd, &info);
	if (err == 0)
		h->size = info.size;
	return err;
}

/* Lets go of the upload, if it still is one. */
static void let_go(struct holding *h)
{
	pier_file_info info;

	PIER_SHIELD (PIER_S(10)) {
		if (h->fd >= 0 && pier_file_fstat(h->fd, &info) == 0)
			h->size = info.size;
		if (h->fd >= 0)
			pier_file_close(h->fd);
	}
	if (h->upload)
		uploads_release(h->visit->hub->uploads, h->upload, h->size);
	h->upload = NULL;
}

/* The upload is over, well or not. */
static void give_up(struct holding *h)
{
	uploads_end(h->visit->hub->uploads, h->upload);
	h->upload = NULL;
}

static void add_state(struct fields *f, const struct holding *h)
{
	char limit[UPLOAD_LIMIT_MAX];

	fields_add(f, "Upload-Complete: ?0\r\nUpload-Offset: %" PRId64 "\r\nUpload-Limit: %s\r\n",
		   h->size, upload_limit(h->visit->hub, limit));
	if (h->upload->terms.length >= 0)
		fields_add(f, "Upload-Length: %" PRId64 "\r\n", h->upload->terms.length);
	fields_add(f, "Cache-Control: no-store\r\n");
}

/* ---- Bytes --------------------------------------------------------------------------------- */

static int watch(int64_t received, void *arg)
{
	struct holding *h = arg;

	(void)received;
	return uploads_superseded(h->visit->hub->uploads, h->upload) ? -ECONNABORTED : 0;
}

/* Appends the body. The running digest goes along when it is as far as the file; else it catches up at
 * the end. Returns 0, or an error; what came is in the file. */
static int append(struct holding *h, int64_t body_len)
{
	struct upload *up = h->upload;
	int64_t upload_max = h->visit->hub->opts.upload_max;

	if (h->size == 0 && !up->hasher.sha256 && hasher_init(&up->hasher, DIGEST_BOTH) == 0)
		up->hashed = 0;
	bool along = up->hasher.sha256 && up->hashed == h->size;
	struct intake in = {
		.http = h->visit->http,
		.conn = h->visit->conn,
		.fd = h->fd,
		.at = h->size,
		.max = up->terms.length >= 0 ? up->terms.length : upload_max,
		.left = body_len,
		.hasher = along ? &up->hasher : NULL,
		.idle = BODY_IDLE,
		.floor = BODY_FLOOR,
		.watch = watch,
		.arg = h,
	};

	h->visit->body = BODY_BEGUN;
	int err = intake_run(&in);
	if (err == 0)
		h->visit->body = BODY_WHOLE;
	h->size = in.at;
	if (along)
		up->hashed = in.at;
	if (in.torn) {
		hasher_done(&up->hasher);
		up->hashed = 0;
	}
	return err;
}

/* A client that waits for a long digest should see that we live: draft §5, 104. */
static int tell_alive(int64_t offset, void *arg)
{
	struct holding *h = arg;

	(void)offset;
	if (!h->interim || pier_now() - h->alive < LIFE_EVERY)
		return 0;
	h->alive = pier_now();
	struct fields f = {0};
	fields_add(&f, "Upload-Offset: %" PRId64 "\r\n", h->size);
	return pier_http_inform(h->visit->http, 104, f.text);
}

static int digest_all(struct holding *h, struct digests *out)
{
	struct upload *up = h->upload;

	if (!up->hasher.sha256) {
		int err = hasher_init(&up->hasher, DIGEST_BOTH);
		if (err < 0)
			return err;
		up->hashed = 0;
	}
	h->alive = pier_now();
	int err = hasher_add_file(&up->hasher, h->fd, up->hashed, h->size, tell_alive, h);
	if (err < 0) {
		hasher_done(&up->hasher);
		return err;
	}
	hasher_end(&up->hasher, out);
	hasher_done(&up->hasher);
	return 0;
}

/* All has come: check it and put it into its place. A digest that differs ends the upload, since more
 * bytes cannot mend it, and a disk that fails; a full disk or a stop of the hub does not. */
static int complete(struct holding *h)
{
	const struct terms *t = &h->upload->terms;
	struct visit *v = h->visit;
	struct digests digests;
	pier_file_info info;

	int err = digest_all(h, &digests);
	if (err < 0)
		return visit_fail(v, err);
	err = promise_check(&t->promise, &digests);
	if (err == 0 && t->fresh && pier_file_stat(v->hub->files, t->path, &info) == 0)
		err = -EEXIST;
	if (err == 0)
		err = files_publish(v, h->fd, h->upload->id, t->path, &digests,
				    "Upload-Complete: ?1\r\n");
	if (err == 0 || err == -PIER_EDIGEST || err == -EIO || err == -EEXIST || err == -EISDIR)
		give_up(h);
	return err < 0 ? visit_fail(v, err) : 0;
}

/* Takes the request's body as the next bytes. Answers. */
static int take_body(struct holding *h, const struct saying *s)
{
	struct visit *v = h->visit;
	struct uploads *uploads = v->hub->uploads;

	if (s->body_len != 0) {
		int body = uploads_body_begin(uploads, v->user);
		if (body < 0)
			return visit_fail(v, body);
		int err = append(h, s->body_len);
		uploads_body_end(uploads, body);
		if (err == -EFBIG && h->upload->terms.length >= 0) {
			pier_http_last(v->http);
			give_up(h); /* the draft, "Upload Append": it is invalid from now on */
			return wrong_length(v);
		}
		if (err == -EIO)
			give_up(h); /* nobody knows what of it the disk has */
		if (err < 0)
			return visit_fail_body(v, err);
	}
	if (s->complete) {
		if (h->upload->terms.length >= 0 && h->size != h->upload->terms.length)
			return wrong_length(v);
		return complete(h);
	}
	struct fields f = {0};
	add_state(&f, h);
	return visit_bare(v, 204, f.text);
}

/* ---- The beginning ------------------------------------------------------------------------- */

static void add_location(struct fields *f, const struct upload *up)
{
	fields_add(f, "Location: " TARGET_UPLOADS "%s\r\n", up->id);
}

/* What the client promises about the whole. Returns 0, or 1 when it has been refused. */
static int agree(struct visit *v, const struct saying *s, struct terms *t)
{
	pier_bytes none = pier_http_get(&v->ask, "If-None-Match");

	*t = (struct terms){.length = s->length, .fresh = pier_bytes_eq(none, "*")};
	snprintf(t->user, sizeof t->user, "%s", v->user);
	snprintf(t->path, sizeof t->path, "%s", v->target.path);
	if (s->complete && s->body_len >= 0) {
		if (t->length >= 0 && t->length != s->body_len)
			return wrong_length(v) ?: 1;
		t->length = s->body_len;
	}
	if (t->length > v->hub->opts.upload_max)
		return visit_fail(v, -EFBIG) ?: 1;
	if (s->body_len > 0 && t->length >= 0 && s->body_len > t->length)
		return wrong_length(v) ?: 1;
	if (promise_read(pier_http_get(&v->ask, "Repr-Digest"), &t->promise) < 0)
		return visit_say(v, 400, NULL, "Repr-Digest is malformed; write sha-256=:BASE64:")
			       ?: 1;
	return 0;
}

/* An empty beginning takes up what was there; one with bytes begins at the first byte again. */
static int begin_at(struct holding *h, const struct saying *s)
{
	struct fields f = {0};

	if (s->body_len == 0 && !s->complete) {
		add_location(&f, h->upload);
		add_state(&f, h);
		return visit_bare(h->visit, 201, f.text);
	}
	if (h->size > 0 && s->body_len != 0) {
		pier_file_close(h->fd);
		h->fd = pier_file_open(h->visit->hub->partial, h->upload->id,
				       PIER_WRITE | PIER_TRUNCATE);
		if (h->fd < 0)
			return visit_fail(h->visit, h->fd);
		hasher_done(&h->upload->hasher);
		h->upload->hashed = h->size = 0;
	}
	char limit[UPLOAD_LIMIT_MAX];
	add_location(&f, h->upload);
	fields_add(&f, "Upload-Limit: %s\r\n", upload_limit(h->visit->hub, limit));
	int err = pier_http_inform(h->visit->http, 104, f.text);
	return err < 0 ? err : take_body(h, s);
}

int resumable_begin(struct visit *v)
{
	struct holding h = {.visit = v, .fd = -1, .interim = true};
	struct saying s = hear(v);
	struct terms terms;

	if (!s.has_complete)
		return visit_say(v, 400, NULL, "Upload-Complete is ?0 or ?1");
	int refused = files_refuse(v) ?: agree(v, &s, &terms);
	if (refused)
		return refused < 0 ? refused : 0;
	int err = uploads_begin(v->hub->uploads, &terms, &h.upload);
	if (err < 0)
		return visit_fail(v, err);
	err = hold(&h);
	if (err == -ENOENT)
		give_up(&h);
	err = err < 0 ? visit_fail(v, err) : begin_at(&h, &s);
	let_go(&h);
	return err;
}

int resumable_create(struct visit *v)
{
	if (!pier_http_get(&v->ask, "Upload-Complete").p)
		return visit_say(v, 405, "Allow: GET, HEAD, PUT, DELETE, OPTIONS\r\n",
				 "POST begins a resumable upload, and needs Upload-Complete; "
				 "a whole file goes by PUT");
	int known = visit_login(v);
	return known <= 0 ? known : resumable_begin(v);
}

/* ---- The upload's own resource ------------------------------------------------------------- */

static int answer_head(struct holding *h)
{
	struct fields f = {0};

	add_state(&f, h);
	return visit_bare(h->visit, 204, f.text);
}

/* A length that becomes known must be the one that was known. Returns 0, or 1 when refused. */
static int agree_length(struct holding *h, const struct saying *s)
{
	struct terms *t = &h->upload->terms;
	int64_t now = s->length;

	if (s->complete && s->body_len >= 0) {
		if (now >= 0 && now != h->size + s->body_len)
			return wrong_length(h->visit) ?: 1;
		now = h->size + s->body_len;
	}
	if ((now >= 0 && t->length >= 0 && now != t->length) ||
	    (t->length >= 0 && s->body_len > t->length - h->size))
		return wrong_length(h->visit) ?: 1;
	if (now > h->visit->hub->opts.upload_max)
		return visit_fail(h->visit, -EFBIG) ?: 1;
	if (now >= 0 && t->length < 0) {
		t->length = now;
		int err = uploads_note(h->visit->hub->uploads, h->upload);
		if (err < 0)
			return visit_fail(h->visit, err) ?: 1;
	}
	return 0;
}

static int answer_patch(struct holding *h)
{
	struct visit *v = h->visit;
	struct saying s = hear(v);

	if (!pier_bytes_eq(pier_http_get(&v->ask, "Content-Type"), "application/partial-upload"))
		return visit_say(v, 415, "Accept-Patch: application/partial-upload\r\n",
				 "send application/partial-upload");
	if (!s.has_complete || s.offset < 0)
		return visit_say(v, 400, NULL,
				 "Upload-Offset and Upload-Complete (?0 or ?1) are needed");
	if (s.offset != h->size)
		return wrong_offset(v, h->size, s.offset);
	h->interim = true;
	int refused = agree_length(h, &s);
	if (refused)
		return refused < 0 ? refused : 0;
	return take_body(h, &s);
}

static int answer_delete(struct holding *h)
{
	give_up(h);
	return visit_bare(h->visit, 204, NULL);
}

int resumable_answer(struct visit *v)
{
	struct holding h = {.visit = v, .fd = -1};
	char id[UPLOAD_ID + 1] = "";
	size_t skip = strlen(TARGET_UPLOADS);

	if (visit_is(v, "OPTIONS"))
		return visit_bare(v, 204,
				  "Allow: HEAD, PATCH, DELETE, OPTIONS\r\n"
				  "Accept-Patch: application/partial-upload\r\n");
	int known = visit_login(v);
	if (known <= 0)
		return known;
	int (*answer)(struct holding *) = visit_is(v, "HEAD")	  ? answer_head
					  : visit_is(v, "PATCH")  ? answer_patch
					  : visit_is(v, "DELETE") ? answer_delete
								  : NULL;
	if (!answer)
		return visit_say(v, 405, "Allow: HEAD, PATCH, DELETE, OPTIONS\r\n",
				 "an upload knows HEAD, PATCH, DELETE");
	if (v->ask.path.len == skip + UPLOAD_ID)
		memcpy(id, v->ask.path.p + skip, UPLOAD_ID);
	int err = uploads_claim(v->hub->uploads, id, v->user, &h.upload);
	if (err == -ENOENT)
		return visit_say(v, 404, NULL,
				 "no such upload of yours; it may be complete, given up, "
				 "or too old");
	if (err == 0)
		err = hold(&h);
	if (err == -ENOENT) /* someone cleared partial/ under us */
		give_up(&h);
	err = err < 0 ? visit_fail(v, err) : answer(&h);
	let_go(&h);
	return err;
}

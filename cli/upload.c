/* Storing a file: hash it, see whether it is there, begin or take up an upload, send what is missing.
 *
 *	HEAD /path                                      is it there already?
 *	POST /path    Upload-Complete: ?0, Repr-Digest  begins, or finds what an earlier run began
 *	PATCH upload  Upload-Offset                     the rest; after a cut again from POST
 *
 * A server that does not know the POST gets one PUT. */
#include "upload.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "command.h"
#include "local.h"

#define SMALL_MAX                                                                                  \
	(1 << 20) /* up to here a PUT again costs no more than finding out where it stopped */
#define SLICE	  (4 << 20) /* bytes between looks at progress, and at a server that answers early */
#define DIGESTING PIER_MIN(30) /* how long a server may hash what it got */

struct task {
	struct put_file *p;
	struct web web;
	struct local local;
	int fd;
	pier_file_info info;
	bool plain;		  /* the server knows no resumable uploads */
	bool refused;		  /* what was sent last, by an answer */
	char upload[WEB_URL_MAX]; /* target of the upload's resource */
	struct progress progress;
};

enum outcome {
	STORED,
	AGAIN,
	OVER,
	ABSENT /* not there, or not known there */
};

static int over(struct task *t, int status, const char *format, ...) PIER_PRINTF(3, 4);
static int over(struct task *t, int status, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(t->p->why, sizeof t->p->why, format, args);
	va_end(args);
	return status;
}

static enum outcome failed(struct task *t, int err, int *status)
{
	*status = over(t, (int)status_of(err), "%s", t->web.why);
	return web_may_pass(&t->web, err) ? AGAIN : OVER;
}

static enum outcome refused(struct task *t, const pier_http_head *head, int *status)
{
	int http = head->status;

	*status = over(t, web_exit_status(http), "%s", web_refusal(&t->web, head));
	return web_status_may_pass(http) ? AGAIN : OVER;
}

/* ---- Before -------------------------------------------------------------------------------- */

static int told(int64_t offset, void *arg)
{
	struct task *t = arg;
	progress_at(&t->progress, offset);
	return 0;
}

static int hash(struct task *t)
{
	char what[300];

	snprintf(what, sizeof what, "hashing %s", t->local.name);
	progress_begin(&t->progress, t->p->quiet, what, 0, t->info.size);
	int err = digest_file(t->fd, t->info.size, DIGEST_SHA256, told, t, &t->p->digests);
	progress_end(&t->progress);
	return err;
}

/* Did an earlier run, or its lost answer, bring it already? A server that cannot tell is no fault. */
static enum outcome look(struct task *t, int *status)
{
	pier_http_head head = {0};
	struct promise is = {0};
	int64_t size = -1;

	for (int ask = 0; ask < 2; ask++) {
		/* Asked for a digest, a server may have to hash; that is worth it for the same size only. */
		const char *fields = ask ? "Want-Repr-Digest: sha-256=10\r\n" : "";
		int err = web_fetch(&t->web, "HEAD", (pier_bytes){0}, fields, &head);
		if (err < 0)
			return failed(t, err, status);
		if (head.status != 200)
			return ABSENT;
		size = web_number(&head, "Content-Length");
		promise_read(pier_http_get(&head, "Repr-Digest"), &is);
		if (size != t->info.size || is.has_sha256)
			break;
	}
	is.has_md5 = false; /* ours is not known */
	bool same =
		size == t->info.size && is.has_sha256 && promise_check(&is, &t->p->digests) == 0;
	if (same)
		t->p->there = t->p->checked = true;
	return same ? STORED : ABSENT;
}

/* ---- The body ------------------------------------------------------------------------------ */

/* Sends bytes from `offset` to the end. A server that answers before all is sent does not want the
 * rest: 1 then, and its answer is next. */
static int send_rest(struct task *t, int64_t offset)
{
	progress_begin(&t->progress, t->p->quiet, t->local.name, offset, t->info.size);
	while (offset < t->info.size) {
		int64_t left = t->info.size - offset;
		int64_t n =
			pier_sendfile_fd(t->web.conn, t->fd, offset, left < SLICE ? left : SLICE);
		if (n < 0)
			return (int)n;
		offset += n;
		t->p->sent += n;
		progress_at(&t->progress, offset);
		if (offset < t->info.size && pier_poll(t->web.conn, 0) > 0)
			return 1;
	}
	return 0;
}

/* The answer to a body; `sent` is what send_rest returned. */
static int answer(struct task *t, int sent, pier_http_head *head)
{
	if (sent < 0)
		return web_drop(&t->web, sent);
	/* Bytes left unsent make the conn worth one answer. */
	if (sent > 0)
		pier_http_last(t->web.http);
	pier_set_timeouts(t->web.conn, DIGESTING, t->p->timeout);
	int err = web_answer(&t->web, head);
	if (err == 0)
		pier_set_timeouts(t->web.conn, t->p->timeout, t->p->timeout);
	return err;
}

/* The server's own words for what it stored. */
static enum outcome verify(struct task *t, const pier_http_head *head, int *status)
{
	struct promise is = {0};
	pier_file_info now = {0};

	promise_read(pier_http_get(head, "Repr-Digest"), &is);
	is.has_md5 = false;
	if (promise_check(&is, &t->p->digests) < 0) {
		*status = over(t, STATUS_EXPECT,
			       "%s: the server stored something else (digest differs)", t->p->path);
		return OVER;
	}
	if (pier_file_fstat(t->fd, &now) == 0 &&
	    (now.mtime != t->info.mtime || now.size != t->info.size)) {
		*status = over(t, STATUS_EXPECT, "%s: it changed while it was sent", t->p->path);
		return OVER;
	}
	t->p->checked = is.has_sha256;
	return STORED;
}

/* What the server says of the whole. A 400 for a digest that differs is our file changing under us. */
static enum outcome judge(struct task *t, const pier_http_head *head, int *status)
{
	pier_file_info now = {0};

	if (head->status >= 200 && head->status < 300)
		return verify(t, head, status);
	t->refused = true;
	enum outcome outcome = refused(t, head, status);
	if (head->status == 400 && pier_file_fstat(t->fd, &now) == 0 &&
	    (now.mtime != t->info.mtime || now.size != t->info.size))
		*status = over(t, STATUS_EXPECT, "%s: it changed while it was sent", t->p->path);
	return outcome;
}

/* ---- Plain --------------------------------------------------------------------------------- */

static enum outcome put_plain(struct task *t, int *status)
{
	char fields[256], digest[DIGEST_FIELD_MAX];
	pier_http_head head = {0};

	snprintf(fields, sizeof fields, "Repr-Digest: %s\r\n",
		 digest_field(&t->p->digests, DIGEST_SHA256, digest));
	int err = web_ask(&t->web, "PUT", (pier_bytes){0}, fields, t->info.size);
	if (err == 0)
		err = answer(t, send_rest(t, 0), &head);
	return err < 0 ? failed(t, err, status) : judge(t, &head, status);
}

/* ---- Resumable ----------------------------------------------------------------------------- */

/* The upload's resource must be on the same server: our password goes there. */
static bool take_location(struct task *t, const pier_http_head *head)
{
	pier_bytes to = pier_http_get(head, "Location");
	char ours[WEB_URL_MAX];
	size_t skip = 0;

	snprintf(ours, sizeof ours, "http://%s%.*s%s:%u/",
		 memchr(t->web.url.host.p, ':', t->web.url.host.len) ? "[" : "",
		 (int)t->web.url.host.len, t->web.url.host.p,
		 memchr(t->web.url.host.p, ':', t->web.url.host.len) ? "]" : "", t->web.url.port);
	if (to.p && pier_bytes_starts(to, ours))
		skip = strlen(ours) - 1;
	if (!to.p || to.len - skip < 2 || to.p[skip] != '/' || to.p[skip + 1] == '/' ||
	    to.len >= sizeof t->upload)
		return false;
	snprintf(t->upload, sizeof t->upload, "%.*s", (int)(to.len - skip), to.p + skip);
	return true;
}

/* Begins, or takes up: STORED with the offset so far; ABSENT when the server has no idea of resumable
 * uploads. */
static enum outcome begin(struct task *t, int64_t *offset, int *status)
{
	char fields[512], digest[DIGEST_FIELD_MAX];
	pier_http_head head = {0};

	snprintf(fields, sizeof fields,
		 "Upload-Complete: ?0\r\nUpload-Length: %" PRId64 "\r\nRepr-Digest: %s\r\n",
		 t->info.size, digest_field(&t->p->digests, DIGEST_SHA256, digest));
	int err = web_ask(&t->web, "POST", (pier_bytes){0}, fields, 0);
	if (err == 0)
		err = web_answer(&t->web, &head);
	if (err < 0)
		return failed(t, err, status);

	*offset = web_number(&head, "Upload-Offset");
	if (head.status == 201 && *offset >= 0 && *offset <= t->info.size &&
	    take_location(t, &head))
		return STORED;
	if (head.status == 401 || head.status == 403 || head.status == 409 || head.status == 412 ||
	    head.status == 413 || head.status == 429 || head.status == 503 || head.status == 507)
		return refused(t, &head, status);
	return ABSENT;
}

static enum outcome append(struct task *t, int64_t offset, int *status)
{
	char fields[256];
	pier_http_head head = {0};

	snprintf(fields, sizeof fields,
		 "Content-Type: application/partial-upload\r\nUpload-Offset: %" PRId64
		 "\r\nUpload-Complete: ?1\r\n",
		 offset);
	int err = web_ask(&t->web, "PATCH", pier_text(t->upload), fields, t->info.size - offset);
	if (err == 0)
		err = answer(t, send_rest(t, offset), &head);
	if (err < 0)
		return failed(t, err, status);
	/* 404: the upload is gone; 409: it is elsewhere than we thought. Both are known after asking. */
	bool stale = head.status == 404 || head.status == 409;
	enum outcome outcome = judge(t, &head, status);
	return stale ? AGAIN : outcome;
}

static enum outcome put_resumable(struct task *t, int *status)
{
	int64_t offset;

	enum outcome outcome = begin(t, &offset, status);
	if (outcome == ABSENT) {
		t->plain = true;
		/* What the server made of the POST is not worth keeping the conn for. */
		web_close(&t->web);
		return put_plain(t, status);
	}
	if (outcome != STORED)
		return outcome;
	if (t->p->sent == 0)
		t->p->resumed = offset;
	return append(t, offset, status);
}

/* ---- All of it ----------------------------------------------------------------------------- */

static int run(struct task *t)
{
	unsigned tries = 0;

	for (;;) {
		int64_t before = t->p->sent;
		int status = STATUS_DONE;
		/* A name may be there that the server could not put on its disk: a refusal is not overruled by it. */
		enum outcome outcome = t->refused ? ABSENT : look(t, &status);
		t->refused = false;
		if (outcome == ABSENT) {
			t->plain |= t->info.size <= SMALL_MAX;
			outcome = t->plain ? put_plain(t, &status) : put_resumable(t, &status);
		}
		progress_end(&t->progress);
		if (outcome == STORED)
			return STATUS_DONE;
		/* A plain PUT that is cut brought nothing, however much was sent. */
		if (t->p->sent > before && !t->plain)
			tries = 0;
		if (outcome == OVER || tries >= t->p->retry)
			return status;
		if (t->p->verbose)
			fprintf(stderr, "pier: %s; trying again\n", t->p->why);
		if (web_back_off(tries++) < 0)
			return status;
	}
}

static int fail_local(struct task *t, int err)
{
	return over(t, STATUS_LOCAL, "%s: %s", t->p->path, pier_strerror(err));
}

static int open_source(struct task *t)
{
	int err = local_source(t->p->path, &t->local);
	if (err < 0)
		return err;
	t->fd = pier_file_open(t->local.dir, t->local.name, PIER_READ);
	if (t->fd < 0)
		return t->fd;
	return pier_file_fstat(t->fd, &t->info);
}

int upload_run(struct put_file *p)
{
	struct task t = {.p = p, .fd = -1};
	int status;

	int err = web_init(&t.web, p->url, p->timeout);
	if (err < 0) {
		status = over(&t, STATUS_USAGE, "%s", t.web.why);
	} else if ((err = open_source(&t)) < 0 || (p->size = t.info.size, err = hash(&t)) < 0) {
		status = fail_local(&t, err);
	} else {
		if (p->user)
			snprintf(t.web.user, sizeof t.web.user, "%s", p->user);
		if (p->password)
			snprintf(t.web.password, sizeof t.web.password, "%s", p->password);
		status = run(&t);
	}
	progress_end(&t.progress);
	web_done(&t.web);
	if (t.fd >= 0)
		pier_file_close(t.fd);
	local_done(&t.local);
	return status;
}

/* Fetching a file: ask, go on where it was cut, check, put it into its place. */
#include "download.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "../hub/intake.h"
#include "command.h"
#include "local.h"
#include "web.h"

#define NOTE_MAX      (WEB_URL_MAX + 256)
#define VALIDATOR_MAX 200
#define ASK_FROM      (64 << 20) /* a file this large is worth a question for its digest */
#define STDOUT_PIECE  (256 << 10)

struct fetch {
	struct download *d;
	struct web web;
	struct local local;
	char part[NAME_MAX + 1], note[NAME_MAX + 1];
	int fd; /* of the part; -1 for stdout */
	int64_t have;
	char validator[VALIDATOR_MAX]; /* of what we have; "" = it cannot be gone on with */
	struct hasher hasher;	       /* of the first `hashed` bytes */
	int64_t hashed;
	struct progress progress;
	bool opened, ours; /* the caller has been told; the part is from us */
};

/* How an attempt ended. */
enum outcome {
	WHOLE,
	AGAIN,
	OVER
};

static int over(struct fetch *f, int status, const char *format, ...) PIER_PRINTF(3, 4);
static int over(struct fetch *f, int status, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(f->d->why, sizeof f->d->why, format, args);
	va_end(args);
	return status;
}

static bool to_stdout(const struct fetch *f)
{
	return strcmp(f->d->to, "-") == 0;
}

static int fail_local(struct fetch *f, int err)
{
	return over(f, STATUS_LOCAL, "%s: %s", f->d->to, pier_strerror(err));
}

/* ---- The part and its note ----------------------------------------------------------------- */

/* What an earlier run left counts only with a validator from the same URL. */
static void read_note(struct fetch *f)
{
	char text[NOTE_MAX];
	pier_file_info info;

	int fd = pier_file_open(f->local.dir, f->note, PIER_READ);
	if (fd < 0)
		return;
	ssize_t n = pier_file_read(fd, text, sizeof text - 1, 0);
	pier_file_close(fd);
	text[n > 0 ? n : 0] = '\0';
	char *line = strchr(text, '\n');
	if (!line || strlen(line + 1) < 2 || strlen(line + 1) > VALIDATOR_MAX)
		return;
	*line++ = '\0';
	if (strcmp(text, f->d->url) != 0 || line[strlen(line) - 1] != '\n')
		return;
	if (pier_file_fstat(f->fd, &info) == 0 && info.size > 0) {
		f->ours = true;
		snprintf(f->validator, sizeof f->validator, "%.*s", (int)strlen(line) - 1, line);
		f->have = f->d->resumed = info.size;
	}
}

static int write_note(struct fetch *f)
{
	char text[NOTE_MAX];
	int n = snprintf(text, sizeof text, "%s\n%s\n", f->d->url, f->validator);

	int fd = pier_file_open(f->local.dir, f->note, PIER_WRITE | PIER_CREATE | PIER_TRUNCATE);
	if (fd < 0)
		return fd;
	ssize_t written = pier_file_write(fd, text, (size_t)n, 0);
	pier_file_close(fd);
	return written < 0 ? (int)written : 0;
}

static int open_part(struct fetch *f)
{
	pier_file_info info;
	int err = local_target(f->d->to, &f->local);

	if (err == 0 && (snprintf(f->part, sizeof f->part, "%s.part", f->local.name) >= NAME_MAX ||
			 snprintf(f->note, sizeof f->note, "%s.from", f->part) >= NAME_MAX))
		err = -ENAMETOOLONG;
	if (err == 0 && pier_file_stat(f->local.dir, f->local.name, &info) == 0 && info.is_dir)
		err = -EISDIR;
	if (err < 0)
		return err;
	f->fd = pier_file_open(f->local.dir, f->part, PIER_WRITE);
	if (f->fd >= 0)
		read_note(f);
	return 0;
}

/* The note goes before the bytes that it spoke of, and comes before the bytes that it speaks of. */
static int start_over(struct fetch *f)
{
	hasher_done(&f->hasher);
	f->hashed = f->have = f->d->resumed = 0;
	if (to_stdout(f))
		return 0;
	pier_file_remove(f->local.dir, f->note);
	if (f->fd >= 0)
		pier_file_close(f->fd);
	f->ours = true;
	f->fd = pier_file_open(f->local.dir, f->part, PIER_WRITE | PIER_CREATE | PIER_TRUNCATE);
	if (f->fd < 0)
		return f->fd;
	return *f->validator ? write_note(f) : 0;
}

/* ---- Asking -------------------------------------------------------------------------------- */

static int ask(struct fetch *f, pier_http_head *head)
{
	char fields[WEB_FIELDS_MAX] = "Accept: */*\r\nWant-Repr-Digest: sha-256=10, md5=1\r\n";

	if (f->have > 0) {
		size_t len = strlen(fields);
		snprintf(fields + len, sizeof fields - len,
			 "Range: bytes=%" PRId64 "-\r\nIf-Range: %s\r\n", f->have, f->validator);
	}
	for (int hops = 0; hops <= WEB_REDIRECTS; hops++) {
		int err = web_fetch(&f->web, "GET", (pier_bytes){0}, fields, head);
		if (err < 0)
			return err;
		int status = head->status;
		if (status != 301 && status != 302 && status != 303 && status != 307 &&
		    status != 308)
			return 0;
		err = web_follow(&f->web, head);
		if (err < 0)
			return err;
	}
	snprintf(f->web.why, sizeof f->web.why, "%.200s: sent on more than %d times", f->d->url,
		 WEB_REDIRECTS);
	return -ELOOP;
}

/* A strong entity tag, or else the date: RFC 9110 §13.1.5 allows nothing weaker. */
static void take_validator(struct fetch *f, const pier_http_head *head)
{
	pier_bytes tag = pier_http_get(head, "ETag"), date = pier_http_get(head, "Last-Modified");
	pier_bytes one = tag.p && !pier_bytes_starts(tag, "W/") ? tag : date;

	*f->validator = '\0';
	if (one.p && one.len < sizeof f->validator)
		snprintf(f->validator, sizeof f->validator, "%.*s", (int)one.len, one.p);
}

/* Takes a number and the character behind it (0: the end). */
static bool take_number(pier_bytes *rest, char end, int64_t *out)
{
	size_t len = 0;
	int64_t n = 0;

	for (; len < rest->len && len < 18 && rest->p[len] >= '0' && rest->p[len] <= '9'; len++)
		n = n * 10 + (rest->p[len] - '0');
	if (len == 0 || (end ? len == rest->len || rest->p[len] != end : len != rest->len))
		return false;
	len += end != 0;
	rest->p += len;
	rest->len -= len;
	*out = n;
	return true;
}

/* "bytes 100-199/200", or "bytes * /200" without the space: where it begins (-1 for '*'), and the whole
 * size. RFC 9110 §14.4. */
static bool content_range(const pier_http_head *head, int64_t *first, int64_t *size)
{
	pier_bytes rest = pier_http_get(head, "Content-Range");
	bool none = pier_bytes_starts(rest, "bytes */");
	int64_t last;

	if (!pier_bytes_starts(rest, "bytes "))
		return false;
	rest.p += none ? 8 : 6;
	rest.len -= none ? 8 : 6;
	*first = -1;
	return none ? take_number(&rest, 0, size)
		    : take_number(&rest, '-', first) && take_number(&rest, '/', &last) &&
			       take_number(&rest, 0, size);
}

/* ---- Receiving ----------------------------------------------------------------------------- */

static int watch(int64_t received, void *arg)
{
	struct fetch *f = arg;

	progress_at(&f->progress, f->have + received);
	return 0;
}

/* The digest runs along while it is as far as the bytes are, or catches up at the end. */
static struct hasher *hash_along(struct fetch *f)
{
	unsigned which = f->d->promise.has_sha256 ? DIGEST_SHA256 : DIGEST_MD5;

	if (!f->d->promise.has_sha256 && !f->d->promise.has_md5)
		return NULL;
	if (which == DIGEST_SHA256 ? !f->hasher.sha256 : !f->hasher.md5) {
		hasher_done(&f->hasher);
		f->hashed = 0;
		if (hasher_init(&f->hasher, which) < 0)
			return NULL;
	}
	return f->hashed == f->have ? &f->hasher : NULL;
}

static int receive_file(struct fetch *f, int64_t body_len)
{
	struct hasher *along = hash_along(f);
	struct intake in = {
		.http = f->web.http,
		.conn = f->web.conn,
		.fd = f->fd,
		.at = f->have,
		.max = f->d->size >= 0 ? f->d->size : INT64_MAX / 2,
		.left = body_len,
		.hasher = along,
		.idle = f->d->timeout,
		.watch = watch,
		.arg = f,
	};

	int err = intake_run(&in);
	f->d->received += in.at - f->have;
	f->have = in.at;
	if (along)
		f->hashed = in.at;
	if (in.torn) {
		hasher_done(&f->hasher);
		f->hashed = 0;
		if (err == -EIO)
			f->have = 0; /* nobody knows what of it the disk has */
		return over(f, STATUS_LOCAL, "%s.part: %s", f->d->to, pier_strerror(err));
	}
	return err;
}

static int receive_stdout(struct fetch *f)
{
	struct hasher *along = hash_along(f);
	char *piece = malloc(STDOUT_PIECE);
	ssize_t n = -ENOMEM;

	while (piece && (n = pier_http_read(f->web.http, piece, STDOUT_PIECE)) > 0) {
		if (along)
			hasher_add(along, piece, (size_t)n);
		if (fwrite(piece, 1, (size_t)n, stdout) != (size_t)n) {
			n = over(f, STATUS_LOCAL, "stdout: cannot be written to any more");
			break;
		}
		f->have += n;
		f->hashed += along ? n : 0;
		f->d->received += n;
		progress_at(&f->progress, f->have);
	}
	free(piece);
	if (n <= 0 && fflush(stdout) != 0)
		n = over(f, STATUS_LOCAL, "stdout: cannot be written to any more");
	return (int)n;
}

static enum outcome failed(struct fetch *f, int err, int *status)
{
	*status = err == -ELOOP ? STATUS_OTHER : (int)status_of(err);
	over(f, *status, "%s", f->web.why);
	return web_may_pass(&f->web, err) ? AGAIN : OVER;
}

static enum outcome receive(struct fetch *f, int64_t body_len, int *status)
{
	if (!f->opened && f->d->on_open)
		f->d->on_open(f->d, f->d->arg);
	f->opened = true;
	progress_begin(&f->progress, f->d->quiet, f->d->to, f->have, f->d->size);
	int err = to_stdout(f) ? receive_stdout(f) : receive_file(f, body_len);
	if (err > 0) {
		*status = err;
		return OVER;
	}
	if (err == 0 && f->d->size >= 0 && f->have != f->d->size)
		err = -PIER_ETRUNCATED;
	return err < 0 ? failed(f, web_drop(&f->web, err), status) : WHOLE;
}

/* ---- One attempt --------------------------------------------------------------------------- */

static enum outcome refused(struct fetch *f, const pier_http_head *head, int *status)
{
	int http = head->status;

	*status = over(f, web_exit_status(http), "%s", web_refusal(&f->web, head));
	return web_status_may_pass(http) ? AGAIN : OVER;
}

/* 206: only what continues ours may be put behind it. */
static enum outcome go_on(struct fetch *f, const pier_http_head *head, int *status)
{
	int64_t first, size;

	if (!content_range(head, &first, &size) || first != f->have) {
		*status =
			over(f, STATUS_OTHER,
			     "%.200s: the server sends another part than was asked for", f->d->url);
		return OVER;
	}
	f->d->size = size;
	return receive(f, head->body_len, status);
}

static enum outcome from_the_start(struct fetch *f, const pier_http_head *head, int *status)
{
	if (to_stdout(f) && f->have > 0) {
		*status = over(f, STATUS_RESET,
			       "%.200s: cut after %" PRId64
			       " bytes, and the server cannot go on from there",
			       f->d->url, f->have);
		return OVER;
	}
	int64_t body_len = head->body_len;
	f->d->size = body_len;
	take_validator(f, head);
	int err = start_over(f);
	if (err < 0) {
		*status = fail_local(f, err);
		return OVER;
	}
	return receive(f, body_len, status);
}

static enum outcome attempt(struct fetch *f, int *status)
{
	pier_http_head head;
	int64_t first, size;

	int err = ask(f, &head);
	if (err < 0)
		return failed(f, err, status);
	f->d->promise = (struct promise){0};
	promise_read(pier_http_get(&head, "Repr-Digest"), &f->d->promise);
	if (head.status == 200)
		return from_the_start(f, &head, status);
	if (head.status == 206 && f->have > 0)
		return go_on(f, &head, status);
	if (head.status == 416 && f->have > 0 && content_range(&head, &first, &size)) {
		if (size == f->have) { /* all was there already */
			f->d->size = size;
			return WHOLE;
		}
		*f->validator = '\0';
		f->have = 0;
		over(f, *status = STATUS_OTHER, "%.200s: it has changed meanwhile", f->d->url);
		return AGAIN;
	}
	return refused(f, &head, status);
}

/* ---- The end ------------------------------------------------------------------------------- */

static int told(int64_t offset, void *arg)
{
	struct fetch *f = arg;
	progress_at(&f->progress, offset);
	return 0;
}

/* A server may send a large file at once and hash it only when asked by HEAD. What it says then counts
 * for the same entity tag; that it cannot tell is no fault. */
static void ask_digest(struct fetch *f)
{
	pier_http_head head;

	if (f->d->promise.has_sha256 || f->d->promise.has_md5 || f->have < ASK_FROM ||
	    *f->validator != '"')
		return;
	progress_end(&f->progress);
	if (web_fetch(&f->web, "HEAD", (pier_bytes){0}, "Want-Repr-Digest: sha-256=10\r\n",
		      &head) == 0 &&
	    head.status == 200 && pier_bytes_eq(pier_http_get(&head, "ETag"), f->validator))
		promise_read(pier_http_get(&head, "Repr-Digest"), &f->d->promise);
}

static int check(struct fetch *f)
{
	struct digests came;

	if (!to_stdout(f))
		ask_digest(f);
	if (!f->d->promise.has_sha256 && !f->d->promise.has_md5)
		return 0;
	bool whole = hash_along(f) != NULL;
	if (!f->hasher.sha256 && !f->hasher.md5)
		return -ENOMEM;
	if (!whole && to_stdout(f))
		return 0; /* it is gone; there is nothing to hash again */
	if (!whole) {
		progress_end(&f->progress);
		progress_begin(&f->progress, f->d->quiet, "checking", f->hashed, f->have);
		int err = hasher_add_file(&f->hasher, f->fd, f->hashed, f->have, told, f);
		if (err < 0)
			return err;
	}
	hasher_end(&f->hasher, &came);
	struct promise asked = f->d->promise;
	asked.has_md5 &= !asked.has_sha256; /* only the better one was computed */
	int err = promise_check(&asked, &came);
	f->d->checked = err == 0;
	return err;
}

static int publish(struct fetch *f)
{
	int err = pier_file_sync(f->fd);
	if (err < 0)
		f->have =
			0; /* what the disk could not take it has forgotten, and would not say so again: fsync(2) */
	if (err == 0)
		err = pier_file_rename(f->local.dir, f->part, f->local.dir, f->local.name);
	if (err == 0)
		pier_file_remove(f->local.dir, f->note);
	return err;
}

static int finish(struct fetch *f)
{
	int err = check(f);
	if (err == -PIER_EDIGEST && !to_stdout(f)) {
		pier_file_remove(f->local.dir, f->part);
		pier_file_remove(f->local.dir, f->note);
	}
	if (err == -PIER_EDIGEST)
		return over(f, STATUS_EXPECT,
			    "%s: what came is not what %.200s promised (digest differs)%s",
			    f->d->to, f->d->url, to_stdout(f) ? "" : "; it was removed, try again");
	if (err == 0 && !to_stdout(f))
		err = publish(f);
	return err < 0 ? fail_local(f, err) : STATUS_DONE;
}

static void say_again(const struct fetch *f)
{
	if (f->d->verbose)
		fprintf(stderr, "pier: %s; going on at %" PRId64 "\n", f->d->why, f->have);
}

static int run(struct fetch *f)
{
	unsigned tries = 0;
	int status = STATUS_OTHER;

	for (;;) {
		int64_t before = f->d->received;
		enum outcome outcome = attempt(f, &status);
		if (outcome == WHOLE)
			return finish(f);
		if (f->d->received > before)
			tries = 0;
		if (outcome == OVER || tries >= f->d->retry)
			return status;
		if (!*f->validator && f->have > 0 && !to_stdout(f))
			f->have = 0;
		say_again(f);
		if (web_back_off(tries++) < 0)
			return status;
	}
}

/* An empty part is no use to anyone. */
static void clean_up(struct fetch *f)
{
	progress_end(&f->progress);
	hasher_done(&f->hasher);
	web_done(&f->web);
	if (f->fd >= 0)
		pier_file_close(f->fd);
	if (f->ours && f->have == 0) {
		pier_file_remove(f->local.dir, f->part);
		pier_file_remove(f->local.dir, f->note);
	}
	local_done(&f->local);
}

int download_run(struct download *d)
{
	struct fetch f = {.d = d, .fd = -1};
	int status;

	d->size = -1;
	int err = web_init(&f.web, d->url, d->timeout);
	if (err < 0)
		status = over(&f, STATUS_USAGE, "%s", f.web.why);
	else if (!to_stdout(&f) && (err = open_part(&f)) < 0)
		status = fail_local(&f, err);
	else
		status = run(&f);
	clean_up(&f);
	return status;
}

/* PUT of a whole file, DELETE, and the last step of every upload. */
#include "files.h"
#include "intake.h"
#include "resumable.h"
#include "uploads.h"

#include <inttypes.h>
#include <openssl/rand.h>
#include <stdio.h>

/* ---- Before the body ----------------------------------------------------------------------- */

int files_refuse(struct visit *v)
{
	pier_file_info info;

	if (!*v->target.path || v->target.folder)
		return visit_say(v, 400, NULL, "a file needs a name: PUT /NAME") ?: 1;
	if (!target_storable(&v->target))
		return visit_say(v, 403, NULL,
				 "that name is the hub's own, or no valid UTF-8; choose another")
			       ?: 1;

	int err = pier_file_stat(v->hub->files, v->target.path, &info);
	if (err == 0 && info.is_dir)
		err = -EISDIR;
	if (err == -ENOTDIR)
		err = -EEXIST; /* a file stands where a folder would have to be */
	if (err < 0 && err != -ENOENT)
		return visit_fail(v, err) ?: 1;
	int status = conditions_check(&v->ask, err == 0 ? &info : NULL, false);
	if (status)
		return visit_say(v, status, NULL,
				 "the file there is not what you expected; it stays")
			       ?: 1;
	return 0;
}

/* What speaks against this body as the file's content. */
static int refuse_body(struct visit *v)
{
	pier_bytes coding = pier_http_get(&v->ask, "Content-Encoding");

	/* RFC 9110 §14.5: a partial PUT that is taken for a whole one destroys the file. */
	if (pier_http_get(&v->ask, "Content-Range").p)
		return visit_say(v, 400, NULL,
				 "PUT takes whole files; to go on after a cut, see "
				 "Upload-Complete, or use pier put")
			       ?: 1;
	if (coding.p && coding.len && !pier_bytes_eq(coding, "identity"))
		return visit_say(v, 415, "Accept-Encoding: identity\r\n", "send the file uncoded")
			       ?: 1;
	if (v->ask.body_len > v->hub->opts.upload_max)
		return visit_fail(v, -EFBIG) ?: 1;
	return 0;
}

static int read_promise(struct visit *v, struct promise *p)
{
	if (promise_read(pier_http_get(&v->ask, "Repr-Digest"), p) == 0 &&
	    promise_read(pier_http_get(&v->ask, "Content-Digest"), p) == 0 &&
	    promise_read_md5(pier_http_get(&v->ask, "Content-MD5"), p) == 0)
		return 0;
	return visit_say(v, 400, NULL,
			 "a digest field is malformed; write it as "
			 "Repr-Digest: sha-256=:BASE64:")
		       ?: 1;
}

/* ---- The last step ------------------------------------------------------------------------- */

struct landing {
	struct hub *hub;
	int fd;
	const char *partial, *path;
	pier_file_info info;
	struct digests digests;
	bool replaced;
};

/* On a thread of the pool: to the disk, into its place, into memory. */
static int64_t land(void *arg)
{
	struct landing *l = arg;
	pier_file_info old;

	/* What a sync could not write is forgotten, and the next one says nothing of it, fsync(2): all of it has to come
	 * again. */
	if (pier_file_sync(l->fd) < 0)
		return -EIO;
	l->replaced = pier_file_stat(l->hub->files, l->path, &old) == 0;
	int err = pier_file_rename(l->hub->partial, l->partial, l->hub->files, l->path);
	if (err < 0)
		return err;
	/* From here on it is there, whatever becomes of its digests: they can be made again. */
	if (pier_file_fstat(l->fd, &l->info) == 0)
		store_digests_put(l->hub->store, l->path, &l->info, &l->digests);
	return 0;
}

int files_publish(struct visit *v, int fd, const char *partial, const char *path,
		  const struct digests *digests, const char *more)
{
	struct landing l = {v->hub, fd, partial, path, .digests = *digests};
	char digest[DIGEST_FIELD_MAX], etag[ETAG_MAX];
	struct fields f = {0};

	int err = (int)pier_offload(land, &l);
	if (err == -ENOTDIR || err == -ENOTEMPTY)
		err = -EEXIST;
	if (err < 0)
		return err;
	fields_add(&f, "%sETag: %s\r\nRepr-Digest: %s\r\n", more, etag_of(&l.info, etag),
		   digest_field(digests, DIGEST_BOTH, digest));
	if (l.replaced)
		return visit_bare(v, 204, f.text);
	return visit_say(v, 201, f.text, "stored, %" PRId64 " bytes", l.info.size);
}

/* ---- PUT ----------------------------------------------------------------------------------- */

struct put {
	struct visit *visit;
	char partial[32];
	int fd;
	struct hasher hasher;
};

static int put_open(struct put *p)
{
	unsigned char random[8];
	char hex[DIGEST_HEX_MAX];

	if (RAND_bytes(random, sizeof random) != 1)
		return -EIO;
	snprintf(p->partial, sizeof p->partial, "put-%s", digest_hex(random, sizeof random, hex));
	int err = hasher_init(&p->hasher, DIGEST_BOTH);
	if (err < 0)
		return err;
	p->fd = pier_file_open(p->visit->hub->partial, p->partial,
			       PIER_WRITE | PIER_CREATE | PIER_EXCLUSIVE);
	return p->fd < 0 ? p->fd : 0;
}

/* A cut leaves nothing behind, here or under files/. After a rename there is nothing to remove. */
static void put_end(struct put *p, bool published)
{
	PIER_SHIELD (PIER_S(10)) {
		if (p->fd >= 0)
			pier_file_close(p->fd);
		if (p->fd >= 0 && !published)
			pier_file_remove(p->visit->hub->partial, p->partial);
	}
	hasher_done(&p->hasher);
}

/* Receives, checks and publishes; answers only when all is well. */
static int put_receive(struct put *p, const struct promise *promise)
{
	struct visit *v = p->visit;
	struct digests digests;
	struct intake in = {
		.http = v->http,
		.conn = v->conn,
		.max = v->hub->opts.upload_max,
		.left = v->ask.body_len,
		.hasher = &p->hasher,
		.idle = BODY_IDLE,
		.floor = BODY_FLOOR,
	};

	int err = put_open(p);
	if (err < 0)
		return err;
	in.fd = p->fd;
	v->body = BODY_BEGUN;
	err = intake_run(&in);
	if (err < 0)
		return err;
	v->body = BODY_WHOLE;
	hasher_end(&p->hasher, &digests);
	err = promise_check(promise, &digests);
	if (err < 0)
		return err;
	return files_publish(v, p->fd, p->partial, v->target.path, &digests, "");
}

int files_put(struct visit *v)
{
	struct put p = {.visit = v, .fd = -1};
	struct promise promise = {0};

	int known = visit_login(v);
	if (known <= 0)
		return known;
	if (pier_http_get(&v->ask, "Upload-Complete").p)
		return resumable_begin(v);
	int refused = files_refuse(v) ?: refuse_body(v) ?: read_promise(v, &promise);
	if (refused)
		return refused < 0 ? refused : 0;
	int body = uploads_body_begin(v->hub->uploads, v->user);
	if (body < 0)
		return visit_fail(v, body);

	int err = put_receive(&p, &promise);
	uploads_body_end(v->hub->uploads, body);
	put_end(&p, err == 0);
	return err < 0 ? visit_fail_body(v, err) : 0;
}

/* ---- DELETE -------------------------------------------------------------------------------- */

int files_delete(struct visit *v)
{
	int known = visit_login(v);
	if (known <= 0)
		return known;
	int refused = files_refuse(v);
	if (refused)
		return refused < 0 ? refused : 0;
	int err = pier_file_remove(v->hub->files, v->target.path);
	return err < 0 ? visit_fail(v, err) : visit_bare(v, 204, NULL);
}

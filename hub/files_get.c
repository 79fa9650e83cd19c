/* GET and HEAD of a file. */
#include "files.h"

#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>

#define DIGESTING_MAX 4		  /* files hashed at a time because someone asked */
#define SOON_MAX      (256 << 20) /* a GET waits for the digest of a file up to this size */
#define LIFE_EVERY    PIER_S(5)	  /* a sign of life while a file is hashed */
#define SMALL_MAX     (16 << 10)  /* files up to this leave in one send with the head */

struct found {
	struct visit *visit;
	struct hub *hub;
	const char *path;
	int fd; /* ours; -1 when there is none */
	pier_file_info info;
	bool digested;
	struct digests digests;
	int64_t alive; /* when the client last heard from us */
};

static void found_end(struct found *f)
{
	if (f->fd >= 0)
		PIER_SHIELD (PIER_S(5))
			pier_file_close(f->fd);
}

/* On a thread of the pool: one trip for all that the disk has to say. */
static int64_t find(void *arg)
{
	struct found *f = arg;

	int fd = pier_file_open(f->hub->files, f->path, PIER_READ);
	if (fd < 0)
		return fd;
	int err = pier_file_fstat(fd, &f->info);
	if (err < 0) {
		pier_file_close(fd);
		return err;
	}
	f->fd = fd;
	f->digested = store_digests_get(f->hub->store, f->path, &f->info, &f->digests) == 0;
	return 0;
}

static int64_t remember(void *arg)
{
	struct found *f = arg;
	return store_digests_put(f->hub->store, f->path, &f->info, &f->digests);
}

/* 102 (RFC 2518 §10.1): the client sees that we are at it. */
static int tell_alive(int64_t offset, void *arg)
{
	struct found *f = arg;

	(void)offset;
	if (pier_now() - f->alive < LIFE_EVERY)
		return 0;
	f->alive = pier_now();
	return pier_http_inform(f->visit->http, 102, NULL);
}

/* Hashes the file now. A digest is a favour (RFC 9530 §4): when too many are under way, or the file changes
 * meanwhile, the answer goes without. */
static int digest_now(struct found *f)
{
	static atomic_int under_way;
	pier_file_info after;
	int err = -EBUSY;

	f->alive = pier_now();

	if (atomic_fetch_add(&under_way, 1) < DIGESTING_MAX)
		err = digest_file(f->fd, f->info.size, DIGEST_BOTH, tell_alive, f, &f->digests);
	atomic_fetch_sub(&under_way, 1);
	if (err == 0)
		err = pier_file_fstat(f->fd, &after);
	if (err == 0 && after.mtime == f->info.mtime && after.size == f->info.size) {
		f->digested = true;
		pier_offload(remember, f);
	}
	return err == -ECANCELED ? err : 0;
}

/* Whether to hash it now: who asks with HEAD or ?digest wants to know it, however long it takes; who asks
 * with GET wants the file, and a digest if it is soon there. */
static bool worth_hashing(const struct visit *v, const struct found *f)
{
	if (f->digested)
		return false;
	if (visit_query(v, "digest"))
		return true;
	return digest_wanted(pier_http_get(&v->ask, "Want-Repr-Digest")) &&
	       (visit_is(v, "HEAD") || f->info.size <= SOON_MAX);
}

static void describe(struct fields *fields, const struct found *f, const char *type)
{
	char etag[ETAG_MAX], date[PIER_HTTP_DATE], digest[DIGEST_FIELD_MAX];

	fields_add(fields, "ETag: %s\r\nLast-Modified: %s\r\nAccept-Ranges: bytes\r\n",
		   etag_of(&f->info, etag), pier_http_date(f->info.mtime / PIER_S(1), date));
	fields_add(fields, "Cache-Control: no-cache\r\nX-Content-Type-Options: nosniff\r\n");
	/* What people put here is not the hub speaking: no script of theirs runs in its name. */
	if (media_is_active(type))
		fields_add(fields, "Content-Security-Policy: sandbox; default-src 'none'; "
				   "style-src 'unsafe-inline'; img-src 'self' data:\r\n");
	if (f->digested)
		fields_add(fields, "Repr-Digest: %s\r\n",
			   digest_field(&f->digests, DIGEST_BOTH, digest));
}

/* Large files leave from the page cache, without coming through this process. */
static int send_bytes(struct visit *v, const struct found *f, int status, const char *fields,
		      const char *type, int64_t first, int64_t count)
{
	char small[SMALL_MAX];

	if (visit_is(v, "HEAD"))
		return pier_http_start(v->http, status, fields, type, count);
	if (count <= SMALL_MAX) {
		ssize_t n = pier_file_read(f->fd, small, (size_t)count, first);
		if (n < 0 || n < count)
			return visit_fail(v, n < 0 ? (int)n : -EBUSY);
		return pier_http_reply(v->http, status, fields, type,
				       pier_bytes_of(small, (size_t)n));
	}
	int err = pier_http_start(v->http, status, fields, type, count);
	if (err < 0)
		return err;
	/* Shorter than promised (someone cut the file) fails the conn: the peer must notice. */
	int64_t sent = pier_sendfile_fd(v->conn, f->fd, first, count);
	return sent < 0 ? (int)sent : 0;
}

static int send_file(struct visit *v, const struct found *f)
{
	const char *type = media_type(f->path);
	struct fields fields = {0};
	int64_t first = 0, count = f->info.size;
	int status = conditions_check(&v->ask, &f->info, true);

	describe(&fields, f, type);
	if (status == 412)
		return visit_say(v, status, fields.text, "the file is not what you expected");
	if (status == 304)
		return visit_bare(v, status, fields.text);

	/* RFC 9110 §14.2: a range counts for GET alone. */
	int part = 0;
	if (visit_is(v, "GET") && if_range_holds(&v->ask, &f->info))
		part = pier_http_range(pier_http_get(&v->ask, "Range"), f->info.size, &first,
				       &count);
	if (part < 0) {
		fields_add(&fields, "Content-Range: bytes */%" PRId64 "\r\n", f->info.size);
		return visit_say(v, 416, fields.text, "the file has %" PRId64 " bytes",
				 f->info.size);
	}
	if (part > 0)
		fields_add(&fields, "Content-Range: bytes %" PRId64 "-%" PRId64 "/%" PRId64 "\r\n",
			   first, first + count - 1, f->info.size);
	return send_bytes(v, f, part > 0 ? 206 : 200, fields.text, type, first, count);
}

/* ?digest: the lines that `sha256sum --check` and `md5sum --check` read. */
static int send_digests(struct visit *v, const struct found *f)
{
	char sha[DIGEST_HEX_MAX], md5[DIGEST_HEX_MAX],
		text[2 * (TARGET_NAME + DIGEST_HEX_MAX + 16)];
	const char *name = target_name(f->path);
	struct fields fields = {0};

	if (!f->digested)
		return visit_fail(v, -EBUSY);
	digest_hex(f->digests.sha256, sizeof f->digests.sha256, sha);
	digest_hex(f->digests.md5, sizeof f->digests.md5, md5);
	snprintf(text, sizeof text, "SHA256 (%s) = %s\nMD5 (%s) = %s\n", name, sha, name, md5);
	describe(&fields, f, "text/plain");
	return pier_http_reply(v->http, 200, fields.text, "text/plain; charset=utf-8",
			       pier_text(text));
}

static int to_folder(struct visit *v)
{
	char path[3 * TARGET_MAX + 1];
	struct fields fields = {0};

	if (pier_http_escape(pier_text(v->target.path), path, sizeof path) < 0)
		return visit_fail(v, -ENAMETOOLONG);
	fields_add(&fields, "Location: /%s/\r\n", path);
	return visit_say(v, 301, fields.text, "that is a folder: /%s/", path);
}

int files_get(struct visit *v)
{
	PIER_CLEANUP(found_end)
	struct found f = {.visit = v, .hub = v->hub, .path = v->target.path, .fd = -1};

	if (!*f.path)
		return listing_answer(v);
	int err = (int)pier_offload(find, &f);
	if (err == -EISDIR)
		return v->target.folder ? listing_answer(v) : to_folder(v);
	if (err == 0 && v->target.folder)
		err = -ENOTDIR;
	if (err == 0 && worth_hashing(v, &f))
		err = digest_now(&f);
	if (err < 0)
		return visit_fail(v, err);
	return visit_query(v, "digest") ? send_digests(v, &f) : send_file(v, &f);
}

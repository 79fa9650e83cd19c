/* Uploads that are not whole yet, and the bounds on all of them.
 *
 *	DIR/partial/ID         what has come; its size is the upload's offset
 *	DIR/partial/ID.terms   whose it is, where it goes, what was promised
 *	DIR/partial/put-…      a PUT under way, which cannot be resumed; removed at the next start
 */
#ifndef HUB_UPLOADS_H
#define HUB_UPLOADS_H

#include "accounts.h"
#include "digest.h"
#include "target.h"

#define UPLOAD_ID	    32	 /* letters of an id */
#define UPLOADS_MAX	    1024 /* unfinished uploads in all */
#define UPLOADS_EACH	    32 /* of one user; a further one takes the place of the oldest that rests */
#define UPLOADS_BODIES	    64 /* bodies received at a time, each with 1 MiB of buffers */
#define UPLOADS_BODIES_EACH 16 /* of one user, so that nobody keeps all others out */
#define UPLOAD_AGE	    PIER_S(24 * 60 * 60) /* without a byte, then it is removed */

struct uploads;

/* What the client said when it began. */
struct terms {
	char user[ACCOUNT_NAME_MAX + 1];
	char path[TARGET_MAX + 1];
	int64_t length; /* -1 = not known yet */
	struct promise promise;
	bool fresh; /* If-None-Match: *, so nothing may be there when it ends */
};

struct upload {
	char id[UPLOAD_ID + 1];
	struct terms terms;
	struct hasher hasher; /* of the first `hashed` bytes; zeroed when nothing is */
	int64_t hashed;
	/* The registry's. */
	struct upload *next;
	int64_t touched, size;
	bool busy, superseded;
};

/* Reads what an earlier hub left in partial/, and removes what is stale or torn. Waits. `bytes_each` is what
 * one user's unfinished uploads may hold together. Returns 0 or an error. */
int uploads_open(pier_dir *partial, int64_t bytes_each, struct uploads **out);
void uploads_close(struct uploads *u);

/* Begins an upload, or takes up the one that the same user began for the same path, length and digest:
 * its id is derived from these, so a client that forgot everything finds its upload again. Without a
 * digest and a length every upload is a new one. It is the caller's, alone, until uploads_release.
 * Returns 0, -EBUSY (too many, or another request holds it and does not let go), or an error. */
int uploads_begin(struct uploads *u, const struct terms *terms, struct upload **out);

/* The user's upload of this id. A request that still feeds it is told to stop (the client has given it
 * up, or it would not ask) and waited for. Returns 0, -ENOENT, -EBUSY. */
int uploads_claim(struct uploads *u, const char *id, const char *user, struct upload **out);

/* True when another request wants the upload: stop feeding it. */
bool uploads_superseded(struct uploads *u, const struct upload *up);

/* Lets go. `size` is what the partial file holds now. */
void uploads_release(struct uploads *u, struct upload *up, int64_t size);

/* Writes changed terms (a length that became known). Returns 0 or an error. */
int uploads_note(struct uploads *u, struct upload *up);

/* The upload is over, well or not: its files are removed (when they are still there) and `up` is freed. */
void uploads_end(struct uploads *u, struct upload *up);

/* Removes what has not been touched for UPLOAD_AGE; looks at most once in ten minutes. */
void uploads_tidy(struct uploads *u);

/* One more body of the user comes in: the number to end it with; or -EBUSY when UPLOADS_BODIES, or
 * UPLOADS_BODIES_EACH of this user's, are under way. */
int uploads_body_begin(struct uploads *u, const char *user);
void uploads_body_end(struct uploads *u, int body);

#endif

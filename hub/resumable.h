/* Resumable uploads: draft-ietf-httpbis-resumable-upload, as docs/protocols/files.md tells.
 *
 *	POST /path   Upload-Complete: ?0, Upload-Length, Repr-Digest   → 201, Location, Upload-Offset
 *	HEAD         the upload's own resource                         → 204, Upload-Offset
 *	PATCH        bytes from Upload-Offset on                       → 204, or 201 when complete
 *	DELETE       gives it up                                       → 204
 */
#ifndef HUB_RESUMABLE_H
#define HUB_RESUMABLE_H

#include "uploads.h"
#include "visit.h"

#define UPLOAD_LIMIT_MAX 64

/* POST: logs in and begins. */
int resumable_create(struct visit *v);

/* PUT or POST with Upload-Complete, from someone who is logged in. */
int resumable_begin(struct visit *v);

/* A request to an upload's own resource. */
int resumable_answer(struct visit *v);

/* True for the path of one, still encoded. */
bool upload_is_target(pier_bytes path);

/* The value of Upload-Limit. */
const char *upload_limit(const struct hub *hub, char into[UPLOAD_LIMIT_MAX]);

#endif

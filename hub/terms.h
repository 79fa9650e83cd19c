/* An upload's terms as text, for the disk:
 *
 *	pier-upload 1
 *	user 王芳
 *	path firmware/v2.bin
 *	length 1048576
 *	sha-256 9f86d0…            only when promised; the same for md5
 *	fresh 1
 *	end
 */
#ifndef HUB_TERMS_H
#define HUB_TERMS_H

#include "uploads.h"

#define TERMS_MAX 2048

/* Returns the length of the text. */
size_t terms_write(const struct terms *t, char into[TERMS_MAX]);

/* 0, or -EPROTO for a text that is torn or not ours. */
int terms_read(pier_bytes text, struct terms *out);

/* The id of an upload with these terms: derived when a digest and the length are known, else random.
 * Knowing an id opens nothing: an upload answers to its user alone. */
void terms_id(const struct terms *t, char id[UPLOAD_ID + 1]);

#endif

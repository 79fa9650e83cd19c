/* Files over HTTP: docs/protocols/files.md. Each answers one request, as visit.h says. */
#ifndef HUB_FILES_H
#define HUB_FILES_H

#include "visit.h"

/* GET, HEAD of a file or a folder. */
int files_get(struct visit *v);

/* PUT: the whole file in one body. */
int files_put(struct visit *v);

int files_delete(struct visit *v);

/* GET, HEAD of a folder. */
int listing_answer(struct visit *v);

/* The media type that a name stands for. */
const char *media_type(const char *name);
/* True for types whose scripts a browser would run in the hub's name. */
bool media_is_active(const char *type);

/* 0, or what speaks against a PUT under this name: 412, 409, 403 … answered (1), or an error. */
int files_refuse(struct visit *v);

/* Puts an open, written file from partial/ into its place, remembers its digests, and answers 201 or
 * 204. `more` are further fields, or "". */
int files_publish(struct visit *v, int fd, const char *partial, const char *path,
		  const struct digests *digests, const char *more);

#endif

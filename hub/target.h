/* What a request is about: a path beneath files/, or an upload. Pure. */
#ifndef HUB_TARGET_H
#define HUB_TARGET_H

#include <pier.h>

#define TARGET_MAX   1024 /* bytes of a path */
#define TARGET_NAME  255  /* bytes of a name in it */
#define TARGET_DEPTH 32	  /* names in it */

/* The one name that nobody can store under: what is below it is the hub's own. */
#define TARGET_OURS    ".pier"
#define TARGET_UPLOADS "/" TARGET_OURS "/uploads/"

struct target {
	char path[TARGET_MAX +
		  1]; /* "a/b.txt", decoded, without a slash at either end; "" is the top */
	bool folder;  /* written with a slash at its end */
};

/* Reads the path of a request, still encoded. No ".." or "." gets through, no NUL or control character, no
 * slash that was written as %2F, and no name that a file system would not take, so what comes out can only
 * lie beneath. Empty names ("a//b") are passed over. Returns 0, or an error with `why` saying what to
 * change: -EINVAL, or -ENAMETOOLONG. */
int target_read(pier_bytes encoded, struct target *out, const char **why);

/* True for a name that may be stored: valid UTF-8, and not ours. */
bool target_storable(const struct target *t);

/* The last name of a path. */
const char *target_name(const char *path);

#endif

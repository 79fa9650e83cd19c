/* Files and folders with names that nobody has: mkstemp(3), mkdtemp(3), tmpfile(3). */
#include "disk.h"
#include "real.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TRIES  100
#define BLANKS 6 /* X at the end of a template */

/* Where the blanks are; NULL and EINVAL when they are not. */
static char *blanks_of(char *template, int suffix)
{
	size_t len = strlen(template);
	char *at = template + len - (size_t)suffix - BLANKS;
	if (suffix >= 0 && len >= (size_t)suffix + BLANKS && !memcmp(at, "XXXXXX", BLANKS))
		return at;
	errno = EINVAL;
	return NULL;
}

static void fill_in(char *at)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789";
	for (int i = 0; i < BLANKS; i++)
		at[i] = letters[pier_chance(sizeof letters - 1)];
}

static int make(struct node *n, char *template, int suffix, int flags)
{
	char *at = blanks_of(template, suffix);
	int fd = at ? -EEXIST : -EINVAL;
	for (int i = 0; i < TRIES && fd == -EEXIST; i++) {
		fill_in(at);
		fd = pier_disk_open(n, AT_FDCWD, template, flags | O_RDWR | O_CREAT | O_EXCL, 0600,
				    false);
	}
	return (int)libc_said(fd);
}

int mkostemps(char *template, int suffix, int flags)
{
	struct node *n = libc_node_for(AT_FDCWD, template);
	return n ? make(n, template, suffix, flags)
		 : REAL(mkostemps, NULL)(template, suffix, flags);
}
ALSO(mkostemps, mkostemps64);

int mkostemp(char *template, int flags)
{
	return mkostemps(template, 0, flags);
}
ALSO(mkostemp, mkostemp64);

int mkstemps(char *template, int suffix)
{
	return mkostemps(template, suffix, 0);
}
ALSO(mkstemps, mkstemps64);

int mkstemp(char *template)
{
	return mkostemps(template, 0, 0);
}
ALSO(mkstemp, mkstemp64);

char *mkdtemp(char *template)
{
	struct node *n = libc_node_for(AT_FDCWD, template);
	if (!n)
		return REAL(mkdtemp, NULL)(template);
	char *at = blanks_of(template, 0);
	int err = at ? -EEXIST : -EINVAL;
	for (int i = 0; i < TRIES && err == -EEXIST; i++) {
		fill_in(at);
		err = pier_disk_mkdir(n, AT_FDCWD, template, 0700);
	}
	return libc_said(err) < 0 ? NULL : template;
}

FILE *tmpfile(void)
{
	char name[] = "/XXXXXX";
	struct node *n = libc_node_for(AT_FDCWD, name);
	if (!n)
		return REAL(tmpfile, NULL)();
	int fd = make(n, name, 0, 0);
	FILE *stream = fd < 0 ? NULL : fdopen(fd, "w+");
	if (fd >= 0)
		pier_disk_remove(n, AT_FDCWD, name, 0);
	if (!stream && fd >= 0)
		pier_io_close(fd);
	return stream;
}
ALSO(tmpfile, tmpfile64);

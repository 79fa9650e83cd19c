/* Folders: opendir(3), readdir(3). A simulated one tells the names that were there when it was opened. */
#include "disk.h"
#include "real.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

struct folder {
	struct folder *next;
	int fd;
	size_t count, at;
	struct dirent entries[];
};

static struct folder *folders; /* that are open */

static struct folder *simulated(DIR *d)
{
	struct folder *f = folders;
	while (f && (DIR *)f != d)
		f = f->next;
	return f;
}

static void add(struct folder *f, const char *name, const struct inode *i)
{
	struct dirent *e = &f->entries[f->count++];
	e->d_ino = i->number;
	e->d_off = (off_t)f->count;
	e->d_reclen = sizeof *e;
	e->d_type = S_ISDIR(i->mode) ? DT_DIR : S_ISREG(i->mode) ? DT_REG : DT_CHR;
	memcpy(e->d_name, name, strlen(name) + 1);
}

static struct folder *folder_new(int fd, const struct inode *dir)
{
	size_t count = 2;
	for (const struct entry *e = dir->entries[NOW]; e; e = e->next)
		count++;
	struct folder *f = calloc(1, sizeof *f + count * sizeof *f->entries);
	if (!f)
		return NULL;
	f->fd = fd;
	add(f, ".", dir);
	add(f, "..", dir->parent[NOW] ? dir->parent[NOW] : dir);
	for (const struct entry *e = dir->entries[NOW]; e; e = e->next)
		add(f, e->name, e->inode);
	f->next = folders;
	folders = f;
	return f;
}

DIR *fdopendir(int fd)
{
	struct file *file = libc_file(fd);
	if (!file)
		return REAL(fdopendir, NULL)(fd);
	if (S_ISDIR(file->inode->mode))
		return (DIR *)folder_new(fd, file->inode);
	errno = ENOTDIR;
	return NULL;
}

DIR *opendir(const char *path)
{
	struct node *n = libc_node_for(AT_FDCWD, path);
	if (!n)
		return REAL(opendir, NULL)(path);
	int fd = libc_open(n, AT_FDCWD, path, O_RDONLY | O_DIRECTORY, 0);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	if (!d && fd >= 0)
		pier_io_close(fd);
	return d;
}

struct dirent *readdir(DIR *d)
{
	struct folder *f = simulated(d);
	if (!f)
		return REAL(readdir, NULL)(d);
	return f->at < f->count ? &f->entries[f->at++] : NULL;
}
ALSO(readdir, readdir64);

void rewinddir(DIR *d)
{
	struct folder *f = simulated(d);
	if (f)
		f->at = 0;
	else
		REAL(rewinddir, NULL)(d);
}

int dirfd(DIR *d)
{
	struct folder *f = simulated(d);
	return f ? f->fd : REAL(dirfd, NULL)(d);
}

int closedir(DIR *d)
{
	struct folder *f = simulated(d);
	if (!f)
		return REAL(closedir, NULL)(d);
	struct folder **at = &folders;
	while (*at != f)
		at = &(*at)->next;
	*at = f->next;
	pier_io_close(f->fd);
	free(f);
	return 0;
}

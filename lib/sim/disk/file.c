/* Open files, and what programs ask of them: open(2) and its neighbours, as a local file system of Linux answers. */
#include "disk.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>

#ifndef RENAME_NOREPLACE
#define RENAME_NOREPLACE 1 /* rename(2) */
#endif

#define OTHER_BLOCKS 512 /* bytes: what st_blocks counts */

static void note(const struct disk *d, const char *what, const char *path, int64_t number)
{
	pier_world_fold((uint64_t)number);
	pier_world_trace("%s  %s %s  %lld", d->name, what, path, (long long)number);
}

/* ---- Descriptors --------------------------------------------------------------------------------- */

struct file *pier_disk_file(struct node *n, int fd)
{
	struct sock *s = pier_sim_sock_of(n, fd);
	return s ? s->file : NULL;
}

/* A descriptor for a file that is yet to be filled in. */
static int name_it(struct node *n, struct file *f)
{
	struct sock *s = pier_sim_sock_new(n, 0, 0);
	int fd = s ? pier_sim_sock_name(s) : -ENOMEM;
	if (fd >= 0)
		s->file = f;
	else if (s)
		pier_sim_sock_free(s);
	return fd;
}

void pier_disk_close(struct file *f)
{
	struct inode *i = f->inode;
	free(f);
	if (!i)
		return;
	i->opens--;
	pier_inode_leave(i);
	pier_inode_drop(i);
}

/* ---- Places -------------------------------------------------------------------------------------- */

static int walk(struct node *n, int at, const char *path, bool beneath, struct place *out)
{
	struct inode *from = n->disk->root;
	if (at != AT_FDCWD && (*path != '/' || beneath)) {
		struct file *f = pier_disk_file(n, at);
		if (!f)
			return -EBADF;
		from = f->inode;
	}
	return pier_path_walk(from, path, NOW, beneath, out);
}

static int make(const struct place *p, mode_t mode, struct inode **out)
{
	struct disk *d = p->dir->disk;
	int err = pier_inode_new(d, mode, out);
	if (err < 0)
		return err;
	pier_folder_change(NULL, NULL, p->dir, p->name, *out);
	pier_inode_drop(*out); /* its name holds it */
	note(d, S_ISDIR(mode) ? "mkdir" : "create", p->name, (int64_t)(*out)->number);
	return 0;
}

static bool writes(int flags)
{
	return (flags & O_ACCMODE) != O_RDONLY && !(flags & O_PATH);
}

static int find(const struct place *p, int flags, mode_t mode, struct inode **out)
{
	struct inode *i = pier_place_inode(p);
	if (p->slash && (flags & O_CREAT))
		return -EISDIR;
	if (i && (flags & O_CREAT) && (flags & O_EXCL))
		return -EEXIST;
	if (!i && !(flags & O_CREAT))
		return -ENOENT;
	if (!i)
		return make(p, S_IFREG | (mode & 0777), out);
	if (S_ISDIR(i->mode) && (writes(flags) || (flags & O_CREAT)))
		return -EISDIR;
	if (!S_ISDIR(i->mode) && (p->slash || (flags & O_DIRECTORY)))
		return -ENOTDIR;
	*out = i;
	return 0;
}

static int fill(struct node *n, struct file *f, int at, const char *path, mode_t mode, bool beneath)
{
	struct place p;
	int err =
		(f->flags & O_TMPFILE) == O_TMPFILE ? -EOPNOTSUPP : walk(n, at, path, beneath, &p);
	if (err == 0)
		err = find(&p, f->flags, mode, &f->inode);
	if (err < 0)
		return err;
	pier_inode_hold(f->inode);
	f->inode->opens++;
	if ((f->flags & O_TRUNC) && writes(f->flags) && S_ISREG(f->inode->mode))
		err = pier_inode_resize(f->inode, 0);
	return err;
}

int pier_disk_open(struct node *n, int at, const char *path, int flags, mode_t mode, bool beneath)
{
	struct file *f = calloc(1, sizeof *f);
	if (!f)
		return -ENOMEM;
	f->flags = flags;
	int fd = name_it(n, f);
	if (fd < 0) {
		free(f);
		return fd;
	}
	int err = fill(n, f, at, path, mode, beneath);
	if (err < 0)
		pier_sim_sock_close(pier_sim_sock_of(n, fd), false);
	return err < 0 ? err : fd;
}

/* ---- Bytes --------------------------------------------------------------------------------------- */

int64_t pier_disk_read(struct file *f, void *into, size_t len, int64_t offset)
{
	struct disk *d = f->inode->disk;
	if ((f->flags & O_PATH) || (f->flags & O_ACCMODE) == O_WRONLY)
		return -EBADF;
	if (S_ISDIR(f->inode->mode))
		return -EISDIR;
	if (f->inode->device)
		return pier_device_read(f->inode, into, len);
	int err = pier_disk_fault(d);
	return err < 0 ? err : pier_inode_read(f->inode, into, pier_disk_part(d, len), offset);
}

int64_t pier_disk_write(struct file *f, const void *from, size_t len, int64_t offset)
{
	struct disk *d = f->inode->disk;
	if (!writes(f->flags))
		return -EBADF;
	if (f->inode->device)
		return pier_device_write(f->inode, len);
	if (f->flags & O_APPEND)
		offset = (int64_t)f->inode->size[NOW];
	int err = pier_disk_fault(d);
	if (err < 0)
		return err;
	int64_t n = pier_inode_write(f->inode, from, pier_disk_part(d, len), offset);
	pier_world_fold((uint64_t)n);
	pier_disk_stir(d, f->inode);
	return n;
}

int64_t pier_disk_readv(struct file *f, const struct iovec *iov, int count)
{
	int64_t sum = 0;
	for (int k = 0; k < count; k++) {
		int64_t n = pier_disk_read(f, iov[k].iov_base, iov[k].iov_len, f->offset);
		if (n < 0)
			return sum ? sum : n;
		sum += n;
		f->offset += n;
		if ((size_t)n < iov[k].iov_len)
			break;
	}
	return sum;
}

int64_t pier_disk_writev(struct file *f, const struct iovec *iov, int count)
{
	int64_t sum = 0;
	for (int k = 0; k < count; k++) {
		int64_t n = pier_disk_write(f, iov[k].iov_base, iov[k].iov_len, f->offset);
		if (n < 0)
			return sum ? sum : n;
		sum += n;
		f->offset = f->flags & O_APPEND ? (int64_t)f->inode->size[NOW] : f->offset + n;
		if ((size_t)n < iov[k].iov_len)
			break;
	}
	return sum;
}

int64_t pier_disk_seek(struct file *f, int64_t offset, int whence)
{
	int64_t size = (int64_t)f->inode->size[NOW];
	int64_t from = whence == SEEK_CUR ? f->offset : whence == SEEK_END ? size : 0;
	if (f->flags & O_PATH)
		return -EBADF;
	if (whence != SEEK_SET && whence != SEEK_CUR && whence != SEEK_END)
		return -EINVAL;
	if (offset < -from || offset > INT64_MAX - from)
		return -EINVAL;
	f->offset = from + offset;
	return f->offset;
}

int pier_disk_resize(struct file *f, int64_t size)
{
	struct disk *d = f->inode->disk;
	if (f->flags & O_PATH)
		return -EBADF;
	if (!writes(f->flags) || !S_ISREG(f->inode->mode))
		return -EINVAL;
	int err = pier_disk_fault(d);
	if (err == 0)
		err = pier_inode_resize(f->inode, size);
	pier_world_fold((uint64_t)size);
	pier_disk_stir(d, f->inode);
	return err;
}

/* What a sync could not write is clean from then on: the next one has nothing to say of it. fsync(2) since Linux 4.13. */
int pier_disk_sync(struct file *f)
{
	struct inode *i = f->inode;
	if (f->flags & O_PATH)
		return -EBADF;
	int err = pier_disk_fault(i->disk);
	pier_world_fold(i->number);
	pier_world_trace("%s  sync of %s %llu%s", i->disk->name,
			 S_ISDIR(i->mode) ? "folder" : "file", (unsigned long long)i->number,
			 err < 0 ? " fails" : "");
	if (S_ISDIR(i->mode)) {
		if (err == 0)
			pier_folder_sync(i);
		return err;
	}
	if (!S_ISREG(i->mode))
		return -EINVAL;
	pier_inode_settle(i, err < 0 ? (unsigned)pier_chance(256) : 256);
	if (err < 0)
		pier_inode_give_up(i);
	return err;
}

struct lock {
	const struct file *of;
	bool shared, met;
};

static void meet(struct sock *s, void *arg)
{
	struct lock *l = arg;
	const struct file *f = s->file;
	if (f && f != l->of && f->inode == l->of->inode && f->lock)
		l->met |= !l->shared || f->lock == LOCK_EX;
}

int pier_disk_flock(struct file *f, int how)
{
	struct lock wanted = {.of = f, .shared = (how & ~LOCK_NB) == LOCK_SH};
	switch (how & ~LOCK_NB) {
	case LOCK_UN:
		f->lock = 0;
		return 0;
	case LOCK_SH:
	case LOCK_EX:
		pier_sim_sock_each(pier_node_find(f->inode->disk->name), meet, &wanted);
		if (!wanted.met)
			f->lock = how & ~LOCK_NB;
		return wanted.met ? -EWOULDBLOCK : 0;
	default:
		return -EINVAL;
	}
}

/* ---- Names --------------------------------------------------------------------------------------- */

static bool is_within(const struct inode *dir, const struct inode *of)
{
	while (dir && dir != of)
		dir = dir->parent[NOW];
	return dir == of;
}

/* Whether `old` may take the place of `new`, and else why not: the first reason that Linux finds. */
static int replaces(const struct inode *old, const struct inode *new, const struct place *from,
		    const struct place *to, unsigned flags)
{
	if (new && (flags & RENAME_NOREPLACE))
		return -EEXIST;
	if (!S_ISDIR(old->mode) && (from->slash || to->slash))
		return -ENOTDIR;
	if (S_ISDIR(old->mode) && is_within(to->dir, old))
		return -EINVAL;
	if (!new)
		return 0;
	if (S_ISDIR(new->mode) && is_within(from->dir, new))
		return -ENOTEMPTY;
	if (old != new &&S_ISDIR(old->mode) != S_ISDIR(new->mode))
		return S_ISDIR(new->mode) ? -EISDIR : -ENOTDIR;
	return old != new &&new->entries[NOW] ? -ENOTEMPTY : 0;
}

int pier_disk_rename(struct node *n, int at, const char *old_path, int to, const char *new_path,
		     unsigned flags)
{
	struct place a, b;
	int err = walk(n, at, old_path, false, &a);
	if (err == 0)
		err = walk(n, to, new_path, false, &b);
	if (err == 0 && (!*a.name || !*b.name))
		err = -EBUSY;
	if (err == 0 && (flags & ~(unsigned)RENAME_NOREPLACE))
		err = -EINVAL;
	if (err < 0)
		return err;
	struct inode *old = pier_place_inode(&a), *new = pier_place_inode(&b);
	if (!old)
		return -ENOENT;
	err = replaces(old, new, &a, &b, flags);
	if (err < 0 || old == new)
		return err;
	note(n->disk, "rename", b.name, (int64_t)old->number);
	pier_folder_change(a.dir, a.name, b.dir, b.name, old);
	pier_disk_stir(n->disk, b.dir);
	return 0;
}

/* Why it cannot go, in the order of rmdir(2), unlink(2). */
static int stays(const struct place *p, const struct inode *i, bool as_dir)
{
	if (!*p->name && !as_dir)
		return -EISDIR;
	if (!*p->name)
		return p->dots == 2 ? -ENOTEMPTY : p->dots ? -EINVAL : -EBUSY;
	if (!i)
		return -ENOENT;
	if (S_ISDIR(i->mode) != as_dir)
		return as_dir ? -ENOTDIR : -EISDIR;
	if (!as_dir && p->slash)
		return -ENOTDIR;
	return i->entries[NOW] ? -ENOTEMPTY : 0;
}

int pier_disk_remove(struct node *n, int at, const char *path, int flags)
{
	struct place p;
	int err = walk(n, at, path, false, &p);
	if (err < 0)
		return err;
	struct inode *i = pier_place_inode(&p);
	err = stays(&p, i, (flags & AT_REMOVEDIR) != 0);
	if (err < 0)
		return err;
	note(n->disk, "remove", p.name, (int64_t)i->number);
	pier_folder_change(p.dir, p.name, NULL, NULL, i);
	pier_disk_stir(n->disk, p.dir);
	return 0;
}

int pier_disk_mkdir(struct node *n, int at, const char *path, mode_t mode)
{
	struct place p;
	struct inode *made;
	int err = walk(n, at, path, false, &p);
	if (err == 0 && pier_place_inode(&p))
		err = -EEXIST;
	return err < 0 ? err : make(&p, S_IFDIR | (mode & 0777), &made);
}

/* ---- About --------------------------------------------------------------------------------------- */

void pier_inode_stat(const struct inode *i, struct stat *out)
{
	struct timespec at = {.tv_sec = i->changed / PIER_S(1), .tv_nsec = i->changed % PIER_S(1)};
	*out = (struct stat){.st_dev = (dev_t)i->disk->number << 20 | i->disk->boots,
			     .st_ino = i->number,
			     .st_mode = i->mode,
			     .st_nlink = i->names,
			     .st_size = (off_t)i->size[NOW],
			     .st_blksize = BLOCK,
			     .st_blocks = (blkcnt_t)(i->blocks * (BLOCK / OTHER_BLOCKS)),
			     .st_atim = at,
			     .st_mtim = at,
			     .st_ctim = at};
}

int pier_disk_stat(struct node *n, int at, const char *path, struct stat *out)
{
	struct place p;
	int err = walk(n, at, path, false, &p);
	struct inode *i = err < 0 ? NULL : pier_place_inode(&p);
	if (!i)
		return err < 0 ? err : -ENOENT;
	if (p.slash && !S_ISDIR(i->mode))
		return -ENOTDIR;
	pier_inode_stat(i, out);
	return 0;
}

/* The library's ops on files, answered by a simulated disk. */
#include "disk.h"

#include <errno.h>
#include <fcntl.h>
#include <pier/file.h>
#include <stdlib.h>
#include <string.h>

/* ---- Listing ------------------------------------------------------------------------------------- */

static int add(pier_list *list, const struct entry *e)
{
	const struct inode *i = e->inode;
	char *name = strdup(e->name);
	if (!name)
		return -ENOMEM;
	list->at[list->count++] = (struct pier_list_entry){.name = name,
							   .info = {.size = (int64_t)i->size[NOW],
								    .mtime = i->changed,
								    .inode = i->number,
								    .is_dir = S_ISDIR(i->mode),
								    .is_file = S_ISREG(i->mode)}};
	return 0;
}

static size_t count_of(const struct inode *dir)
{
	size_t count = 0;
	for (const struct entry *e = dir->entries[NOW]; e; e = e->next)
		count++;
	return count;
}

static int list(const struct file *f, size_t max, pier_list *out)
{
	pier_list found = {0};
	size_t count = count_of(f->inode);
	int err = 0;
	if (!S_ISDIR(f->inode->mode))
		return -ENOTDIR;
	found.more = count > max;
	if (count && !(found.at = calloc(count, sizeof *found.at)))
		return -ENOMEM;
	for (const struct entry *e = f->inode->entries[NOW]; e && err == 0 && found.count < max;
	     e = e->next)
		err = add(&found, e);
	if (err < 0)
		pier_list_free(&found);
	else
		*out = found;
	return err;
}

/* ---- Ops of the file pool ------------------------------------------------------------------------ */

static int64_t of_file(struct file *f, struct io_op *op)
{
	switch (op->kind) {
	case IO_PREAD:
		return pier_disk_read(f, op->file.at, op->file.len, op->file.offset);
	case IO_PWRITE:
		return pier_disk_write(f, op->file.at, op->file.len, op->file.offset);
	case IO_FSYNC:
		return pier_disk_sync(f);
	case IO_STAT:
		pier_inode_stat(f->inode, op->file.at);
		return 0;
	case IO_LIST:
		return list(f, op->file.len, op->file.at);
	default:
		return 0; /* IO_READAHEAD: advice */
	}
}

static int64_t of_path(struct node *n, const struct io_op *op)
{
	bool beneath = op->file.dir != AT_FDCWD;
	switch (op->kind) {
	case IO_OPEN:
		return pier_disk_open(n, op->file.dir, op->file.path, op->flags, op->file.mode,
				      beneath);
	case IO_RENAME:
		return pier_disk_rename(n, op->file.dir, op->file.path, op->file.fd2,
					op->file.path2, 0);
	case IO_REMOVE:
		return pier_disk_remove(n, op->file.dir, op->file.path, op->flags);
	case IO_MKDIR:
		return pier_disk_mkdir(n, op->file.dir, op->file.path, op->file.mode);
	default:
		return pier_disk_stat(n, op->file.dir, op->file.path, op->file.at);
	}
}

static bool by_path(const struct io_op *op)
{
	return op->kind == IO_OPEN || op->kind == IO_RENAME || op->kind == IO_REMOVE ||
	       op->kind == IO_MKDIR || (op->kind == IO_STAT && op->file.path);
}

bool pier_disk_answer(struct node *n, struct io_op *op, int64_t *result)
{
	if (op->kind < IO_OPEN || op->kind > IO_READAHEAD)
		return false;
	if (by_path(op)) {
		*result = of_path(n, op);
		return true;
	}
	if (op->fd < IO_FD_SIMULATED)
		return false;
	struct file *f = pier_disk_file(n, op->fd);
	*result = f ? of_file(f, op) : -EBADF;
	return true;
}

/* ---- A file as a stream -------------------------------------------------------------------------- */

static int64_t read_on(struct io *io, struct file *f, struct io_op *op)
{
	struct iovec iov = {op->mem.at, op->mem.len};
	if (!op->mem.at)
		iov = (struct iovec){pier_io_buf_take(io), IO_BUF_SIZE};
	if (!iov.iov_base)
		return -ENOMEM;
	int64_t n = pier_disk_readv(f, &iov, 1);
	if (!op->mem.at && n > 0)
		op->mem.at = iov.iov_base;
	else if (!op->mem.at)
		pier_io_buf_give(io, iov.iov_base);
	return n;
}

int64_t pier_disk_once(struct io *io, struct sock *s, struct io_op *op)
{
	switch (op->kind) {
	case IO_READ:
		return read_on(io, s->file, op);
	case IO_WRITEV:
		return pier_disk_writev(s->file, op->msg->msg_iov, (int)op->msg->msg_iovlen);
	case IO_POLL_IN:
		return 1;
	default:
		return -ENOTSOCK;
	}
}

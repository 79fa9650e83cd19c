/* Files in memory. A shared mapping is the file's own bytes, which stay where they are; a private one is a copy. */
#include "disk.h"
#include "real.h"

#include <fcntl.h>
#include <stdarg.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

BESIDE(mmap);
BESIDE(munmap);

#define MAPPINGS_MAX 1024 /* of all nodes */

struct mapping {
	char *at;
	struct inode *inode;
};

static struct mapping mappings[MAPPINGS_MAX];
static unsigned mapping_count;

/* A shared one that begins there. */
static struct mapping *find(const void *at)
{
	for (unsigned i = 0; libc_task() && i < mapping_count; i++)
		if (mappings[i].at == at)
			return &mappings[i];
	return NULL;
}

static void *failed(int err)
{
	errno = err;
	return MAP_FAILED;
}

static void *share(struct file *f, int prot, size_t offset)
{
	struct inode *i = f->inode;
	if ((prot & PROT_WRITE) && (f->flags & O_ACCMODE) != O_RDWR)
		return failed(EACCES);
	if (mapping_count == MAPPINGS_MAX || pier_inode_map(i, (prot & PROT_WRITE) != 0) < 0)
		return failed(ENOMEM);
	mappings[mapping_count] = (struct mapping){i->bytes[NOW] + offset, i};
	return mappings[mapping_count++].at;
}

static void *copy(struct file *f, void *at, size_t len, int prot, int flags, off_t offset)
{
	char *to = REAL(mmap, __mmap)(at, len, prot | PROT_WRITE, flags | MAP_ANONYMOUS, -1, 0);
	if (to == MAP_FAILED)
		return MAP_FAILED;
	pier_inode_read(f->inode, to, len, offset);
	if (!(prot & PROT_WRITE))
		mprotect(to, len, prot);
	return to;
}

void *mmap(void *at, size_t len, int prot, int flags, int fd, off_t offset)
{
	struct file *f = flags & MAP_ANONYMOUS ? NULL : libc_file(fd);
	if (!f)
		return REAL(mmap, __mmap)(at, len, prot, flags, fd, offset);
	if (offset < 0 || offset % BLOCK || !len || offset > FILE_MAX ||
	    len > FILE_MAX - (size_t)offset)
		return failed(EINVAL);
	if (f->flags & O_PATH)
		return failed(EBADF);
	if ((f->flags & O_ACCMODE) == O_WRONLY)
		return failed(EACCES);
	if (!S_ISREG(f->inode->mode))
		return failed(ENODEV);
	if ((flags & MAP_TYPE) == MAP_PRIVATE)
		return copy(f, at, len, prot, flags, offset);
	return flags & MAP_FIXED ? failed(EINVAL) : share(f, prot, (size_t)offset);
}
ALSO(mmap, mmap64);

int munmap(void *at, size_t len)
{
	struct mapping *m = find(at);
	if (!m)
		return REAL(munmap, __munmap)(at, len);
	pier_inode_unmap(m->inode);
	*m = mappings[--mapping_count];
	return 0;
}

/* It has its room already: it stays where it is, or there is none. */
void *mremap(void *at, size_t old_len, size_t len, int flags, ...)
{
	va_list args;
	va_start(args, flags);
	void *to = flags & MREMAP_FIXED ? va_arg(args, void *) : NULL;
	va_end(args);
	struct mapping *m = find(at);
	if (!m)
		return (void *)syscall(SYS_mremap, at, old_len, len, flags, to);
	size_t offset = (size_t)(m->at - m->inode->bytes[NOW]);
	if (to || !len || len > FILE_MAX - offset)
		return failed(ENOMEM);
	return at;
}

int msync(void *at, size_t len, int flags)
{
	struct mapping *m = find(at);
	if (!m)
		return REAL(msync, NULL)(at, len, flags);
	if (flags & MS_SYNC)
		pier_inode_settle(m->inode, 256);
	return 0;
}

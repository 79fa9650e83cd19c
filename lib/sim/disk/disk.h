/* The disk of a node: what programs see, and what a failure of power would leave of it.
 *
 *	inode.c      a file's bytes: as they are, and those that are safe
 *	folder.c     names: as they are, those that are safe, and the changes between the two
 *	path.c       from the text of a path to a place in the tree
 *	disk.c       a node's disk as a whole: its room, its faults, the failure of its power
 *	file.c       open files, and what is asked of them
 *	fileop.c     … by the ops of the library
 *	content.c    … by the scenario
 *	device.c     what stands in /dev */
#ifndef SIM_DISK_H
#define SIM_DISK_H

#include "sim/net/sock.h"

#include <limits.h>
#include <sys/stat.h>

#define SECTOR	    512		/* bytes that a disk writes as a whole or not at all */
#define BLOCK	    4096	/* bytes: what is counted as used */
#define FILE_MAX    (64u << 20) /* bytes, of one file: more is -EFBIG */
#define ROOM_MAX    (1u << 30)	/* bytes of a disk about which nothing was said */
#define INODES_MAX  65536	/* of a disk: more is -ENOSPC */
#define CHANGES_MAX 1024	/* of names that wait: then the disk writes them */

/* Two of each: as programs see it, and as it is on the disk. */
enum when {
	NOW,
	SAFE
};

struct entry {
	struct entry *next;
	struct inode *inode;
	char name[];
};

/* Lives while a name of either time, a change between the two, or a descriptor holds it. */
struct inode {
	struct list link;
	struct disk *disk;
	unsigned refs;
	unsigned names, opens; /* now */
	uint64_t number;
	char device; /* the first letter of its name */
	mode_t mode;
	int64_t changed; /* mtime */
	/* A folder. */
	struct entry *entries[2];
	struct inode *parent[2];
	bool wanted,
		wanted_name; /* while what a sync needs is gathered: its changes, its own name */
	/* A file: one mapping of its bytes now, its bytes that are safe, and a mark per sector that waits for the disk. */
	char *bytes[2];
	uint8_t *waits;
	size_t size[2];
	size_t least;	 /* its size was, since its last sync */
	size_t from, to; /* sectors that wait lie within */
	size_t blocks;	 /* counted as used */
	bool shared;	 /* written to without a word: mmap */
};

/* One change of names that is not yet safe: out of a folder, into a folder, or both. */
struct change {
	struct list link;
	struct inode *from, *to, *inode;
	char *from_name, *to_name;
	bool stays; /* will be safe */
};

struct disk {
	char name[NAME_MAX_SIM]; /* of its node */
	unsigned number;
	struct list inodes, changes;
	unsigned change_count;
	struct inode *root;
	uint64_t numbers; /* of inodes so far */
	unsigned count;	  /* of inodes that are */
	unsigned boots;	  /* times that its node began: a device is not the same after that */
	int64_t room, used;
	double faults;
	unsigned eager; /* of 256 changes, so many move the disk to write something of itself */
};

/* ---- inode.c ------------------------------------------------------------------------------------- */

int pier_inode_new(struct disk *d, mode_t mode, struct inode **out);
struct inode *pier_inode_hold(struct inode *i);
void pier_inode_drop(struct inode *i);
/* Counts what reaches to `end` as used; of who has neither a name nor a descriptor any more, nothing. */
void pier_inode_charge(struct inode *i, size_t end);
void pier_inode_leave(struct inode *i);
int64_t pier_inode_read(const struct inode *i, void *into, size_t len, int64_t offset);
/* All of it, or as much as there is room for: at least a byte, or an error. */
int64_t pier_inode_write(struct inode *i, const void *from, size_t len, int64_t offset);
int pier_inode_resize(struct inode *i, int64_t size);
/* Makes safe what waits: of the sectors, and of a new size, each with that chance of 256. */
void pier_inode_settle(struct inode *i, unsigned chance);
/* Its bytes stay where they are, for who has them in his memory. 0 or -ENOMEM. */
int pier_inode_map(struct inode *i, bool writes);
void pier_inode_unmap(struct inode *i);
/* Nothing of what waits will be: the disk said so once, and does not know it any more. */
void pier_inode_give_up(struct inode *i);
/* What is safe is what there is. How many sectors were lost. */
size_t pier_inode_revert(struct inode *i);

/* ---- device.c ------------------------------------------------------------------------------------ */

/* Puts /dev there: null, zero, full, random, urandom. */
int pier_devices_new(struct disk *d);
int64_t pier_device_read(const struct inode *i, void *into, size_t len);
int64_t pier_device_write(const struct inode *i, size_t len);

/* ---- folder.c ------------------------------------------------------------------------------------ */

struct inode *pier_folder_find(const struct inode *dir, enum when when, const char *name);
/* A name less, a name more, or both at once. */
void pier_folder_change(struct inode *from, const char *from_name, struct inode *to,
			const char *to_name, struct inode *inode);
/* Makes safe all changes of a folder, in their order, and those without which they would make no sense. */
void pier_folder_sync(struct inode *dir);
/* Makes safe what chance keeps, of 256, in the order of each folder. */
void pier_folders_settle(struct disk *d, unsigned chance);
/* What is safe is what there is. How many changes were lost. */
size_t pier_folders_revert(struct disk *d);
void pier_folder_clear(struct inode *dir, enum when when);

/* ---- path.c -------------------------------------------------------------------------------------- */

/* The folder that holds the last name of a path, and that name: empty when the path is that folder itself. */
struct place {
	struct inode *dir;
	enum when when;
	char name[NAME_MAX + 1];
	bool slash;    /* at its end: it has to be a folder */
	unsigned dots; /* that stand there instead of a name; none: the root */
};

/* `beneath`: as openat2(2) with RESOLVE_BENEATH. */
int pier_path_walk(struct inode *at, const char *path, enum when when, bool beneath,
		   struct place *out);
struct inode *pier_place_inode(const struct place *p);

/* ---- disk.c -------------------------------------------------------------------------------------- */

/* That of a name; made when there is none. */
int pier_disk_of(const char *name, struct disk **out);
void pier_disk_crash(struct disk *d);
/* An error that the disk has by chance, or 0. */
int pier_disk_fault(const struct disk *d);
/* So much of it can be done: all, or by chance a part. */
size_t pier_disk_part(const struct disk *d, size_t len);
/* Something was changed: the disk may write some of what waits. */
void pier_disk_stir(struct disk *d, struct inode *i);

/* ---- file.c -------------------------------------------------------------------------------------- */

/* An open file. Its descriptors are names of its sock. */
struct file {
	struct inode *inode;
	int flags;
	int64_t offset;
	int lock; /* flock(2): LOCK_SH, LOCK_EX, or 0 */
};

/* Each returns ≥ 0 or an error. `at` is a descriptor of a folder, or AT_FDCWD. */
int pier_disk_open(struct node *n, int at, const char *path, int flags, mode_t mode, bool beneath);
int64_t pier_disk_read(struct file *f, void *into, size_t len, int64_t offset);
int64_t pier_disk_write(struct file *f, const void *from, size_t len, int64_t offset);
/* At the offset of the file, which goes along. */
int64_t pier_disk_readv(struct file *f, const struct iovec *iov, int count);
int64_t pier_disk_writev(struct file *f, const struct iovec *iov, int count);
int64_t pier_disk_seek(struct file *f, int64_t offset, int whence);
int pier_disk_resize(struct file *f, int64_t size);
int pier_disk_sync(struct file *f);
/* flock(2), without waiting: -EWOULDBLOCK. */
int pier_disk_flock(struct file *f, int how);
int pier_disk_rename(struct node *n, int at, const char *old_path, int to, const char *new_path,
		     unsigned flags);
int pier_disk_remove(struct node *n, int at, const char *path, int flags);
int pier_disk_mkdir(struct node *n, int at, const char *path, mode_t mode);
int pier_disk_stat(struct node *n, int at, const char *path, struct stat *out);
void pier_inode_stat(const struct inode *i, struct stat *out);
void pier_disk_close(struct file *f);
/* Of the node: NULL when it names no file. */
struct file *pier_disk_file(struct node *n, int fd);

/* ---- fileop.c ------------------------------------------------------------------------------------ */

/* An op of the file pool; true when it was one of a simulated disk. */
bool pier_disk_answer(struct node *n, struct io_op *op, int64_t *result);
/* An op of a stream on a descriptor that is a file. */
int64_t pier_disk_once(struct io *io, struct sock *s, struct io_op *op);

#endif

#include "listing.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int by_name(const void *a, const void *b)
{
	const struct pier_list_entry *x = a, *y = b;
	return strcmp(x->name, y->name);
}

static int add(pier_list *list, size_t *room, const char *name, const struct stat *st)
{
	if (list->count == *room) {
		size_t more = *room ? *room * 2 : 64;
		void *at = realloc(list->at, more * sizeof *list->at);
		if (!at)
			return -ENOMEM;
		list->at = at;
		*room = more;
	}
	char *copy = strdup(name);
	if (!copy)
		return -ENOMEM;
	list->at[list->count++] = (struct pier_list_entry){
		.name = copy,
		.info = {.size = st->st_size,
			 .mtime = (int64_t)st->st_mtim.tv_sec * 1000000000 + st->st_mtim.tv_nsec,
			 .inode = st->st_ino,
			 .is_dir = S_ISDIR(st->st_mode),
			 .is_file = S_ISREG(st->st_mode)}};
	return 0;
}

static int read_all(DIR *dir, size_t max, pier_list *list)
{
	size_t room = 0;
	struct dirent *e;

	while (errno = 0, (e = readdir(dir))) {
		struct stat st;
		if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, ".."))
			continue;
		/* Links are shown as what they are, not followed: they may lead outside. */
		if (fstatat(dirfd(dir), e->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			continue;
		if (list->count == max) {
			list->more = true;
			break;
		}
		int err = add(list, &room, e->d_name, &st);
		if (err < 0)
			return err;
	}
	return -errno;
}

int64_t pier_io_listing(int fd, size_t max, pier_list *list)
{
	/* A new description: the folder's own may be shared, and its position with it. */
	int own = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = own < 0 ? NULL : fdopendir(own);
	if (!dir) {
		int err = -errno;
		if (own >= 0)
			close(own);
		return err;
	}
	pier_list found = {0};
	int err = read_all(dir, max, &found);
	closedir(dir);
	if (err < 0) {
		pier_list_free(&found);
		return err;
	}
	if (found.count)
		qsort(found.at, found.count, sizeof *found.at, by_name);
	*list = found;
	return 0;
}

void pier_list_free(pier_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		free(list->at[i].name);
	free(list->at);
	*list = (pier_list){0};
}

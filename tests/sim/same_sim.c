/* A simulated disk answers as a real one: the same calls of libc, by chance, are made in a real folder and in a simulated
 * one, and all that was said must be the same. */
#include "test.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <pier.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define CALLS	  400
#define SLOTS	  6
#define HEARD_MAX (256u << 10)

struct play {
	uint64_t chance;
	char root[64];
	int fds[SLOTS];
	char *heard; /* what each call said */
	size_t len;
};

static unsigned draw(struct play *p, unsigned n)
{
	p->chance = p->chance * 6364136223846793005u + 1442695040888963407u;
	return (unsigned)(p->chance >> 33) % n;
}

static void hear(struct play *p, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	int n = vsnprintf(p->heard + p->len, HEARD_MAX - p->len, format, args);
	va_end(args);
	CHECK(n >= 0 && (size_t)n < HEARD_MAX - p->len);
	p->len += (size_t)n;
}

/* A result that is more than 0 or an error is told by who knows what is meant. */
static void said(struct play *p, const char *what, long result)
{
	hear(p, "%s %ld %d\n", what, result < 0 ? -1 : result, result < 0 ? errno : 0);
}

static const char *path_of(struct play *p, char out[128])
{
	static const char *const names[] = {"a",   "b",	    "c",     "d",   "d/a",    "d/b",
					    "d/e", "d/e/f", "d/e/g", "a/",  "./b",    "d/../c",
					    "d/.", "d/",    "d//a",  "e/x", "d/e/..", "d/e/../a"};
	snprintf(out, 128, "%s/%s", p->root, names[draw(p, sizeof names / sizeof *names)]);
	return out;
}

/* ---- Calls ---------------------------------------------------------------------------------------- */

static void call_open(struct play *p)
{
	static const int flags[] = {O_RDONLY,
				    O_RDWR,
				    O_WRONLY,
				    O_RDWR | O_CREAT,
				    O_RDWR | O_CREAT,
				    O_WRONLY | O_CREAT | O_EXCL,
				    O_RDWR | O_CREAT | O_TRUNC,
				    O_RDWR | O_APPEND,
				    O_RDONLY | O_DIRECTORY,
				    O_PATH};
	char path[128];
	unsigned slot = draw(p, SLOTS), how = draw(p, sizeof flags / sizeof *flags);
	if (p->fds[slot] >= 0)
		said(p, "close", close(p->fds[slot]));
	p->fds[slot] = open(path_of(p, path), flags[how] | O_CLOEXEC, 0600);
	said(p, "open", p->fds[slot] < 0 ? -1 : 0);
}

static void call_write(struct play *p)
{
	char bytes[3000];
	int fd = p->fds[draw(p, SLOTS)];
	size_t len = draw(p, sizeof bytes);
	memset(bytes, 'a' + (int)draw(p, 26), sizeof bytes);
	if (draw(p, 2))
		said(p, "write", write(fd, bytes, len));
	else
		said(p, "pwrite", pwrite(fd, bytes, len, (off_t)draw(p, 20000)));
}

static void call_read(struct play *p)
{
	char bytes[3000];
	int fd = p->fds[draw(p, SLOTS)];
	size_t len = draw(p, sizeof bytes);
	ssize_t n =
		draw(p, 2) ? read(fd, bytes, len) : pread(fd, bytes, len, (off_t)draw(p, 20000));
	unsigned sum = 0;
	for (ssize_t i = 0; i < n; i++)
		sum = sum * 31 + (unsigned char)bytes[i];
	said(p, "read", n);
	hear(p, "%u\n", sum);
}

static void call_fd(struct play *p)
{
	struct stat st;
	int fd = p->fds[draw(p, SLOTS)];
	switch (draw(p, 6)) {
	case 0:
		said(p, "ftruncate", ftruncate(fd, (off_t)draw(p, 20000)));
		break;
	case 1:
		said(p, "lseek", lseek(fd, 0, SEEK_CUR)); /* of a folder nobody knows */
		break;
	case 2:
		said(p, "fsync", fsync(fd));
		break;
	case 3:
		said(p, "fcntl", fcntl(fd, F_GETFL) & (O_ACCMODE | O_APPEND | O_PATH));
		break;
	default:
		said(p, "fstat", fstat(fd, &st));
		if (fd >= 0 && S_ISREG(st.st_mode))
			hear(p, "%ld %u\n", (long)st.st_size, (unsigned)st.st_nlink);
	}
}

static void call_name(struct play *p)
{
	char one[128], two[128];
	struct stat st;
	path_of(p, one);
	path_of(p, two);
	switch (draw(p, 8)) {
	case 0:
	case 1:
		said(p, "rename", rename(one, two));
		break;
	case 2:
		said(p, "unlink", unlink(one));
		break;
	case 3:
	case 4:
		said(p, "mkdir", mkdir(one, 0700));
		break;
	case 5:
		said(p, "rmdir", draw(p, 4) ? 0 : rmdir(one));
		break;
	case 6:
		said(p, "access", access(one, F_OK));
		break;
	default:
		said(p, "stat", stat(one, &st));
		hear(p, "%d\n", (int)(access(one, F_OK) == 0 ? st.st_mode & S_IFMT : 0));
	}
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void call_list(struct play *p)
{
	char path[128], *names[64];
	size_t count = 0;
	DIR *d = opendir(path_of(p, path));
	said(p, "opendir", d ? 0 : -1);
	for (struct dirent *e; d && (e = readdir(d)) && count < 64;)
		names[count++] = strdup(e->d_name);
	if (d)
		said(p, "closedir", closedir(d));
	if (count)
		qsort(names, count, sizeof *names, by_name);
	for (size_t i = 0; i < count; i++) {
		hear(p, "%s\n", names[i]);
		free(names[i]);
	}
}

static void call_stream(struct play *p)
{
	static const char *const modes[] = {"r", "w", "a+", "r+"};
	char path[128], line[64] = "";
	FILE *f = fopen(path_of(p, path), modes[draw(p, 4)]);
	said(p, "fopen", f ? 0 : -1);
	if (!f)
		return;
	hear(p, "%d\n", fprintf(f, "a line %u\n", draw(p, 1000)));
	hear(p, "%d\n", fflush(f));
	rewind(f);
	hear(p, "%s\n", fgets(line, sizeof line, f) ? line : "none");
	said(p, "fsync", fsync(fileno(f)));
	hear(p, "%d\n", fclose(f));
}

static void call_map(struct play *p)
{
	int fd = p->fds[draw(p, SLOTS)];
	struct stat st;
	bool shared = draw(p, 2);
	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_size == 0)
		return;
	unsigned char *at = mmap(NULL, (size_t)st.st_size, PROT_READ | PROT_WRITE,
				 shared ? MAP_SHARED : MAP_PRIVATE, fd, 0);
	said(p, "mmap", at == MAP_FAILED ? -1 : 0);
	if (at == MAP_FAILED)
		return;
	at[st.st_size / 2]++;
	hear(p, "%d %d\n", at[0], at[st.st_size / 2]);
	said(p, "munmap", munmap(at, (size_t)st.st_size));
}

static void play(struct play *p)
{
	static void (*const calls[])(struct play *) = {
		call_open, call_open, call_write, call_write,  call_read, call_fd,
		call_name, call_name, call_list,  call_stream, call_map};
	for (int i = 0; i < SLOTS; i++)
		p->fds[i] = -1;
	said(p, "mkdir", mkdir(p->root, 0700));
	for (int i = 0; i < CALLS; i++)
		calls[draw(p, sizeof calls / sizeof *calls)](p);
	for (int i = 0; i < SLOTS; i++)
		if (p->fds[i] >= 0)
			close(p->fds[i]);
}

/* ---- There and here ------------------------------------------------------------------------------- */

static struct play real, simulated;
static bool played;

static int program(void)
{
	play(&simulated);
	played = true;
	return 0;
}

static void tell_difference(void)
{
	size_t i = 0, line = 0;
	for (; i < real.len && real.heard[i] == simulated.heard[i]; i++)
		if (real.heard[i] == '\n')
			line = i + 1;
	fprintf(stderr, "real:\n%.60s\nsimulated:\n%.60s\n", real.heard + line,
		simulated.heard + line);
}

static int compare(pier_sim *s)
{
	CHECK_OK(pier_sim_node(s, "srv", program));
	while (!played)
		pier_sleep(PIER_MS(10));
	bool same = real.len == simulated.len && !memcmp(real.heard, simulated.heard, real.len);
	if (!same)
		tell_difference();
	return pier_sim_check(s, same);
}

static int remove_it(const char *path, const struct stat *st, int type, struct FTW *at)
{
	(void)st;
	(void)type;
	(void)at;
	return remove(path);
}

TEST_WITHIN(60, a_simulated_disk_answers_as_a_real_one)
{
	char folder[] = "/tmp/pier-same-XXXXXX";
	CHECK(mkdtemp(folder));
	for (unsigned seed = 1; seed <= 60; seed++) {
		real = simulated = (struct play){.chance = seed};
		CHECK((real.heard = malloc(HEARD_MAX)) && (simulated.heard = malloc(HEARD_MAX)));
		snprintf(real.root, sizeof real.root, "%s/%u", folder, seed);
		snprintf(simulated.root, sizeof simulated.root, "/home");
		play(&real);
		CHECK_EQ(pier_sim_run(compare, .seeds = 1, .seed = seed), 0);
		free(real.heard);
		free(simulated.heard);
	}
	nftw(folder, remove_it, 8, FTW_DEPTH | FTW_PHYS);
}

/* Every call of file.h, and every way out of a folder. */
#include "test.h"

#include <errno.h>
#include <fcntl.h>
#include <pier.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

/* The promise outside of fibers, then on one, each in a new folder that is the working directory:
 *
 *	outside		a file that nobody beneath may reach
 *	home/		the folder, open as `d`
 *	home/in		a file, "inside"
 *
 * `first` is done before all. */
#define IN_FOLDER_AFTER(first, seconds, name)                                                      \
	static void name##_body(pier_dir *d);                                                      \
	static int name##_main(void *arg)                                                          \
	{                                                                                          \
		(void)arg;                                                                         \
		in_folder(name##_body);                                                            \
		return 0;                                                                          \
	}                                                                                          \
	TEST_WITHIN(seconds, name)                                                                 \
	{                                                                                          \
		first;                                                                             \
		fprintf(stderr, "outside of fibers:\n");                                           \
		in_folder(name##_body);                                                            \
		fprintf(stderr, "on a fiber:\n");                                                  \
		CHECK_EQ(pier_run(name##_main, NULL, .workers = 1), 0);                            \
	}                                                                                          \
	static void name##_body(pier_dir *d)
#define IN_FOLDER(name)		    IN_FOLDER_AFTER((void)0, 10, name)
#define WITH_OPENAT2(seconds, name) IN_FOLDER_AFTER(need_openat2(), seconds, name)
#define WITHOUT_OPENAT2(name)	    IN_FOLDER_AFTER(test_forbid(SYS_openat2), 10, name)

static void need_openat2(void)
{
	if (syscall(SYS_openat2, -1, "", NULL, 0) < 0 && errno == ENOSYS)
		test_skip("this kernel has no openat2");
}

static void write_text(const char *path, const char *text)
{
	int fd = open(path, O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0600);
	CHECK_EQ(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

static void is_text(const char *path, const char *text)
{
	char got[64] = "";
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	CHECK(fd >= 0);
	CHECK(read(fd, got, sizeof got - 1) >= 0);
	CHECK_STR(got, text);
	close(fd);
}

static void in_folder(void (*body)(pier_dir *d))
{
	char path[] = "/tmp/pier-file-XXXXXX", command[64];
	pier_dir *d;
	CHECK(mkdtemp(path));
	CHECK_EQ(chdir(path), 0);
	CHECK_EQ(mkdir("home", 0700), 0);
	write_text("outside", "outside");
	write_text("home/in", "inside");
	CHECK_OK(pier_dir_open("home", false, &d));
	body(d);
	pier_dir_close(d);
	CHECK_EQ(chdir("/"), 0);
	snprintf(command, sizeof command, "rm -rf %s", path);
	CHECK_EQ(system(command), 0);
}

static bool opens(pier_dir *d, const char *path)
{
	int fd = pier_file_open(d, path, PIER_READ);
	if (fd >= 0)
		CHECK_OK(pier_file_close(fd));
	return fd >= 0;
}

/* ---- Folders --------------------------------------------------------------------------------------- */

IN_FOLDER(a_folder_is_made_with_its_parents_when_asked)
{
	pier_dir *made = NULL;
	struct stat st;
	(void)d;
	CHECK_EQ(pier_dir_open("a/b//c", false, &made), -ENOENT);
	CHECK(!made);
	CHECK_OK(pier_dir_open("a/b//c", true, &made));
	pier_dir_close(made);
	CHECK_EQ(stat("a/b/c", &st), 0);
	CHECK_EQ(st.st_mode & 0777, 0700);
	CHECK_OK(pier_dir_open("a/b/c/", true, &made));
	pier_dir_close(made);
	CHECK_EQ(pier_dir_open("outside", true, &made), -ENOTDIR);
	CHECK_EQ(pier_dir_open("outside/x", true, &made), -ENOTDIR);
	char *longest = malloc(5001);
	memset(longest, 'a', 5000);
	longest[5000] = '\0';
	CHECK_EQ(pier_dir_open(longest, true, &made), -ENAMETOOLONG);
	free(longest);
	pier_dir_close(NULL);
}

/* ---- Ways out --------------------------------------------------------------------------------------- */

static void make_links(void)
{
	char absolute[4200], cwd[4096];
	CHECK(getcwd(cwd, sizeof cwd));
	snprintf(absolute, sizeof absolute, "%s/outside", cwd);
	CHECK_EQ(mkdir("home/sub", 0700), 0);
	CHECK_EQ(mkdir("elsewhere", 0700), 0);
	write_text("elsewhere/file", "outside");
	CHECK_EQ(symlink(absolute, "home/absolute"), 0);
	CHECK_EQ(symlink("../outside", "home/relative"), 0);
	CHECK_EQ(symlink("../../outside", "home/sub/relative"), 0);
	CHECK_EQ(symlink("../elsewhere", "home/folder"), 0);
	CHECK_EQ(symlink("relative", "home/twice"), 0);
	CHECK_EQ(symlink("..", "home/up"), 0);
	CHECK_EQ(symlink("/", "home/root"), 0);
	CHECK_EQ(symlink("/proc/self/cwd/outside", "home/magic"), 0);
	CHECK_EQ(symlink("../new", "home/dangling"), 0);
	CHECK_EQ(symlink("loop", "home/loop"), 0);
}

static const char *const ways_out[] = {
	"../outside",
	"sub/../../outside",
	"./../outside",
	"../home/in",
	"..",
	"sub/../..",
	"/etc/passwd",
	"/",
	"absolute",
	"relative",
	"sub/relative",
	"folder/file",
	"folder/../in",
	"twice",
	"up/outside",
	"up/home/in",
	"root/etc/passwd",
	"magic",
	"dangling",
	"loop",
	"folder",
	"/in",
	"//in",
	"folder/new",
	"up/new",
	"../new",
	"sub/../../new",
};
#define WAYS (sizeof ways_out / sizeof *ways_out)

static void find_no_way_out(pier_dir *d)
{
	pier_file_info info = {.size = 77};
	pier_list list = {.count = 77};
	make_links();
	for (size_t i = 0; i < WAYS; i++) {
		const char *way = ways_out[i];
		fprintf(stderr, "  %s\n", way);
		CHECK(!opens(d, way));
		CHECK(pier_file_open(d, way, PIER_WRITE | PIER_TRUNCATE) < 0);
		CHECK(pier_file_open(d, way, PIER_WRITE | PIER_CREATE) < 0);
		CHECK(pier_file_stat(d, way, &info) < 0);
		CHECK_EQ(info.size, 77);
		CHECK(pier_file_list(d, way, 10, &list) < 0);
		CHECK_EQ(list.count, 77);
	}
	for (size_t i = 0; i < WAYS; i++) {
		const char *way = ways_out[i];
		fprintf(stderr, "  to %s\n", way);
		bool names_a_link = !strchr(way, '/') && strcmp(way, "..") != 0;
		if (names_a_link)
			continue; /* a link's name is beneath, though it leads outside */
		if (strcmp(way, "sub/relative") == 0)
			continue;
		CHECK(pier_file_rename(d, "in", d, way) < 0);
		CHECK(pier_file_rename(d, way, d, "got") < 0);
		CHECK(pier_file_remove(d, way) < 0);
	}
	is_text("outside", "outside");
	is_text("elsewhere/file", "outside");
	is_text("home/in", "inside");
	CHECK_EQ(access("new", F_OK), -1);
	CHECK_EQ(access("elsewhere/new", F_OK), -1);
	CHECK_EQ(access("home/got", F_OK), -1);
	CHECK_EQ(pier_file_open(d, "../outside", PIER_READ), -EXDEV);
	CHECK_EQ(pier_file_open(d, "/etc/passwd", PIER_READ), -EXDEV);
	CHECK_EQ(pier_file_open(d, "absolute", PIER_READ), -EXDEV);
}

IN_FOLDER(no_path_leads_outside)
{
	find_no_way_out(d);
}

WITHOUT_OPENAT2(without_openat2_no_path_leads_outside_either)
{
	find_no_way_out(d);
}

WITHOUT_OPENAT2(without_openat2_links_and_ways_up_are_refused)
{
	pier_file_info info;
	CHECK_EQ(mkdir("home/sub", 0700), 0);
	CHECK_EQ(symlink("in", "home/link"), 0);
	CHECK_EQ(symlink("sub", "home/folder"), 0);
	CHECK_EQ(symlink("later", "home/dangling"), 0);
	CHECK_EQ(pier_file_open(d, "link", PIER_READ), -EXDEV);
	CHECK_EQ(pier_file_stat(d, "link", &info), -EXDEV);
	CHECK_EQ(pier_file_open(d, "dangling", PIER_WRITE | PIER_CREATE), -EXDEV);
	CHECK_EQ(access("home/later", F_OK), -1);
	CHECK_EQ(pier_file_open(d, "folder/x", PIER_READ), -EXDEV);
	CHECK_EQ(pier_file_open(d, "sub/../in", PIER_READ), -EXDEV);
	CHECK_EQ(pier_file_open(d, "in/x", PIER_READ), -ENOTDIR);
	CHECK_EQ(pier_file_open(d, "in/", PIER_READ), -ENOTDIR);
	CHECK_EQ(pier_file_open(d, "sub/", PIER_READ), -EISDIR);
	CHECK(opens(d, "./in"));
	CHECK(opens(d, ".//.//in"));
	int fd = pier_file_open(d, "sub/a/b", PIER_WRITE | PIER_CREATE);
	CHECK_OK(fd);
	CHECK_OK(pier_file_close(fd));
	CHECK(opens(d, "sub//a/b"));
	CHECK(opens(NULL, "home/link")); /* the process's own paths go where they like */
}

WITH_OPENAT2(10, links_within_the_folder_are_followed)
{
	CHECK_EQ(mkdir("home/sub", 0700), 0);
	CHECK_EQ(symlink("in", "home/link"), 0);
	CHECK_EQ(symlink("../in", "home/sub/back"), 0);
	CHECK_EQ(symlink("sub", "home/folder"), 0);
	CHECK_EQ(symlink("later", "home/dangling"), 0);
	CHECK(opens(d, "link"));
	CHECK(opens(d, "sub/back"));
	CHECK(opens(d, "folder/back"));
	CHECK(opens(d, "sub/../in"));
	CHECK(opens(d, "./in"));
	int fd = pier_file_open(d, "folder/new", PIER_WRITE | PIER_CREATE);
	CHECK_OK(fd);
	CHECK_OK(pier_file_close(fd));
	CHECK_EQ(access("home/sub/new", F_OK), 0);
	fd = pier_file_open(d, "dangling", PIER_WRITE | PIER_CREATE);
	CHECK_OK(fd);
	CHECK_OK(pier_file_close(fd));
	CHECK_EQ(access("home/later", F_OK), 0);
}

TEST(magic_links_are_not_followed)
{
	pier_dir *proc;
	int fd = open("/etc/passwd", O_RDONLY);
	char path[32];
	CHECK_OK(pier_dir_open("/proc/self", false, &proc));
	snprintf(path, sizeof path, "fd/%d", fd);
	CHECK(!opens(proc, path));
	CHECK(!opens(proc, "exe"));
	CHECK(!opens(proc, "cwd/etc/passwd"));
	CHECK(!opens(proc, "root/etc/passwd"));
	CHECK(opens(proc, "status"));
	pier_dir_close(proc);
	close(fd);
}

/* ---- What is no file -------------------------------------------------------------------------------- */

IN_FOLDER(what_is_neither_file_nor_folder_is_not_opened)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX, .sun_path = "home/socket"};
	pier_file_info info;
	CHECK_EQ(mkfifo("home/fifo", 0600), 0);
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	CHECK_EQ(bind(fd, (struct sockaddr *)&at, sizeof at), 0);
	close(fd);
	int64_t start = pier_now();
	CHECK_EQ(pier_file_open(d, "fifo", PIER_READ), -EINVAL);
	CHECK(pier_file_open(d, "fifo", PIER_WRITE) < 0);
	CHECK(pier_file_open(d, "fifo", PIER_WRITE | PIER_CREATE) < 0);
	CHECK(pier_file_open(d, "socket", PIER_READ) < 0);
	CHECK(pier_now() - start < PIER_S(2));
	CHECK_EQ(mkdir("home/sub", 0700), 0);
	CHECK_EQ(pier_file_open(d, "sub", PIER_READ), -EISDIR);
	CHECK_EQ(pier_file_open(d, "sub", PIER_WRITE), -EISDIR);
	CHECK_EQ(pier_file_open(d, ".", PIER_READ), -EISDIR);
	CHECK(pier_file_open(d, "", PIER_READ) < 0);
	CHECK(pier_file_open(d, "in/", PIER_READ) < 0);
	CHECK(pier_file_open(d, "in/x", PIER_READ) < 0);
	CHECK_OK(pier_file_stat(d, "fifo", &info));
	CHECK(!info.is_file && !info.is_dir);
	CHECK_OK(pier_file_stat(d, "sub", &info));
	CHECK(!info.is_file && info.is_dir);
	CHECK_OK(pier_file_stat(d, "", &info));
	CHECK(info.is_dir);
	if (geteuid() == 0 && mknod("home/null", S_IFCHR | 0600, 0x103) == 0)
		CHECK_EQ(pier_file_open(d, "null", PIER_READ), -EINVAL);
}

/* ---- Files ------------------------------------------------------------------------------------------ */

IN_FOLDER(files_are_made_truncated_and_refused_as_asked)
{
	pier_file_info info;
	CHECK_EQ(pier_file_open(d, "new", PIER_WRITE), -ENOENT);
	int fd = pier_file_open(d, "new", PIER_WRITE | PIER_CREATE | PIER_EXCLUSIVE);
	CHECK_OK(fd);
	CHECK(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	CHECK_EQ(pier_file_write(fd, "hello", 5, 0), 5);
	CHECK_OK(pier_file_sync(fd));
	CHECK_OK(pier_file_close(fd));
	CHECK_EQ(pier_file_open(d, "new", PIER_WRITE | PIER_CREATE | PIER_EXCLUSIVE), -EEXIST);
	fd = pier_file_open(d, "new", PIER_WRITE | PIER_CREATE);
	CHECK_OK(pier_file_fstat(fd, &info));
	CHECK_EQ(info.size, 5);
	CHECK(info.is_file && !info.is_dir && info.inode);
	CHECK(info.mtime > pier_wall() - PIER_MIN(1) && info.mtime < pier_wall() + PIER_MIN(1));
	CHECK_OK(pier_file_close(fd));
	fd = pier_file_open(d, "new", PIER_WRITE | PIER_TRUNCATE);
	CHECK_OK(pier_file_fstat(fd, &info));
	CHECK_EQ(info.size, 0);
	CHECK_OK(pier_file_close(fd));
	fd = pier_file_open(d, "in", PIER_READ);
	CHECK_EQ(pier_file_write(fd, "x", 1, 0), -EBADF);
	CHECK_OK(pier_file_close(fd));
}

IN_FOLDER(bytes_are_read_and_written_at_offsets)
{
	enum {
		MUCH = 3000000
	};
	char got[16] = "", *much = malloc(MUCH), *back = malloc(MUCH);
	int fd = pier_file_open(d, "new", PIER_WRITE | PIER_CREATE);
	for (int i = 0; i < MUCH; i++)
		much[i] = (char)(i * 7);
	CHECK_EQ(pier_file_write(fd, "world", 5, 6), 5);
	CHECK_EQ(pier_file_write(fd, "hello ", 6, 0), 6);
	CHECK_EQ(pier_file_write(fd, "", 0, 0), 0);
	CHECK_EQ(pier_file_read(fd, got, sizeof got, 0), 11);
	CHECK_STR(got, "hello world");
	CHECK_EQ(pier_file_read(fd, got, 3, 4), 3);
	CHECK(memcmp(got, "o w", 3) == 0);
	CHECK_EQ(pier_file_read(fd, got, sizeof got, 11), 0);
	CHECK_EQ(pier_file_read(fd, got, sizeof got, 1000), 0);
	CHECK_EQ(pier_file_read(fd, got, sizeof got, -1), -EINVAL);
	CHECK_EQ(pier_file_write(fd, much, MUCH, 100), MUCH);
	ssize_t sum = 0;
	for (ssize_t n; (n = pier_file_read(fd, back + sum, (size_t)(MUCH - sum), 100 + sum)) > 0;)
		sum += n;
	CHECK_EQ(sum, MUCH);
	CHECK(memcmp(much, back, MUCH) == 0);
	CHECK_EQ(pier_file_read(-1, got, 1, 0), -EBADF);
	CHECK_OK(pier_file_close(fd));
	free(much);
	free(back);
}

IN_FOLDER(missing_folders_are_made_for_a_new_file)
{
	int fd = pier_file_open(d, "a//b/./c/file", PIER_WRITE | PIER_CREATE);
	CHECK_OK(fd);
	CHECK_EQ(pier_file_write(fd, "deep", 4, 0), 4);
	CHECK_OK(pier_file_close(fd));
	is_text("home/a/b/c/file", "deep");
	CHECK_EQ(pier_file_open(d, "x/y", PIER_WRITE), -ENOENT);
	CHECK_EQ(access("home/x", F_OK), -1);
	CHECK_EQ(pier_file_open(d, "in/y", PIER_WRITE | PIER_CREATE), -ENOTDIR);
	CHECK(pier_file_open(d, "m/n/", PIER_WRITE | PIER_CREATE) < 0);
	char longest[400];
	memset(longest, 'n', sizeof longest);
	memcpy(longest + 300, "/x", 3);
	CHECK_EQ(pier_file_open(d, longest, PIER_WRITE | PIER_CREATE), -ENAMETOOLONG);
	memset(longest, 'n', 301);
	longest[301] = '\0';
	CHECK_EQ(pier_file_open(d, longest, PIER_WRITE | PIER_CREATE), -ENAMETOOLONG);
}

TEST(a_full_disk_is_an_error)
{
	if (geteuid() != 0 || unshare(CLONE_NEWNS) < 0 ||
	    mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount("tiny", "/mnt", "tmpfs", 0, "size=64k") < 0)
		return; /* it takes root to have a small disk */
	pier_dir *d;
	static char much[200000];
	pier_file_info info;
	CHECK_OK(pier_dir_open("/mnt", false, &d));
	int fd = pier_file_open(d, "file", PIER_WRITE | PIER_CREATE);
	CHECK_OK(fd);
	CHECK_EQ(pier_file_write(fd, much, 1000, 0), 1000);
	CHECK_EQ(pier_file_write(fd, much, sizeof much, 1000), -ENOSPC);
	CHECK_OK(pier_file_fstat(fd, &info));
	CHECK(info.size >= 1000 && info.size <= 65536);
	CHECK_OK(pier_file_close(fd));
	CHECK_OK(pier_file_remove(d, "file"));
	pier_dir_close(d);
	CHECK_EQ(umount("/mnt"), 0);
}

/* ---- Names ------------------------------------------------------------------------------------------ */

IN_FOLDER(rename_moves_replaces_and_makes_folders)
{
	pier_dir *other;
	write_text("home/a", "first");
	CHECK_OK(pier_file_rename(d, "a", d, "b"));
	is_text("home/b", "first");
	CHECK_OK(pier_file_rename(d, "b", d, "in"));
	is_text("home/in", "first");
	CHECK_OK(pier_file_rename(d, "in", d, "x/y/z"));
	is_text("home/x/y/z", "first");
	CHECK_OK(pier_dir_open("other", true, &other));
	CHECK_OK(pier_file_rename(d, "x/y/z", other, "deep/er"));
	is_text("other/deep/er", "first");
	CHECK_OK(pier_file_rename(d, "x", other, "x"));
	CHECK_EQ(access("other/x/y", F_OK), 0);
	CHECK_EQ(pier_file_rename(d, "missing", d, "to"), -ENOENT);
	CHECK_EQ(pier_file_rename(d, "missing/in", d, "to"), -ENOENT);
	static const char *const nameless[] = {"", ".", "..", "x/", "x/.", "x/.."};
	write_text("home/a", "kept");
	for (size_t i = 0; i < sizeof nameless / sizeof *nameless; i++) {
		CHECK(pier_file_rename(d, "a", d, nameless[i]) < 0);
		CHECK(pier_file_rename(d, nameless[i], d, "to") < 0);
		CHECK(pier_file_remove(d, nameless[i]) < 0);
	}
	is_text("home/a", "kept");
	pier_dir_close(other);
}

IN_FOLDER(remove_takes_files_and_links_themselves)
{
	CHECK_EQ(symlink("../outside", "home/link"), 0);
	CHECK_OK(pier_file_remove(d, "link"));
	is_text("outside", "outside");
	CHECK_OK(pier_file_remove(d, "in"));
	CHECK_EQ(pier_file_remove(d, "in"), -ENOENT);
	CHECK_EQ(mkdir("home/sub", 0700), 0);
	CHECK_EQ(pier_file_remove(d, "sub"), -EISDIR);
}

IN_FOLDER(without_a_folder_paths_are_the_process_s)
{
	char absolute[4200], cwd[4096];
	(void)d;
	CHECK(getcwd(cwd, sizeof cwd));
	snprintf(absolute, sizeof absolute, "%s/outside", cwd);
	CHECK(opens(NULL, absolute));
	CHECK(opens(NULL, "home/in"));
	CHECK_OK(pier_file_rename(NULL, absolute, NULL, "moved"));
	is_text("moved", "outside");
	CHECK_EQ(pier_file_rename(NULL, "/moved", NULL, "again"), -ENOENT); /* of the root */
	CHECK_EQ(pier_file_remove(NULL, "/moved"), -ENOENT);
	is_text("moved", "outside");
	CHECK_OK(pier_file_remove(NULL, "moved"));
}

/* ---- Lists ------------------------------------------------------------------------------------------ */

IN_FOLDER(a_list_is_sorted_and_no_longer_than_asked)
{
	pier_list list;
	CHECK_OK(pier_file_list(d, "", 100, &list));
	CHECK_EQ(list.count, 1);
	CHECK_STR(list.at[0].name, "in");
	CHECK_EQ(list.at[0].info.size, 6);
	CHECK(list.at[0].info.is_file && !list.more);
	pier_list_free(&list);
	CHECK_OK(pier_file_remove(d, "in"));
	CHECK_OK(pier_file_list(d, "", 100, &list));
	CHECK_EQ(list.count, 0);
	CHECK(!list.more);
	pier_list_free(&list);
	for (int i = 0; i < 150; i++) {
		char name[32];
		snprintf(name, sizeof name, "home/f%03d", i * 37 % 150);
		write_text(name, "x");
	}
	CHECK_EQ(mkdir("home/sub", 0700), 0);
	CHECK_EQ(symlink("../outside", "home/link"), 0);
	CHECK_OK(pier_file_list(d, ".", 152, &list));
	CHECK_EQ(list.count, 152);
	CHECK(!list.more);
	for (size_t i = 1; i < list.count; i++)
		CHECK(strcmp(list.at[i - 1].name, list.at[i].name) < 0);
	CHECK_STR(list.at[0].name, "f000");
	CHECK_STR(list.at[150].name, "link");
	CHECK(!list.at[150].info.is_file && !list.at[150].info.is_dir); /* not followed */
	CHECK_STR(list.at[151].name, "sub");
	CHECK(list.at[151].info.is_dir);
	pier_list_free(&list);
	for (size_t max = 0; max <= 151; max += 151) {
		CHECK_OK(pier_file_list(d, "", max, &list));
		CHECK_EQ(list.count, max);
		CHECK(list.more);
		pier_list_free(&list);
	}
	CHECK_OK(pier_file_list(d, "sub", 10, &list));
	CHECK_EQ(list.count, 0);
	pier_list_free(&list);
	CHECK_EQ(pier_file_list(d, "f000", 10, &list), -ENOTDIR);
	CHECK_EQ(pier_file_list(d, "missing", 10, &list), -ENOENT);
}

/* ---- Others at work in the same folder -------------------------------------------------------------- */

struct mover {
	atomic_bool end;
	pthread_t thread;
};

static void *move_always(void *arg)
{
	struct mover *m = arg;
	while (!atomic_load(&m->end)) {
		rename("home/sub", "home/bus");
		rename("home/bus", "home/sub");
	}
	return NULL;
}

/* openat2(2): with "..", a rename anywhere meanwhile is answered by EAGAIN. */
WITH_OPENAT2(20, renames_meanwhile_are_no_error)
{
	struct mover m = {0};
	CHECK_EQ(mkdir("home/sub", 0700), 0);
	CHECK_EQ(mkdir("home/still", 0700), 0);
	CHECK_EQ(pthread_create(&m.thread, NULL, move_always, &m), 0);
	for (int i = 0; i < 3000; i++) {
		int fd = pier_file_open(d, "still/../still/../still/../in", PIER_READ);
		CHECK_OK(fd);
		CHECK_OK(pier_file_close(fd));
	}
	atomic_store(&m.end, true);
	pthread_join(m.thread, NULL);
}

static int use_file(void *arg)
{
	char name[32], got[16];
	static int number;
	int me = number++;
	for (int i = 0; i < 5; i++) {
		snprintf(name, sizeof name, "d%d/f%d", me % 10, me);
		int fd = pier_file_open(arg, name, PIER_WRITE | PIER_CREATE);
		CHECK_OK(fd);
		CHECK_EQ(pier_file_write(fd, name, strlen(name), 0), strlen(name));
		memset(got, 0, sizeof got);
		CHECK_EQ(pier_file_read(fd, got, sizeof got, 0), strlen(name));
		CHECK_STR(got, name);
		CHECK_OK(pier_file_close(fd));
	}
	return 0;
}

static int use_files(void *arg)
{
	pier_group g = PIER_GROUP;
	for (int i = 0; i < 300; i++)
		CHECK_OK(pier_go(&g, use_file, arg));
	return pier_group_wait(&g);
}

static void from_many_fibers(pier_dir *d)
{
	CHECK_EQ(pier_run(use_files, d), 0);
}

TEST(many_fibers_use_files_at_once)
{
	in_folder(from_many_fibers);
}

/* Files on simulated disks: what a sync promises is there after a crash, and whoever left one out is found. */
#include "test.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pier.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define VERSIONS 40
#define SIZE	 3000 /* bytes of a version: more than a few sectors */

static pier_sim *sim;
static int
	promised; /* the version that was said to be safe; static, as whoever crashes has no other way to tell */

static void fill(char *at, int version)
{
	memset(at, 'a' + version % 26, SIZE);
	snprintf(at, 16, "%d", version);
}

/* The version of a file that is whole; -1 for what is torn. */
static int version_of(pier_bytes file)
{
	char whole[SIZE], text[16] = "";
	if (file.len != SIZE)
		return -1;
	memcpy(text, file.p, sizeof text - 1);
	int version = atoi(text);
	fill(whole, version);
	return memcmp(whole, file.p, SIZE) ? -1 : version;
}

/* A program that writes version after version is crashed now and then; what it promised is there. */
static int crash_and_look(pier_sim *s, int (*program)(void))
{
	pier_bytes file;
	sim = s;
	promised = 0;
	CHECK_OK(pier_sim_file_put(s, "srv", "/var/data/readme", pier_text("kept")));
	CHECK_OK(pier_sim_node(s, "srv", program));
	for (int crash = 0; crash < 4; crash++) {
		pier_sleep((int64_t)pier_sim_chance(s, PIER_MS(60)));
		if (pier_sim_crash(s, "srv") < 0)
			break; /* it has ended */
		int err = pier_sim_file_get(s, "srv", "/var/data/conf", true, &file);
		if (pier_sim_check(s, err == 0 || promised == 0) < 0)
			return -EPROTO;
		if (err == 0 && pier_sim_check(s, version_of(file) >= promised) < 0)
			return -EPROTO;
		CHECK_OK(pier_sim_file_get(s, "srv", "/var/data/readme", false, &file));
		CHECK_BYTES(file, "kept");
		CHECK_OK(pier_sim_restart(s, "srv"));
	}
	return 0;
}

/* ---- By the library ------------------------------------------------------------------------------ */

static int replace(pier_dir *d, int version)
{
	char bytes[SIZE];
	fill(bytes, version);
	int fd = pier_file_open(d, "conf.new", PIER_WRITE | PIER_CREATE | PIER_TRUNCATE);
	if (fd < 0)
		return fd;
	ssize_t n = pier_file_write(fd, bytes, sizeof bytes, 0);
	int err = n < 0 ? (int)n : pier_file_sync(fd);
	pier_file_close(fd);
	return err < 0 ? err : pier_file_rename(d, "conf.new", d, "conf");
}

static int keep_replacing(void *arg)
{
	pier_dir *d;
	(void)arg;
	CHECK_OK(pier_dir_open("/var/data", true, &d));
	for (int v = promised + 1; v <= VERSIONS; v++) {
		if (replace(d, v) == 0)
			promised = v;
		pier_sleep(PIER_MS(1));
	}
	pier_dir_close(d);
	return 0;
}

static int library_program(void)
{
	return pier_run(keep_replacing, NULL);
}

static int with_the_library(pier_sim *s)
{
	return crash_and_look(s, library_program);
}

TEST_WITHIN(60, a_file_that_is_replaced_is_the_old_one_or_the_new_one)
{
	CHECK_EQ(pier_sim_run(with_the_library, .seeds = 300), 0);
}

TEST_WITHIN(60, a_disk_that_fails_now_and_then_keeps_what_was_promised)
{
	CHECK_EQ(pier_sim_run(with_the_library, .seeds = 300, .disk_faults = 0.2), 0);
}

static int keep_moving(void *arg)
{
	pier_dir *from, *to;
	(void)arg;
	CHECK_OK(pier_dir_open("/var/made/from", true, &from));
	CHECK_OK(pier_dir_open("/var/made/to", true, &to));
	for (int v = promised + 1; v <= VERSIONS; v++) {
		char bytes[SIZE], new_name[32];
		fill(bytes, v);
		snprintf(new_name, sizeof new_name, "%d/file", v);
		int fd = pier_file_open(from, "file", PIER_WRITE | PIER_CREATE | PIER_TRUNCATE);
		CHECK_OK(pier_file_write(fd, bytes, SIZE, 0));
		CHECK_OK(pier_file_sync(fd));
		pier_file_close(fd);
		CHECK_OK(pier_file_rename(from, "file", to, new_name));
		promised = v;
		pier_sleep(PIER_MS(1));
	}
	pier_dir_close(from);
	pier_dir_close(to);
	return 0;
}

static int moving_program(void)
{
	return pier_run(keep_moving, NULL);
}

static int move_into_new_folders(pier_sim *s)
{
	pier_bytes file;
	promised = 0;
	CHECK_OK(pier_sim_file_put(s, "srv", "/var/readme", pier_text("kept")));
	CHECK_OK(pier_sim_node(s, "srv", moving_program));
	pier_sleep((int64_t)pier_sim_chance(s, PIER_MS(20)));
	CHECK_OK(pier_sim_crash(s, "srv"));
	for (int v = 1; v <= promised; v++) {
		char path[40];
		snprintf(path, sizeof path, "/var/made/to/%d/file", v);
		CHECK_OK(pier_sim_file_get(s, "srv", path, false, &file));
		CHECK_EQ(version_of(file), v);
	}
	return 0;
}

TEST_WITHIN(60, a_file_that_is_moved_into_a_new_folder_is_found_there)
{
	CHECK_EQ(pier_sim_run(move_into_new_folders, .seeds = 300), 0);
}

/* ---- By libc, and what it may leave out ---------------------------------------------------------- */

static bool syncs_file, renames, syncs_folder, insists;

static int write_version(const char *path, int version)
{
	char bytes[SIZE];
	fill(bytes, version);
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	int err = write(fd, bytes, SIZE) == SIZE ? 0 : -EIO;
	if (err == 0 && syncs_file && fsync(fd) < 0)
		err = insists && fsync(fd) == 0 ? 0 : -EIO; /* what was lost is not there again */
	close(fd);
	return err;
}

static int sync_folder(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int err = fd < 0 || fsync(fd) < 0 ? -EIO : 0;
	if (fd >= 0)
		close(fd);
	return err;
}

static int libc_program(void)
{
	for (int v = promised + 1; v <= VERSIONS; v++) {
		int err = write_version(renames ? "/var/data/new" : "/var/data/conf", v);
		if (err == 0 && renames && rename("/var/data/new", "/var/data/conf") < 0)
			err = -errno;
		if (err == 0 && syncs_folder)
			err = sync_folder("/var/data");
		if (err == 0)
			promised = v;
		usleep(1000);
	}
	return 0;
}

static int with_libc(pier_sim *s)
{
	return crash_and_look(s, libc_program);
}

TEST_WITHIN(60, a_file_that_libc_replaces_is_the_old_one_or_the_new_one)
{
	syncs_file = renames = syncs_folder = true;
	CHECK_EQ(pier_sim_run(with_libc, .seeds = 300), 0);
	CHECK_EQ(pier_sim_run(with_libc, .seeds = 300, .disk_faults = 0.2), 0);
}

TEST_WITHIN(60, a_file_renamed_before_it_was_synced_is_found)
{
	renames = syncs_folder = true;
	CHECK_EQ(pier_sim_run(with_libc, .seeds = 50), 1);
}

TEST_WITHIN(60, a_folder_that_was_not_synced_is_found)
{
	syncs_file = renames = true;
	CHECK_EQ(pier_sim_run(with_libc, .seeds = 50), 1);
}

TEST_WITHIN(60, a_file_overwritten_in_place_is_found)
{
	syncs_file = syncs_folder = true;
	CHECK_EQ(pier_sim_run(with_libc, .seeds = 50), 1);
}

TEST_WITHIN(60, a_sync_that_is_tried_again_is_found)
{
	syncs_file = renames = syncs_folder = insists = true;
	CHECK_EQ(pier_sim_run(with_libc, .seeds = 300, .disk_faults = 0.5), 1);
}

/* ---- Room ---------------------------------------------------------------------------------------- */

static int write_some(pier_dir *d, const char *name, size_t len)
{
	static char bytes[65536];
	int fd = pier_file_open(d, name, PIER_WRITE | PIER_CREATE);
	CHECK_OK(fd);
	ssize_t n = pier_file_write(fd, bytes, len, 0);
	pier_file_close(fd);
	return n < 0 ? (int)n : 0;
}

static int fill_the_disk(pier_sim *s)
{
	pier_dir *d;
	CHECK_OK(pier_sim_disk(s, "scenario", .room = 5 * 4096));
	CHECK_OK(pier_dir_open("/", false, &d));
	CHECK_OK(write_some(d, "a", 3 * 4096));
	CHECK_EQ(write_some(d, "b", 2 * 4096 + 1), -ENOSPC);
	CHECK_OK(pier_file_remove(d, "b"));
	CHECK_OK(write_some(d, "c", 2 * 4096));
	CHECK_EQ(write_some(d, "d", 1), -ENOSPC);
	int fd = pier_file_open(d, "a", PIER_READ);
	CHECK_OK(pier_file_remove(d, "a")); /* as long as it is open, its bytes are there */
	CHECK_EQ(write_some(d, "d", 1), -ENOSPC);
	pier_file_close(fd);
	CHECK_OK(write_some(d, "d", 3 * 4096));
	CHECK_OK(pier_sim_disk(s, "scenario", .room = 6 * 4096));
	CHECK_OK(write_some(d, "e", 1));
	pier_dir_close(d);
	return 0;
}

TEST(a_full_disk_says_so_until_there_is_room)
{
	CHECK_EQ(pier_sim_run(fill_the_disk, .seeds = 20), 0);
}

/* ---- What is there ------------------------------------------------------------------------------- */

static int look_around(pier_sim *s)
{
	pier_bytes file;
	char text[32] = "";
	CHECK_EQ(access("/etc/passwd", F_OK), -1);
	CHECK_EQ(errno, ENOENT);
	CHECK_OK(pier_sim_file_put(s, "scenario", "/etc/conf", pier_text("port 7000\n")));
	FILE *f = fopen("/etc/conf", "r");
	CHECK(f && fgets(text, sizeof text, f));
	CHECK_EQ(fclose(f), 0);
	CHECK_STR(text, "port 7000\n");
	char real[PATH_MAX];
	CHECK_STR(realpath("//etc/./../etc/conf/", real), NULL);
	CHECK_STR(realpath("etc/./../etc//conf", real), "/etc/conf");
	CHECK_STR(realpath("/etc/..", real), "/");
	CHECK_EQ(pier_sim_file_put(s, "scenario", "/etc", pier_text("")), -EISDIR);
	CHECK_EQ(pier_sim_file_put(s, "scenario", "/etc/conf/x", pier_text("")), -ENOTDIR);
	CHECK_EQ(pier_sim_file_get(s, "scenario", "/etc/none", false, &file), -ENOENT);
	CHECK_EQ(pier_sim_file_get(s, "scenario", "/etc", false, &file), -EISDIR);
	CHECK_EQ(pier_sim_file_get(s, "", "/etc", false, &file), -EINVAL);
	CHECK_OK(pier_sim_file_get(s, "elsewhere", "/etc", false, &file) == -ENOENT ? 0 : -EIO);
	return 0;
}

TEST(a_disk_has_what_was_put_there_and_nothing_of_the_machine)
{
	CHECK_EQ(pier_sim_run(look_around, .seeds = 20), 0);
}

static int name_anew(pier_sim *s)
{
	char one[] = "/tmp/XXXXXX", two[] = "/tmp/XXXXXX.log", three[] = "/tmp/XXXXXX", real[4096];
	CHECK_EQ(mkdir("/tmp", 0700), 0);
	int a = mkstemp(one), b = mkostemps(two, 4, O_APPEND);
	CHECK(a >= 0 && b >= 0 && mkdtemp(three) && strcmp(one, three));
	CHECK_EQ(mkstemp(three), -1);
	CHECK_EQ(errno, EINVAL);
	CHECK_EQ(posix_fallocate(a, 0, 5000), 0);
	CHECK_EQ(lseek(a, 0, SEEK_END), 5000);
	CHECK(realpath("/tmp/../tmp//.", real));
	CHECK_STR(real, "/tmp");
	CHECK(!realpath("/none", real));
	FILE *f = tmpfile();
	CHECK(f && fputs("a line", f) >= 0 && fseek(f, 2, SEEK_SET) == 0);
	CHECK_EQ(fgetc(f), 'l');
	CHECK_EQ(fclose(f), 0);
	close(a);
	close(b);
	return pier_sim_check(s, access(one, F_OK) == 0 && access(two, F_OK) == 0);
}

TEST(names_that_nobody_has_are_made_there)
{
	CHECK_EQ(pier_sim_run(name_anew, .seeds = 20), 0);
}

static int say_hello(void)
{
	FILE *f = fopen("/hello", "a");
	CHECK(f);
	CHECK_EQ(fputs("hello\n", f) < 0, false);
	CHECK_EQ(fclose(f), 0);
	return 0;
}

static int start_thrice(pier_sim *s)
{
	pier_bytes file;
	CHECK_OK(pier_sim_node(s, "srv", say_hello));
	for (int i = 0; i < 2; i++) {
		pier_sleep(PIER_S(1));
		CHECK_OK(pier_sim_restart(s, "srv"));
	}
	pier_sleep(PIER_S(1));
	CHECK_OK(pier_sim_file_get(s, "srv", "/hello", false, &file));
	CHECK_BYTES(file, "hello\nhello\nhello\n");
	return 0;
}

TEST(a_program_that_ends_loses_nothing)
{
	CHECK_EQ(pier_sim_run(start_thrice, .seeds = 20), 0);
}

/* ---- From a disk to a conn ------------------------------------------------------------------------ */

#define LONG 100000 /* bytes: many packets, more than a conn takes at once */

static void send_it(pier_conn *c, void *arg)
{
	(void)arg;
	pier_sendfile(c, "/srv/film", 0, -1);
}

static int file_server(void)
{
	return pier_serve("tcp://:7000", send_it, .quiet = true);
}

static int fetch(pier_sim *s)
{
	static char film[LONG];
	size_t got = 0;
	for (size_t i = 0; i < LONG; i++)
		film[i] = (char)(i * i >> 7);
	CHECK_OK(pier_sim_file_put(s, "srv", "/srv/film", pier_bytes_of(film, LONG)));
	CHECK_OK(pier_sim_node(s, "srv", file_server));
	PIER_AUTO *c = pier_dial("tcp://srv:7000");
	bool same = true;
	for (pier_bytes b; (b = pier_next(c)).p && same; got += b.len)
		same = b.len <= LONG - got && !memcmp(b.p, film + got, b.len);
	return pier_sim_check(s, same && (pier_err(c) < 0 || got == LONG));
}

TEST(a_file_is_sent_from_a_simulated_disk)
{
	CHECK_EQ(pier_sim_run(fetch, .seeds = 100, .loss = 0.05), 0);
}

/* ---- Locks --------------------------------------------------------------------------------------- */

static int let_go(void *arg)
{
	pier_sleep(PIER_S(3));
	close(*(int *)arg);
	return 0;
}

static int64_t lock(void *arg)
{
	return flock(*(int *)arg, LOCK_EX);
}

static int lock_twice(pier_sim *s)
{
	int first = open("/lock", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	int second = open("/lock", O_RDWR | O_CLOEXEC);
	CHECK_EQ(flock(first, LOCK_SH), 0);
	CHECK_EQ(flock(second, LOCK_SH), 0);
	CHECK_EQ(flock(second, LOCK_EX | LOCK_NB), -1);
	CHECK_EQ(errno, EWOULDBLOCK);
	int64_t began = pier_now();
	PIER_AUTO_GROUP g = PIER_GROUP;
	CHECK_OK(pier_go(&g, let_go, &first));
	CHECK_EQ(pier_offload(lock, &second), 0);
	close(second);
	return pier_sim_check(s, pier_now() - began >= PIER_S(3));
}

TEST(a_lock_of_a_file_is_waited_for)
{
	CHECK_EQ(pier_sim_run(lock_twice, .seeds = 20), 0);
}

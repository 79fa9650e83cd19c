/* Files on simulated disks: what a sync promises is there after a crash, and whoever left one out is found. */
#include "test.h"

#include <errno.h>
#include <pier.h>
#include <stdlib.h>
#include <string.h>

#define VERSIONS 40
#define SIZE	 3000 /* bytes of a version: more than a few sectors */

/* What the program may leave out. Static, as whoever crashes has no other way to tell. */
static bool syncs_file, renames;
static int promised; /* the version that was said to be safe */

static void fill(char *at, int version)
{
	for (int i = 0; i < SIZE; i++)
		at[i] = (char)('a' + version % 26);
	snprintf(at, 16, "%d", version);
}

static int write_version(pier_dir *d, const char *name, int version)
{
	char bytes[SIZE];
	fill(bytes, version);
	int fd = pier_file_open(d, name, PIER_WRITE | PIER_CREATE | PIER_TRUNCATE);
	if (fd < 0)
		return fd;
	ssize_t n = pier_file_write(fd, bytes, sizeof bytes, 0);
	int err = n < 0 ? (int)n : syncs_file ? pier_file_sync(fd) : 0;
	pier_file_close(fd);
	return err;
}

/* A file that is replaced again and again, as a whole. */
static int keep_writing(void *arg)
{
	pier_dir *d;
	(void)arg;
	int err = pier_dir_open("/var/data", true, &d);
	for (int v = promised + 1; err == 0 && v <= VERSIONS; v++) {
		err = write_version(d, renames ? "conf.new" : "conf", v);
		if (err == 0 && renames)
			err = pier_file_rename(d, "conf.new", d, "conf");
		if (err == 0)
			promised = v;
		pier_sleep(PIER_MS(1));
	}
	if (err == 0)
		pier_dir_close(d);
	return err;
}

static int writer(void)
{
	return pier_run(keep_writing, NULL);
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

static int crash_and_look(pier_sim *s)
{
	pier_bytes file;
	promised = 0;
	CHECK_OK(pier_sim_file_put(s, "srv", "/var/data/readme", pier_text("kept")));
	CHECK_OK(pier_sim_node(s, "srv", writer));
	for (int crash = 0; crash < 4; crash++) {
		pier_sleep((int64_t)pier_sim_chance(s, PIER_MS(60)));
		if (pier_sim_crash(s, "srv") < 0)
			break; /* it has ended */
		int had = promised;
		int err = pier_sim_file_get(s, "srv", "/var/data/conf", true, &file);
		if (pier_sim_check(s, err == 0 || had == 0) < 0)
			return -EPROTO;
		if (err == 0 && pier_sim_check(s, version_of(file) >= had) < 0)
			return -EPROTO;
		CHECK_OK(pier_sim_file_get(s, "srv", "/var/data/readme", false, &file));
		CHECK_BYTES(file, "kept");
		CHECK_OK(pier_sim_restart(s, "srv"));
	}
	return 0;
}

TEST_WITHIN(60, a_file_that_is_replaced_is_the_old_one_or_the_new_one)
{
	syncs_file = renames = true;
	CHECK_EQ(pier_sim_run(crash_and_look, .seeds = 300), 0);
}

TEST_WITHIN(60, a_file_renamed_before_it_was_synced_is_found)
{
	renames = true;
	CHECK_EQ(pier_sim_run(crash_and_look, .seeds = 50), 1);
}

TEST_WITHIN(60, a_file_overwritten_in_place_is_found)
{
	syncs_file = true;
	CHECK_EQ(pier_sim_run(crash_and_look, .seeds = 50), 1);
}

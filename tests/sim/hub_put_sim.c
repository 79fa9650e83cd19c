/* Files to the hub, over a bad wire and crashes of both sides: what was stored is there, whole, and what is there is never
 * torn. */
#include "hub_site.h"
#include "test.h"

#include "../../cli/upload.h"

#include <stdlib.h>

#define FILES 3

static pier_sim *sim;
static struct file {
	const char *name;
	size_t size;
} files[FILES];
static int stored;	     /* so many of them, `pier put` has said */
static bool answered[FILES]; /* by the hub to who put it, not by one who found it there */

/* ---- What holds at any time ---------------------------------------------------------------------- */

/* A name that is there stands for all of the file, and what was stored is safe. Bytes of a file that has its name do not
 * change; so it is looked at when it is another. */
static bool is_fine(int number, bool safe)
{
	static pier_bytes seen[FILES][2];
	pier_bytes file, *last = &seen[number][safe];
	char path[80];
	snprintf(path, sizeof path, SITE_FILES "%s", files[number].name);
	if (pier_sim_file_get(sim, "srv", path, safe, &file) < 0) {
		*last = (pier_bytes){0};
		return !answered[number];
	}
	if (file.p == last->p && file.len == last->len)
		return true;
	*last = file;
	return site_same(file, number, files[number].size);
}

static bool all_fine(void *arg)
{
	(void)arg;
	for (int i = 0; i < FILES; i++)
		if (!is_fine(i, true) || !is_fine(i, false))
			return false;
	return true;
}

/* ---- The programs -------------------------------------------------------------------------------- */

static int put_all(void *arg)
{
	(void)arg;
	while (stored < FILES) {
		char path[40], url[80];
		struct put_file p = {
			.path = path, .url = url, .timeout = PIER_S(60), .retry = 5, .quiet = true};
		snprintf(path, sizeof path, "/my/%d", stored);
		snprintf(url, sizeof url, SITE_URL "/%s", files[stored].name);
		int status = upload_run(&p);
		/* Holes that a crash of the hub left are its own to mend. */
		CHECK(status == 0 || !strstr(p.why, "answers 400"));
		if (status == 0)
			answered[stored++] = !p.there;
		else
			pier_sleep(PIER_MS(500));
	}
	return 0;
}

static int put(void)
{
	return pier_run(put_all, NULL, .workers = 1);
}

static void draw_files(pier_sim *s)
{
	static const char *const names[FILES][2] = {
		{"one", "a/one"}, {"two", "a/b/two"}, {"three", "c/d/three"}};
	static const size_t sizes[] = {0, 1, 511, 512, 513, 5000, 100000, (1 << 20) + 1, 1300000};
	char path[40];
	for (int i = 0; i < FILES; i++) {
		files[i].name = names[i][pier_sim_chance(s, 2)];
		files[i].size = sizes[pier_sim_chance(s, sizeof sizes / sizeof *sizes)];
		snprintf(path, sizeof path, "/my/%d", i);
		CHECK_OK(pier_sim_file_put(s, "home", path, site_bytes(i, files[i].size)));
	}
}

/* For a while nothing more fits on the hub's disk. */
static void fill_up(pier_sim *s)
{
	CHECK_OK(pier_sim_disk(s, "srv", .room = 1));
	pier_sleep((int64_t)pier_sim_chance(s, PIER_S(3)));
	CHECK_OK(pier_sim_disk(s, "srv"));
}

static int put_over(pier_sim *s, bool full)
{
	sim = s;
	stored = 0;
	draw_files(s);
	site_open(s);
	CHECK_OK(pier_sim_always(s, all_fine, NULL, "a file at the hub is all there"));
	CHECK_OK(pier_sim_node(s, "home", put));
	for (uint64_t crashes = pier_sim_chance(s, 6); crashes; crashes--) {
		pier_sleep((int64_t)pier_sim_chance(s, pier_sim_chance(s, 2) ? PIER_S(3)
									     : PIER_MS(100)));
		if (full)
			fill_up(s);
		else
			site_crash(s, pier_sim_chance(s, 3) ? "srv" : "home");
	}
	pier_sim_calm(s);
	site_up(s);
	if (pier_sim_wait(s, "home") < 0)
		return -EPROTO;
	pier_sleep(PIER_S(1)); /* what was found there is on its way to the disk */
	site_crash(s, "srv");
	return pier_sim_check(s, stored == FILES && all_fine(NULL));
}

static int put_over_crashes(pier_sim *s)
{
	return put_over(s, false);
}

static int put_over_full_disks(pier_sim *s)
{
	return put_over(s, true);
}

TEST_WITHIN(100, a_file_that_was_stored_is_there_and_whole)
{
	site_hush();
	CHECK_EQ(pier_sim_run(put_over_crashes, .seeds = 50, .loss = 0.02, .delay = PIER_MS(20),
			      .partitions = 1, .resets = 2),
		 0);
}

TEST_WITHIN(100, a_disk_that_fails_has_no_torn_file)
{
	site_hush();
	CHECK_EQ(pier_sim_run(put_over_crashes, .seeds = 30, .disk_faults = 0.05), 0);
}

TEST_WITHIN(100, a_disk_that_is_full_takes_the_file_once_there_is_room)
{
	site_hush();
	CHECK_EQ(pier_sim_run(put_over_full_disks, .seeds = 30, .loss = 0.01), 0);
}

/* Files from the hub, over crashes of both sides; and several people at one name. */
#include "hub_site.h"
#include "test.h"

#include <stdlib.h>
#include <unistd.h>

#define FILM	 "/film"
#define FILM_LEN 200000

static pier_sim *sim;
static bool fetched;

/* ---- One who fetches ------------------------------------------------------------------------------- */

/* What has its name at home is all of it, or is not there. */
static bool is_fine(bool safe)
{
	static pier_bytes seen[2];
	pier_bytes file;
	if (pier_sim_file_get(sim, "home", "/my/film", safe, &file) < 0) {
		seen[safe] = (pier_bytes){0};
		return !fetched;
	}
	if (file.p == seen[safe].p && file.len == seen[safe].len)
		return true;
	seen[safe] = file;
	return site_same(file, 1, FILM_LEN);
}

static bool fine(void *arg)
{
	(void)arg;
	return is_fine(false) && is_fine(true);
}

static int get(void)
{
	while (!fetched) {
		fetched = site_run("get", "--quiet", "-o", "/my/film", SITE_URL FILM) == 0;
		if (!fetched)
			sleep(1);
	}
	return 0;
}

static int get_over(pier_sim *s)
{
	sim = s;
	site_open(s);
	CHECK_OK(pier_sim_file_put(s, "srv", SITE_FILES "film", site_bytes(1, FILM_LEN)));
	CHECK_OK(pier_sim_file_put(s, "home", "/my/readme", pier_text("mine\n")));
	CHECK_OK(pier_sim_always(s, fine, NULL, "what was fetched is all there"));
	CHECK_OK(pier_sim_node(s, "home", get));
	for (uint64_t crashes = pier_sim_chance(s, 6); crashes; crashes--) {
		pier_sleep((int64_t)pier_sim_chance(s, PIER_S(1)));
		site_crash(s, pier_sim_chance(s, 2) ? "srv" : "home");
	}
	pier_sim_calm(s);
	site_up(s);
	if (pier_sim_wait(s, "home") < 0)
		return -EPROTO;
	site_crash(s, "home");
	return pier_sim_check(s, fine(NULL));
}

TEST_WITHIN(100, a_download_over_crashes_of_both_sides_is_the_file)
{
	site_hush();
	CHECK_EQ(pier_sim_run(get_over, .seeds = 50, .loss = 0.02, .delay = PIER_MS(20),
			      .rate = 200000, .resets = 2),
		 0);
}

TEST_WITHIN(100, a_download_to_a_disk_that_fails_is_the_file)
{
	site_hush();
	CHECK_EQ(pier_sim_run(get_over, .seeds = 50, .disk_faults = 0.05, .rate = 200000), 0);
}

/* ---- Several at one name ----------------------------------------------------------------------------- */

#define WRITERS 3
#define ROUNDS	4

static size_t len_of(int number)
{
	return 3000 + (size_t)number * 7000;
}

/* The number of a file that is whole; 0 when it is not there, -1 when it is none of them. */
static int number_of(pier_bytes file)
{
	for (int i = 1; i <= WRITERS; i++)
		if (site_same(file, i, len_of(i)))
			return i;
	return -1;
}

static bool is_somebodys(void *arg)
{
	static pier_bytes seen;
	pier_bytes file;
	(void)arg;
	if (pier_sim_file_get(sim, "srv", SITE_FILES "film", false, &file) < 0)
		return true;
	if (file.p == seen.p && file.len == seen.len)
		return true;
	seen = file;
	return number_of(file) > 0;
}

static int write_again(void *arg)
{
	int number = *(int *)arg;
	for (int i = 0; i < ROUNDS; i++) {
		char *mine = malloc(len_of(number));
		memcpy(mine, site_bytes(number, len_of(number)).p, len_of(number));
		int status = site_ask("PUT", FILM, "", pier_bytes_of(mine, len_of(number)), NULL);
		CHECK(status < 0 || status == 201 || status == 204);
		/* That this is the digest of nothing is known. */
		status = site_ask(
			"PUT", FILM,
			"Repr-Digest: sha-256=:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=:\r\n",
			pier_bytes_of(mine, len_of(number)), NULL);
		CHECK(status < 0 || status == 400);
		free(mine);
	}
	return 0;
}

static int remove_again(void *arg)
{
	(void)arg;
	for (int i = 0; i < ROUNDS; i++) {
		int status = site_ask("DELETE", FILM, "", (pier_bytes){0}, NULL);
		CHECK(status < 0 || status == 204 || status == 404);
		pier_sleep((int64_t)pier_sim_chance(sim, PIER_MS(100)));
	}
	return 0;
}

static int read_again(void *arg)
{
	struct site_answer *got = calloc(1, sizeof *got);
	(void)arg;
	for (int i = 0; i < 2 * ROUNDS; i++) {
		int status = site_ask("GET", FILM, "", (pier_bytes){0}, got);
		CHECK(status < 0 || status == 200 || status == 404);
		if (status == 200 && got->whole)
			CHECK(number_of(pier_bytes_of(got->body, got->len)) > 0);
	}
	free(got);
	return 0;
}

static int meet_at_one_name(pier_sim *s)
{
	int numbers[WRITERS];
	PIER_AUTO_GROUP all = PIER_GROUP;
	sim = s;
	site_open(s);
	CHECK_OK(pier_sim_always(s, is_somebodys, NULL, "the file is that of one who wrote it"));
	for (int i = 0; i < WRITERS; i++) {
		numbers[i] = i + 1;
		CHECK_OK(pier_go(&all, write_again, &numbers[i]));
	}
	CHECK_OK(pier_go(&all, remove_again, NULL));
	CHECK_OK(pier_go(&all, read_again, NULL));
	if (pier_sim_chance(s, 2)) {
		pier_sleep((int64_t)pier_sim_chance(s, PIER_S(1)));
		site_crash(s, "srv");
	}
	return pier_group_wait(&all);
}

TEST_WITHIN(100, a_name_that_many_write_is_the_file_of_one_of_them)
{
	site_hush();
	CHECK_EQ(pier_sim_run(meet_at_one_name, .seeds = 50, .loss = 0.02, .delay = PIER_MS(10),
			      .resets = 1),
		 0);
}

/* ---- What was removed -------------------------------------------------------------------------------- */

static int remove_and_crash(pier_sim *s)
{
	pier_bytes file;
	sim = s;
	site_open(s);
	CHECK_OK(pier_sim_file_put(s, "srv", SITE_FILES "film", site_bytes(1, FILM_LEN)));
	int status = site_ask("DELETE", FILM, "", (pier_bytes){0}, NULL);
	site_crash(s, "srv");
	return pier_sim_check(s, status != 204 || pier_sim_file_get(s, "srv", SITE_FILES "film",
								    false, &file) == -ENOENT);
}

TEST_WITHIN(60, what_was_removed_does_not_come_back)
{
	site_hush();
	CHECK_EQ(pier_sim_run(remove_and_crash, .seeds = 30), 0);
}

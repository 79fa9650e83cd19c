/* Uploads that are gone on with, by the protocol and not by `pier put`: with a digest of the whole or without one, in pieces,
 * over crashes of the hub. */
#include "hub_site.h"
#include "test.h"

#include "../../hub/digest.h"

#include <openssl/evp.h>
#include <stdlib.h>

#define LEN_MAX	  100000
#define PIECE_MAX 30000

static pier_sim *sim;
static size_t len;
static bool digested; /* the hub is told the digest before */
static bool stored;   /* the hub has said so */

/* ---- What holds at any time ---------------------------------------------------------------------- */

static bool is_fine(bool safe)
{
	static pier_bytes seen[2];
	pier_bytes file;
	if (pier_sim_file_get(sim, "srv", SITE_FILES "film", safe, &file) < 0) {
		seen[safe] = (pier_bytes){0};
		return !stored;
	}
	if (file.p == seen[safe].p && file.len == seen[safe].len)
		return true;
	seen[safe] = file;
	return site_same(file, 1, len);
}

static bool fine(void *arg)
{
	(void)arg;
	return is_fine(false) && is_fine(true);
}

/* ---- The client ---------------------------------------------------------------------------------- */

static void begin(struct site_answer *at)
{
	char fields[300], digest[DIGEST_FIELD_MAX];
	struct digests d;
	int n = snprintf(fields, sizeof fields, "Upload-Complete: ?0\r\n");
	EVP_Digest(site_bytes(1, len).p, len, d.sha256, NULL, EVP_sha256(), NULL);
	if (digested)
		snprintf(fields + n, sizeof fields - (size_t)n,
			 "Upload-Length: %zu\r\nRepr-Digest: %s\r\n", len,
			 digest_field(&d, DIGEST_SHA256, digest));
	*at->location = '\0';
	if (site_ask("POST", "/film", fields, pier_bytes_of("", 0), at) != 201)
		*at->location = '\0';
}

/* Sends a piece from where the hub is; what it cannot use any more is begun again. */
static void go_on(struct site_answer *at)
{
	char fields[200];
	int status = site_ask("HEAD", at->location, "", (pier_bytes){0}, at);
	size_t from = (size_t)at->offset, piece = 1 + pier_sim_chance(sim, PIECE_MAX);
	if (status != 204 || from > len) {
		if (status > 0)
			*at->location = '\0';
		return;
	}
	bool last = piece >= len - from;
	snprintf(fields, sizeof fields,
		 "Content-Type: application/partial-upload\r\nUpload-Offset: "
		 "%zu\r\nUpload-Complete: ?%d\r\n",
		 from, last);
	status =
		site_ask("PATCH", at->location, fields,
			 pier_bytes_of(site_bytes(1, len).p + from, last ? len - from : piece), at);
	if (status == 201 || (status == 204 && last))
		stored = true;
	else if (status > 0 && status != 204 && status != 503)
		*at->location = '\0';
}

static int upload(void *arg)
{
	static struct site_answer at;
	(void)arg;
	while (!stored) {
		if (!*at.location)
			begin(&at);
		if (*at.location)
			go_on(&at);
		pier_sleep((int64_t)pier_sim_chance(sim, PIER_MS(200)));
	}
	return 0;
}

static int upload_over_crashes(pier_sim *s)
{
	PIER_AUTO_GROUP client = PIER_GROUP;
	sim = s;
	len = (size_t)pier_sim_chance(s, LEN_MAX);
	digested = pier_sim_chance(s, 2);
	site_open(s);
	CHECK_OK(pier_sim_always(s, fine, NULL, "the file is all there, or not at all"));
	CHECK_OK(pier_go(&client, upload, NULL));
	for (uint64_t crashes = pier_sim_chance(s, 5); crashes; crashes--) {
		pier_sleep((int64_t)pier_sim_chance(s, PIER_S(2)));
		site_crash(s, "srv");
	}
	pier_sim_calm(s);
	site_up(s);
	CHECK_OK(pier_group_wait(&client));
	site_crash(s, "srv");
	return pier_sim_check(s, fine(NULL));
}

TEST_WITHIN(100, an_upload_that_is_gone_on_with_becomes_the_file)
{
	site_hush();
	CHECK_EQ(pier_sim_run(upload_over_crashes, .seeds = 50, .loss = 0.02, .delay = PIER_MS(20),
			      .resets = 2),
		 0);
}

TEST_WITHIN(100, an_upload_to_a_disk_that_fails_becomes_the_file)
{
	site_hush();
	CHECK_EQ(pier_sim_run(upload_over_crashes, .seeds = 50, .disk_faults = 0.05), 0);
}

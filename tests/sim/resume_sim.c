/* A download that goes on where it broke off, over crashes of its server: what is put together is the file, each byte of it
 * once. */
#include "test.h"

#include <errno.h>
#include <pier.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define SIZE 120000

static int file; /* of the real kernel, shared by all seeds */

static char nth(int64_t at)
{
	return (char)(at * 2654435761u >> 24);
}

static int make_file(void)
{
	char block[1000];
	int fd = memfd_create("file", MFD_CLOEXEC);
	CHECK(fd >= 0);
	for (int64_t at = 0; at < SIZE; at += (int64_t)sizeof block) {
		for (size_t i = 0; i < sizeof block; i++)
			block[i] = nth(at + (int64_t)i);
		CHECK_EQ(write(fd, block, sizeof block), sizeof block);
	}
	return fd;
}

static void give(pier_http *h, const pier_http_head *asked)
{
	char range[80];
	int64_t first = 0, count = SIZE;
	int ranged = pier_http_range(pier_http_get(asked, "Range"), SIZE, &first, &count);
	snprintf(range, sizeof range, "Content-Range: bytes %lld-%lld/%d\r\n", (long long)first,
		 (long long)(first + count - 1), SIZE);
	pier_http_start(h, ranged > 0 ? 206 : 200, ranged > 0 ? range : NULL, NULL, count);
	pier_sendfile_fd(pier_http_conn(h), file, first, count);
	pier_http_end(h);
}

static void answer(pier_conn *c, void *arg)
{
	pier_http *h = pier_http_new(c);
	pier_http_head head;
	(void)arg;
	while (pier_http_next(h, &head) > 0)
		give(h, &head);
	pier_http_free(h);
}

static int server(void)
{
	return pier_serve("tcp://:80", answer, .quiet = true, .idle = PIER_S(30),
			  .grace = PIER_MS(200));
}

/* What comes of one question, from `at` on. */
static int64_t take_up(int64_t at)
{
	char range[40], body[5000];
	pier_http_head head;
	ssize_t n = 0;
	snprintf(range, sizeof range, "Range: bytes=%lld-\r\n", (long long)at);
	PIER_AUTO *c = pier_dial("tcp://srv:80", .timeout = PIER_S(20), .idle = PIER_S(20));
	pier_http *h = pier_http_new(c);
	if (pier_http_ask(h, "GET", pier_text("/file"), "srv", range, -1) == 0 &&
	    pier_http_answer(h, &head, NULL, NULL) == 1) {
		CHECK_EQ(head.status, 206);
		CHECK_EQ(head.body_len, SIZE - at);
		while ((n = pier_http_read(h, body, sizeof body)) > 0)
			for (ssize_t i = 0; i < n; i++, at++)
				CHECK_EQ(body[i], nth(at));
	}
	pier_http_free(h);
	return at;
}

static int download(void *arg)
{
	int64_t at = 0;
	(void)arg;
	for (int tries = 0; at < SIZE && tries < 200; tries++) {
		at = take_up(at);
		if (at < SIZE)
			pier_sleep(PIER_MS(100));
	}
	CHECK_EQ(at, SIZE);
	return 0;
}

static void break_off(pier_sim *s)
{
	pier_sleep((int64_t)pier_sim_chance(s, PIER_MS(400)));
	if (pier_sim_chance(s, 3) == 0)
		CHECK_EQ(pier_sim_stop(s, "srv"), 0);
	else
		CHECK_OK(pier_sim_crash(s, "srv"));
	pier_sleep((int64_t)pier_sim_chance(s, PIER_MS(300)));
	CHECK_OK(pier_sim_restart(s, "srv"));
}

static int download_over_crashes(pier_sim *s)
{
	PIER_AUTO_GROUP all = PIER_GROUP;
	CHECK_OK(pier_sim_node(s, "srv", server));
	CHECK_OK(pier_go(&all, download, NULL));
	CHECK_OK(pier_go(&all, download, NULL));
	for (uint64_t i = pier_sim_chance(s, 6); i; i--)
		break_off(s);
	pier_sim_calm(s);
	return pier_group_wait(&all);
}

TEST_WITHIN(100, a_download_that_was_broken_off_is_taken_up_where_it_was)
{
	file = make_file();
	CHECK_EQ(pier_sim_run(download_over_crashes, .seeds = 200, .loss = 0.05,
			      .delay = PIER_MS(20), .partitions = 1),
		 0);
	close(file);
}

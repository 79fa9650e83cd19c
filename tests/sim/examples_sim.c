/* Programs of examples/ as they are, on wires, disks and kernels that fail: each ends, by itself or when it is told to, with
 * nothing left open, and a file that it says it has is that file. */
#include "test.h"

#include <errno.h>
#include <pier.h>
#include <stdio.h>
#include <string.h>

#define FILE_MOST 60000

/* What the programs print is of no interest here. */
static void keep_quiet(void)
{
	CHECK(freopen("/dev/null", "w", stdout) != NULL);
}

/* A node runs a main without arguments: these have theirs. */
#define PROGRAM(name, ...)                                                                         \
	int name##_main(int argc, char **argv);                                                    \
	static int name(void)                                                                      \
	{                                                                                          \
		char *argv[] = {#name, ##__VA_ARGS__, NULL};                                       \
		return name##_main((int)(sizeof argv / sizeof *argv) - 1, argv);                   \
	}
#define PLAIN_PROGRAM(name) int name##_main(void);

PROGRAM(ask_all, "tcp://srv:7017", "tcp://srv:7000", "tcp://srv:1")
PLAIN_PROGRAM(deadline)
PROGRAM(echo)
PROGRAM(fetch, "http://srv:8080/a?b", "/var/page")
PROGRAM(file_client, "tcp://srv:7004", "file", "/var/got")
PROGRAM(file_server, "/var/files")
PLAIN_PROGRAM(glued)
PROGRAM(mirror)
PLAIN_PROGRAM(pair)
PROGRAM(pool, "300")
PLAIN_PROGRAM(reader)
PROGRAM(relay, "tcp://:7017", "tcp://localhost:7000")
PROGRAM(resolve, "srv", "nobody")
PROGRAM(seqpacket)
PLAIN_PROGRAM(tasks)
PROGRAM(tried, "tcp://srv:7000")
PROGRAM(unix_stream, "unix:/run/x.sock")
PROGRAM(upper, "tcp://:7000")

static bool over;
static int result;
static int (*chosen)(void);

static int client(void)
{
	result = chosen();
	over = true;
	return 0;
}

/* Whatever it met, it comes to an end. */
static int run_to_its_end(pier_sim *s, int (*program)(void))
{
	chosen = program;
	over = false;
	int err = pier_sim_node(s, "client", client);
	for (int i = 0; i < 3600 && !over; i++)
		pier_sleep(PIER_S(1));
	CHECK_OK(err);
	return pier_sim_check(s, over && result >= 0 && result <= 2);
}

static char file[FILE_MOST];

static void make_file(pier_sim *s, size_t len)
{
	for (size_t i = 0; i < len; i++)
		file[i] = (char)pier_sim_chance(s, 256);
	CHECK_OK(pier_sim_file_put(s, "srv", "/var/files/file", (pier_bytes){file, len}));
}

static int transfer(pier_sim *s)
{
	size_t len = pier_sim_chance(s, FILE_MOST);
	pier_bytes got;
	make_file(s, len);
	CHECK_OK(pier_sim_file_put(s, "client", "/var/other", pier_text("")));
	CHECK_OK(pier_sim_node(s, "srv", file_server));
	if (run_to_its_end(s, file_client) < 0)
		return -EPROTO;
	int err = pier_sim_file_get(s, "client", "/var/got", false, &got);
	if (result)
		return 0;
	CHECK_OK(err);
	return pier_sim_check(s, got.len == len && !memcmp(got.p, file, len));
}

TEST_WITHIN(60, a_file_that_was_fetched_is_that_file)
{
	keep_quiet();
	CHECK_EQ(pier_sim_run(transfer, .seeds = 300, .loss = 0.1, .delay = PIER_MS(50),
			      .partitions = 1),
		 0);
}

TEST_WITHIN(60, also_where_disks_and_kernels_fail)
{
	keep_quiet();
	CHECK_EQ(pier_sim_run(transfer, .seeds = 300, .delay = PIER_MS(5), .faults = 0.1,
			      .disk_faults = 0.1),
		 0);
}

static int fetch_a_page(pier_sim *s)
{
	pier_bytes page;
	CHECK_OK(pier_sim_file_put(s, "client", "/var/other", pier_text("")));
	CHECK_OK(pier_sim_node(s, "srv", mirror));
	if (run_to_its_end(s, fetch) < 0)
		return -EPROTO;
	int err = pier_sim_file_get(s, "client", "/var/page", false, &page);
	return pier_sim_check(s,
			      result || (err == 0 && page.len > 6 && !memcmp(page.p, "Host: ", 6)));
}

TEST_WITHIN(60, a_page_that_was_fetched_is_whole)
{
	keep_quiet();
	CHECK_EQ(pier_sim_run(fetch_a_page, .seeds = 300, .loss = 0.1, .delay = PIER_MS(50),
			      .partitions = 1, .faults = 0.1, .disk_faults = 0.1),
		 0);
}

static int ask_around(pier_sim *s)
{
	CHECK_OK(pier_sim_node(s, "srv", pier_sim_chance(s, 2) ? echo : relay));
	if (run_to_its_end(s, ask_all) < 0)
		return -EPROTO;
	return 0;
}

TEST_WITHIN(60, who_asks_all_has_an_answer_or_a_reason_from_each)
{
	keep_quiet();
	CHECK_EQ(pier_sim_run(ask_around, .seeds = 300, .loss = 0.1, .delay = PIER_MS(500),
			      .partitions = 1, .faults = 0.1),
		 0);
}

static int run_alone(pier_sim *s, int (*program)(void))
{
	CHECK_OK(pier_sim_node(s, "srv", upper));
	return run_to_its_end(s, program);
}

static int run_any(pier_sim *s)
{
	int (*const programs[])(void) = {deadline_main, glued_main, pair_main,	pool,  reader_main,
					 resolve,	seqpacket,  tasks_main, tried, unix_stream};
	return run_alone(s, programs[pier_sim_chance(s, sizeof programs / sizeof *programs)]);
}

TEST_WITHIN(60, programs_by_themselves_end)
{
	keep_quiet();
	CHECK_EQ(pier_sim_run(run_any, .seeds = 500, .loss = 0.05, .delay = PIER_MS(20)), 0);
}

/* Not those that wait for ever for what they sent to themselves. */
static int run_tough(pier_sim *s)
{
	int (*const programs[])(void) = {deadline_main, pool, resolve, tried, unix_stream};
	return run_alone(s, programs[pier_sim_chance(s, sizeof programs / sizeof *programs)]);
}

TEST_WITHIN(60, programs_by_themselves_end_where_there_is_too_little)
{
	keep_quiet();
	CHECK_EQ(pier_sim_run(run_tough, .seeds = 500, .delay = PIER_MS(20), .faults = 0.2), 0);
}

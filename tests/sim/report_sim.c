/* What a failed seed leaves behind: a line that says how to see it again, and a picture of what happened. */
#include "test.h"

#include <fcntl.h>
#include <pier.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void echo(pier_conn *c, void *arg)
{
	(void)arg;
	for (pier_bytes b; (b = pier_next(c)).p;)
		pier_send(c, b.p, b.len);
}

static int server(void)
{
	static const char *const also[] = {"udp://:7000", NULL};
	return pier_serve("tcp://:7000", echo, .also = also);
}

static int go_wrong(pier_sim *s)
{
	char line[64];
	CHECK_OK(pier_sim_node(s, "a<b", server));
	PIER_AUTO *c = pier_dial("tcp://a<b:7000");
	PIER_AUTO *u = pier_dial("udp://a<b:7000");
	pier_send(c, "<&\"\x01>, said he\n", 15);
	pier_gets(c, line, sizeof line);
	pier_send(u, "hello", 5);
	pier_sleep(PIER_MS(100));
	CHECK_OK(pier_sim_cut(s, "scenario", "a<b"));
	pier_send(u, "hello", 5);
	pier_sleep(PIER_S(1));
	CHECK_OK(pier_sim_heal(s, "scenario", "a<b"));
	CHECK_OK(pier_sim_pause(s, "a<b", true));
	CHECK_OK(pier_sim_pause(s, "a<b", false));
	CHECK_OK(pier_sim_crash(s, "a<b"));
	CHECK_OK(pier_sim_restart(s, "a<b"));
	return pier_sim_check(s, 1 < 0);
}

/* The text of a file that this process has written. */
static char *text_of(int fd)
{
	off_t len = lseek(fd, 0, SEEK_END);
	char *text = calloc(1, (size_t)len + 1);
	CHECK(text && pread(fd, text, (size_t)len, 0) == len);
	return text;
}

/* Runs it, and returns what it said on stderr. */
static char *complaint_of(pier_sim_scenario scenario, int wanted)
{
	char name[] = "/tmp/pier-sim-XXXXXX";
	int before = dup(STDERR_FILENO), fd = mkstemp(name);
	CHECK(before >= 0 && fd >= 0);
	unlink(name);
	dup2(fd, STDERR_FILENO);
	int failed = pier_sim_run(scenario, .seeds = 3, .seed = 7);
	dup2(before, STDERR_FILENO);
	char *text = text_of(fd);
	close(fd);
	close(before);
	if (failed != wanted)
		test_fail(__FILE__, __LINE__, "%d, not %d: %s", failed, wanted, text);
	return text;
}

TEST(a_failure_names_seed_commit_and_command)
{
	setenv("PIER_SIM_COMMAND", "./dev sim this", 1);
	setenv("PIER_SIM_COMMIT", "0123abc", 1);
	char *text = complaint_of(go_wrong, 1);
	CHECK(strstr(text, ": does not hold: 1 < 0\n"));
	CHECK(strstr(text, "\nsim: seed 7 failed, at 0123abc; to see it again: PIER_SIM_SEED=7 "
			   "PIER_SIM_TRACE=1 ./dev sim this\n"));
	free(text);
}

static char *picture_of(pier_sim_scenario scenario, int wanted)
{
	char name[] = "/tmp/pier-sim-XXXXXX";
	int fd = mkstemp(name);
	CHECK(fd >= 0);
	setenv("PIER_SIM_TRACE", name, 1);
	free(complaint_of(scenario, wanted));
	char *text = text_of(fd);
	close(fd);
	unlink(name);
	return text;
}

/* Tags open and close as they should, and nothing else looks like one: XML 1.0 §2.1. */
static bool is_well_formed(const char *text)
{
	int depth = 0;
	for (; (text = strchr(text, '<')); text++) {
		const char *end = strchr(text, '>');
		if (!end || strcspn(text + 1, "<") < (size_t)(end - text - 1))
			return false;
		depth += text[1] == '/' ? -1 : end[-1] == '/' ? 0 : 1;
		if (depth < 0)
			return false;
	}
	return depth == 0;
}

TEST(a_failure_is_drawn)
{
	static const char *const seen[] = {
		"<svg xmlns=\"http://www.w3.org/2000/svg\"",
		">a&lt;b<",
		">15 B &lt;&amp;&quot;.&gt;, said he<",
		">syn ack<",
		">crashes<",
		">stands still<",
		"class=\"life crashed\"",
		"class=\"life paused\"",
		"class=\"arrow datagram\"",
		"class=\"lost\"",
		"class=\"cut\"",
		"does not hold: 1 &lt; 0<",
	};
	char *text = picture_of(go_wrong, 1);
	for (size_t i = 0; i < sizeof seen / sizeof *seen; i++)
		if (!strstr(text, seen[i]))
			test_fail(__FILE__, __LINE__, "not in the picture: %s", seen[i]);
	CHECK(is_well_formed(text));
	free(text);
}

static int talk_for_long(pier_sim *s)
{
	char line[64];
	CHECK_OK(pier_sim_node(s, "srv", server));
	PIER_AUTO *c = pier_dial("tcp://srv:7000");
	for (int i = 0; i < 5000; i++) {
		pier_printf(c, "line %d\n", i);
		CHECK(pier_gets(c, line, sizeof line) > 0);
	}
	_exit(3); /* a crash; what led to it is seen all the same */
}

TEST(a_picture_has_the_last_of_a_long_run)
{
	char *text = picture_of(talk_for_long, 1);
	CHECK(strstr(text, " earlier ones are left out<"));
	CHECK(strstr(text, "line 4999<") && !strstr(text, "line 1000<"));
	CHECK(strlen(text) < 200000 && is_well_formed(text));
	free(text);
}

/* ---- The example of docs/simulation.md ----------------------------------------------------------- */

static int balance = 100; /* on disk, were it a bank */

static void cashier(pier_conn *c, void *arg)
{
	char line[64];
	(void)arg;
	while (pier_gets(c, line, sizeof line) > 0)
		pier_printf(c, "%d\n", strcmp(line, "pay 10") ? balance : (balance -= 10));
}

static int bank(void)
{
	return pier_serve("tcp://:7000", cashier, .quiet = true);
}

static bool pay(void)
{
	char line[64] = "";
	PIER_AUTO *c = pier_dial("tcp://bank:7000");
	PIER_WITHIN (PIER_S(2)) {
		pier_printf(c, "pay 10\n");
		pier_gets(c, line, sizeof line);
	}
	return *line;
}

static int pay_once(pier_sim *s)
{
	CHECK_OK(pier_sim_node(s, "bank", bank));
	while (!pay()) /* no answer: try again */
		;
	return pier_sim_check(s, balance == 90);
}

TEST(who_tries_again_and_pays_twice_is_found)
{
	CHECK_EQ(pier_sim_run(pay_once, .seeds = 1000, .delay = PIER_MS(30), .partitions = 4), 1);
}

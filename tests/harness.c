/* Runs the tests of one program, each in a process of its own, and reports in TAP (testanything.org).
 * docs/decisions/0001-test-harness.md says why it is ours.
 *
 *	NAME_test		runs every test
 *	NAME_test WORD…		those where a word is part of the test's or the program's name
 *	PIER_IO=sim		each as the one program of a simulated node (<pier/sim.h>), under several seeds
 *	TEST_SECONDS=N		another deadline for each
 *	TEST_TELL=1		what a test says is shown also when it passes */
#include "test.h"

#include <dirent.h>
#include <pier/sim.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#if defined __has_feature
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED
#endif
#endif
#if defined SANITIZED || defined __SANITIZE_ADDRESS__ || defined __SANITIZE_THREAD__
#define SLOWER 4
#else
#define SLOWER 1
#endif

#define SKIPPED	    77 /* the status of a test that skips itself */
#define COMMAND_MAX 512
#define OUTPUT_MAX  65536 /* bytes of a failed test's output that are shown: the last ones */

#define SEEDS 5

static struct test *tests, **last = &tests;
static const struct test *simulated;

void test_add(struct test *t)
{
	*last = t;
	last = &t->next;
}

/* ---- Inside a test ------------------------------------------------------------------------------
 */

/* No longjmp: a check may fail on a fiber, whose stack is not the one to return to. */
void test_fail(const char *file, int line, const char *format, ...)
{
	va_list args;

	fprintf(stderr, "%s:%d: ", file, line);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	fflush(NULL);
	_exit(1);
}

void test_skip(const char *reason)
{
	fprintf(stderr, "%s\n", reason);
	fflush(NULL);
	_exit(SKIPPED);
}

void test_skip_emulated(const char *reason)
{
#ifdef TEST_EMULATED
	test_skip(reason);
#else
	(void)reason;
#endif
}

void test_skip_simulated(const char *reason)
{
	if (simulated)
		test_skip(reason);
}

void test_eq(intmax_t a, intmax_t b, const char *what, const char *file, int line)
{
	if (a != b)
		test_fail(file, line, "%s: %jd, not %jd", what, a, b);
}

void test_str(const char *a, const char *b, const char *what, const char *file, int line)
{
	if (a != b && (!a || !b || strcmp(a, b) != 0))
		test_fail(file, line, "%s: \"%s\", not \"%s\"", what, a ? a : "(null)",
			  b ? b : "(null)");
}

void test_bytes(pier_bytes a, pier_bytes b, const char *what, const char *file, int line)
{
	if (a.len != b.len || (a.len > 0 && memcmp(a.p, b.p, a.len) != 0))
		test_fail(file, line, "%s: %zu bytes \"%.*s\", not %zu \"%.*s\"", what, a.len,
			  (int)a.len, a.p ? a.p : "", b.len, (int)b.len, b.p);
}

void test_ok(intmax_t err, const char *what, const char *file, int line)
{
	if (err < 0)
		test_fail(file, line, "%s: %jd, %s", what, err, pier_strerror((int)err));
}

/* Counts the open descriptors; tells of each when asked. */
static int open_fds(bool tell)
{
	char link[32], target[256];
	DIR *dir = opendir("/proc/self/fd");
	int count = 0;

	for (struct dirent *e; dir && (e = readdir(dir));) {
		if (e->d_name[0] == '.' || strtol(e->d_name, NULL, 10) == dirfd(dir))
			continue;
		count++;
		snprintf(link, sizeof link, "/proc/self/fd/%.16s", e->d_name);
		ssize_t len = readlink(link, target, sizeof target);
		if (tell && len > 0)
			fprintf(stderr, "  %s %.*s\n", e->d_name, (int)len, target);
	}
	if (dir)
		closedir(dir);
	return count;
}

static int main_of_node(void)
{
	simulated->run();
	return 0;
}

static int scenario(pier_sim *s)
{
	int err = pier_sim_node(s, "here", main_of_node);
	return err < 0 ? err : pier_sim_wait(s, "here");
}

/* In this process: a check that fails ends it, and it may skip itself. */
static void simulate(const struct test *t, unsigned seed)
{
	char number[16];
	simulated = t;
	snprintf(number, sizeof number, "%u", seed);
	setenv("PIER_SIM_SEED", number, 0);
	if (pier_sim_run(scenario, .whole = true) != 0)
		test_fail(t->file, t->line, "simulated: seed %s", getenv("PIER_SIM_SEED"));
}

_Noreturn static void run(const struct test *t, int output, unsigned seed)
{
	setpgid(0, 0);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	dup2(output, STDOUT_FILENO);
	dup2(output, STDERR_FILENO);
	close(output);

	char command[COMMAND_MAX];
	snprintf(command, sizeof command, "%s %s", program_invocation_name, t->name);
	setenv("PIER_SIM_COMMAND", command, 1);
	int before = open_fds(false);
	if (seed)
		simulate(t, seed);
	else
		t->run();
	if (open_fds(false) != before) {
		open_fds(true);
		test_fail(t->file, t->line, "descriptors: %d before, %d after, see above", before,
			  open_fds(false));
	}
	exit(0); /* not _exit: here LeakSanitizer looks */
}

/* ---- Around a test ------------------------------------------------------------------------------
 */

/* Waits for the test's process, at most until its deadline, and ends what it started. */
static int await(pid_t pid, int seconds, bool *late)
{
	struct timespec now, end;
	int status = 0;
	sigset_t child;

	sigemptyset(&child);
	sigaddset(&child, SIGCHLD);
	clock_gettime(CLOCK_MONOTONIC, &end);
	end.tv_sec += seconds;
	*late = false;
	while (waitpid(pid, &status, WNOHANG) == 0) {
		clock_gettime(CLOCK_MONOTONIC, &now);
		*late = now.tv_sec >= end.tv_sec;
		if (*late)
			kill(pid, SIGKILL);
		sigtimedwait(&child, NULL, &(struct timespec){.tv_sec = 1});
	}
	kill(-pid, SIGKILL);
	return status;
}

/* The test's own words. */
static char *words_of(int output)
{
	static char text[OUTPUT_MAX + 1];
	off_t size = lseek(output, 0, SEEK_END);
	ssize_t n = pread(output, text, OUTPUT_MAX, size > OUTPUT_MAX ? size - OUTPUT_MAX : 0);

	text[n > 0 ? n : 0] = 0;
	return text;
}

/* What test_skip wrote: the last line. */
static const char *reason_of(int output)
{
	char *text = words_of(output);
	size_t len = strlen(text);
	if (len > 0)
		text[len - 1] = 0;
	const char *line = strrchr(text, '\n');
	return line ? line + 1 : text;
}

/* The same as TAP comments. */
static void tell(int output)
{
	for (char *rest = words_of(output), *line; (line = strsep(&rest, "\n")) && (*line || rest);)
		printf("#   %s\n", line);
}

static int deadline_of(const struct test *t)
{
	const char *seconds = getenv("TEST_SECONDS");
	return seconds ? (int)strtol(seconds, NULL, 10) : t->seconds * SLOWER;
}

/* Seed 0: on the real kernel. */
static bool passes(const struct test *t, int number, unsigned seed, unsigned seeds)
{
	int output = memfd_create("output", MFD_CLOEXEC);
	bool late;

	fflush(NULL);
	pid_t pid = fork();
	if (pid == 0) {
		sigset_t none;
		sigemptyset(&none);
		sigprocmask(SIG_SETMASK, &none, NULL);
		run(t, output, seed);
	}
	if (output < 0 || pid < 0) {
		perror("harness");
		exit(99);
	}
	int seconds = deadline_of(t), status = await(pid, seconds, &late);

	bool skipped = WIFEXITED(status) && WEXITSTATUS(status) == SKIPPED;
	bool passed = status == 0 || skipped;
	if (status == 0 && seed < seeds) {
		close(output);
		return passes(t, number, seed + 1, seeds);
	}
	printf("%s %d - %s", passed ? "ok" : "not ok", number, t->name);
	if (skipped)
		printf(" # SKIP %s", reason_of(output));
	putchar('\n');
	if (!passed) {
		if (late)
			printf("# %s: not done within %d s\n", t->name, seconds);
		else if (WIFSIGNALED(status))
			printf("# %s: %s\n", t->name, strsignal(WTERMSIG(status)));
	}
	if (!passed || getenv("TEST_TELL"))
		tell(output);
	close(output);
	return passed;
}

static bool wanted(const struct test *t, char **words)
{
	bool any = !*words;

	for (; *words && !any; words++)
		any = strstr(t->name, *words) || strstr(program_invocation_short_name, *words);
	return any;
}

int main(int argc, char **argv)
{
	int count = 0, number = 0, failed = 0;
	const char *io = getenv("PIER_IO");
	unsigned seeds = io && !strcmp(io, "sim") ? SEEDS : 0;
	sigset_t child;
	(void)argc;

	sigemptyset(&child);
	sigaddset(&child, SIGCHLD);
	sigprocmask(SIG_BLOCK, &child, NULL);
	for (struct test *t = tests; t; t = t->next)
		count += wanted(t, argv + 1);
	printf("TAP version 13\n1..%d\n", count);
	for (struct test *t = tests; t; t = t->next)
		if (wanted(t, argv + 1))
			failed += !passes(t, ++number, seeds > 0, seeds);
	return failed > 0;
}

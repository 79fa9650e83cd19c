/* A process per seed: what is static in programs begins anew in each, and one that crashes or hangs is a seed that failed
 * like another. */
#include "report.h"
#include "sim/net/sock.h"

#include "fiber/sanitize.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <pier/fiber.h>
#include <pier/log.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define SEEDS_DEFAULT 100
#define JOBS_MAX      64
#define TWICE	      2	  /* seeds that run a second time, unless asked for more */
#define SECONDS_MAX   300 /* of real time, for one seed */
#define STACK_SIZE    (1u << 20)

/* What a child leaves behind. */
struct outcome {
	bool finished, failed;
	uint64_t hash;
};

struct run {
	pier_sim_scenario scenario;
	pier_sim_opts o;
	struct outcome *outcomes; /* shared with the children, by slot */
	int64_t until;		  /* of the real clock: no more seeds are begun */
	uint64_t twice;		  /* so many seeds run a second time, to be compared */
	struct report report;
};

/* ---- One seed ------------------------------------------------------------------------------------ */

static int scenario_fiber(void *arg)
{
	struct pier_sim *w = arg;
	int err = w->scenario(w);
	if (err < 0 && !w->failed)
		pier_world_fail("the scenario returned %d", err);
	return 0;
}

static int scenario_main(void)
{
	int err = pier_run(scenario_fiber, pier_world);
	if (err < 0)
		pier_world_fail("the scenario could not start: %d", err);
	return err;
}

static struct pier_sim *world_new(const struct run *r, uint64_t seed)
{
	struct pier_sim *w = calloc(1, sizeof *w);
	if (!w)
		abort();
	w->o = r->o;
	w->scenario = r->scenario;
	w->trace = r->report.trace;
	w->film = r->report.film;
	w->seed = w->chance = seed;
	w->now = PIER_S(1);
	w->tsan = tsan_self();
	list_init(&w->homeless);
	list_init(&w->streams);
	list_init(&w->watches);
	pier_stacks_init(&w->stacks, STACK_SIZE);
	pier_world = w;
	w->late = pier_chance(3) == 0 && !r->o.whole;
	w->part = pier_chance(2) && !r->o.whole ? (double)pier_chance(100) / 100 : 0;
	w->buffer = r->o.whole ? BUFFER_DEFAULT : (size_t)1 << (10 + pier_chance(9));
	w->faults = r->o.faults * (double)pier_chance(101) / 100;
	if (r->o.memory_faults > 0 && pier_chance(3))
		w->memory_faults = r->o.memory_faults * (double)pier_chance(101) / 100;
	w->disk_faults = pier_chance(3) ? r->o.disk_faults * (double)pier_chance(101) / 100 : 0;
	return w;
}

static struct outcome run_seed(const struct run *r, uint64_t seed)
{
	struct pier_sim *w = world_new(r, seed);
	struct node *n;
	pier_io_kernel = &pier_sim_kernel;
	pier_weather_draw(w);
	if (pier_node_new("scenario", scenario_main, &n) < 0)
		abort();
	pier_world_run(w);
	pier_io_kernel = NULL;
	return (struct outcome){.finished = true, .failed = w->failed, .hash = w->hash};
}

/* ---- Many ---------------------------------------------------------------------------------------- */

static uint64_t number_of(const char *variable, uint64_t otherwise)
{
	const char *text = getenv(variable);
	return text && *text ? strtoull(text, NULL, 10) : otherwise;
}

static bool is_made_of(const char *signs, const char *variable)
{
	const char *text = getenv(variable);
	if (!text || !text[strspn(text, signs)])
		return true;
	fprintf(stderr, "sim: %s is a number, not '%s'\n", variable, text);
	return false;
}

/* What the environment asks for is a number, or nothing is run: a typing error would be seed 0, which is well. */
static bool is_asked_well(void)
{
	static const char digits[] = "0123456789";
	return is_made_of(digits, "PIER_SIM_SEED") && is_made_of(digits, "PIER_SIM_SEEDS") &&
	       is_made_of(digits, "PIER_SIM_TWICE") && is_made_of(digits, "PIER_SIM_JOBS") &&
	       is_made_of("0123456789.e-", "PIER_SIM_SECONDS");
}

static void silence(void)
{
	if (!freopen("/dev/null", "w", stderr))
		clearerr(stderr);
}

/* The number of the child, or an error. */
static int launch(const struct run *r, uint64_t seed, unsigned slot, bool quiet)
{
	struct run here = *r;
	r->outcomes[slot] = (struct outcome){0};
	int pid = pier_io_fork();
	if (pid)
		return pid;
	alarm(SECONDS_MAX);
	if (quiet) {
		silence();
		here.report = (struct report){0};
	}
	r->outcomes[slot] = run_seed(&here, seed);
	pier_io_process_exit(r->outcomes[slot].failed);
}

static struct outcome outcome_of(const struct run *r, int pid, unsigned slot)
{
	int status = pier_io_process_end(pid);
	struct outcome o = r->outcomes[slot];
	o.failed |= !o.finished || status != 0;
	return o;
}

/* In a process of its own, and aloud. */
static struct outcome run_aloud(struct run *r, uint64_t seed)
{
	int pid = launch(r, seed, 0, false);
	return pid < 0 ? (struct outcome){0} : outcome_of(r, pid, 0);
}

struct job {
	int pid;
	uint64_t seed, hash;
	bool again;
};

/* The lowest seed that failed. */
struct bad {
	bool any, differs;
	uint64_t seed;
};

/* What failed in silence says why. */
static int tell(struct run *r, const struct bad *b)
{
	struct outcome o = run_aloud(r, b->seed);
	pier_report(&r->report, b->seed,
		    b->differs		     ? ": two runs of it differ"
		    : o.failed && o.finished ? ""
		    : o.failed		     ? ": its process ended"
					     : ", and then did not");
	return 1;
}

/* True when it is to run again, as its hash must come again too. */
static bool judge(const struct run *r, struct job *j, const struct outcome *o, struct bad *b)
{
	bool differs = j->again && !o->failed && o->hash != j->hash;
	if ((o->failed || differs) && (!b->any || j->seed < b->seed))
		*b = (struct bad){.any = true, .differs = differs, .seed = j->seed};
	j->hash = o->hash;
	return !b->any && !j->again && j->seed - r->o.seed < r->twice;
}

static int run_many(struct run *r, unsigned jobs)
{
	struct job at[JOBS_MAX] = {{0}};
	uint64_t next = r->o.seed, end = next + r->o.seeds;
	struct bad bad = {0};
	unsigned under_way = 0;
	for (unsigned slot = 0; under_way || (next < end && !bad.any); slot = (slot + 1) % jobs) {
		struct job *j = &at[slot];
		if (pier_io_clock() >= r->until)
			end = next;
		if (j->pid) {
			struct outcome o = outcome_of(r, j->pid, slot);
			j->again = judge(r, j, &o, &bad);
			j->pid = 0;
			under_way--;
		}
		if (bad.any || (next == end && !j->again))
			continue;
		int pid = launch(r, j->again ? j->seed : next, slot, true);
		if (pid < 0 && !under_way)
			return 1;
		if (pid < 0)
			continue; /* too many processes: after one of ours has ended */
		j->pid = pid;
		j->seed = j->again ? j->seed : next++;
		under_way++;
	}
	if (r->until != PIER_FOREVER)
		fprintf(stderr, "sim: %" PRIu64 " seeds\n", next - r->o.seed);
	return bad.any ? tell(r, &bad) : 0;
}

/* As many as are asked for, or as there is real time for from now on; where a scenario wants one, it is that one. */
static void limit_seeds(struct run *r)
{
	const char *text = getenv("PIER_SIM_SECONDS");
	double seconds = text ? strtod(text, NULL) : 0;
	r->until = PIER_FOREVER;
	if (r->o.seeds == 1)
		return;
	r->o.seeds = (unsigned)number_of("PIER_SIM_SEEDS", r->o.seeds ? r->o.seeds : SEEDS_DEFAULT);
	if (!(seconds > 0 && seconds < TIME_MAX / 1e9))
		return;
	r->until = pier_io_clock() + (int64_t)(seconds * 1e9);
	r->o.seeds = UINT_MAX;
}

/* In this process, unless what is left of it is to be drawn. */
static int run_here(struct run *r, uint64_t seed)
{
	struct outcome o = r->report.film ? run_aloud(r, seed) : run_seed(r, seed);
	fprintf(stderr, "sim: seed %" PRIu64 " %s, %" PRIx64 "\n", seed,
		o.failed ? "failed" : "is well", o.hash);
	pier_report_picture(&r->report, seed);
	return o.failed;
}

static unsigned jobs_of(void)
{
	uint64_t jobs = number_of("PIER_SIM_JOBS", pier_io_cores());
	return jobs == 0 ? 1 : jobs < JOBS_MAX ? (unsigned)jobs : JOBS_MAX;
}

int pier_sim_run_with(pier_sim_scenario scenario, const pier_sim_opts *opts)
{
	struct run r = {.scenario = scenario, .o = *opts};
	const char *one = getenv("PIER_SIM_SEED");
	if (!is_asked_well())
		return 1;
	r.o.seed = r.o.seed ? r.o.seed : 1;
	r.twice = number_of("PIER_SIM_TWICE", TWICE);
	limit_seeds(&r);
	size_t size = JOBS_MAX * sizeof *r.outcomes;
	r.outcomes = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (r.outcomes == MAP_FAILED)
		return 1;
	pier_report_open(&r.report);
	int failed =
		one && *one ? run_here(&r, number_of("PIER_SIM_SEED", 1)) : run_many(&r, jobs_of());
	pier_report_close(&r.report);
	munmap(r.outcomes, size);
	return failed;
}

/* ---- Checks -------------------------------------------------------------------------------------- */

int pier_sim_check_at(pier_sim *s, bool holds, const char *what, const char *file, int line)
{
	if (holds)
		return 0;
	if (!s->failed)
		pier_world_fail("%s:%d: does not hold: %s", file, line, what);
	return -EPROTO;
}

int pier_sim_always(pier_sim *s, bool (*always)(void *), void *arg, const char *what)
{
	if (s->always_count == ALWAYS_MAX)
		return -ENOSPC;
	s->always[s->always_count++] = (struct always){always, arg, what};
	return 0;
}

uint64_t pier_sim_chance(pier_sim *s, uint64_t n)
{
	(void)s;
	return pier_chance(n);
}

uint64_t pier_sim_seed(const pier_sim *s)
{
	return s->seed;
}

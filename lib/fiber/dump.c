/* Who is there and what for, asked of every worker: each lists its own fibers between two of them, and mails the text
 * back. One that is busy for too long is left out, by name. */
#include "dump.h"

#include "depth.h"
#include "runtimes.h"

#include <dlfcn.h>
#include <errno.h>
#include <inttypes.h>
#include <pier/stats.h>
#include <pier/time.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ANSWER_WAIT PIER_S(1)
#define ANSWER_LOOK PIER_MS(1)
#define FIBERS_MAX  100000u /* of one worker that are listed */

/* ---- One fiber ----------------------------------------------------------------------------------- */

static const char *waits(const struct fiber *f)
{
	switch (f->state) {
	case FIBER_RUNNING:
		return "runs";
	case FIBER_READY:
		return "is ready";
	case FIBER_PARKED:
	case FIBER_DEAD:
		break;
	}
	return f->waits_for ? f->waits_for : "nothing it has named";
}

static int put_seconds(char *into, size_t room, const char *before, int64_t ns)
{
	const char *sign = ns < 0 ? "-" : "";
	uint64_t ms = (uint64_t)(ns < 0 ? -ns : ns) / 1000000;
	return snprintf(into, room, "%s%s%" PRIu64 ".%03" PRIu64 " s", before, sign, ms / 1000,
			ms % 1000);
}

void pier_function_name(char into[FUNCTION_MAX], int (*fn)(void *))
{
	void *at;
	Dl_info info;
	memcpy(&at, &fn, sizeof at);
	if (!dladdr(at, &info)) {
		snprintf(into, FUNCTION_MAX, "%p", at);
		return;
	}
	const char *slash = strrchr(info.dli_fname, '/');
	if (info.dli_sname && info.dli_saddr == at)
		snprintf(into, FUNCTION_MAX, "%s", info.dli_sname);
	else
		snprintf(into, FUNCTION_MAX, "%.40s+0x%zx", slash ? slash + 1 : info.dli_fname,
			 (size_t)((char *)at - (char *)info.dli_fbase));
}

static void describe(struct worker *w, const struct fiber *f, char into[DUMP_LINE_MAX])
{
	bool parked = f->state == FIBER_PARKED;
	char function[FUNCTION_MAX];
	pier_function_name(function, f->fn);
	int n = snprintf(into, DUMP_LINE_MAX, "fiber %u.%" PRIu64 " in %s%s%.64s", w->id, f->id,
			 function, parked ? " waits for " : " ", waits(f));
	if (parked)
		n += put_seconds(into + n, DUMP_LINE_MAX - (size_t)n, ", for ",
				 w->io->now - f->parked_at);
	if (parked && f->wake_at != PIER_FOREVER)
		n += put_seconds(into + n, DUMP_LINE_MAX - (size_t)n, ", at most ",
				 f->wake_at - w->io->now);
	snprintf(into + n, DUMP_LINE_MAX - (size_t)n, "%s%s", parked && f->op ? ", by an op" : "",
		 f->cancelled ? ", cancelled" : "");
}

struct describing {
	struct worker *worker;
	unsigned left, omitted;
	void (*line)(void *arg, const char *text);
	void *arg;
};

static void describe_next(struct fiber *f, void *arg)
{
	struct describing *d = arg;
	char text[DUMP_LINE_MAX];
	if (f->state == FIBER_DEAD)
		return;
	if (d->left == 0) {
		d->omitted++;
		return;
	}
	d->left--;
	describe(d->worker, f, text);
	d->line(d->arg, text);
}

void pier_worker_describe(struct worker *w, unsigned max, void (*line)(void *, const char *),
			  void *arg)
{
	struct describing d = {.worker = w, .left = max, .line = line, .arg = arg};
	pier_stacks_each(&w->stacks, describe_next, &d);
	if (d.omitted) {
		char text[DUMP_LINE_MAX];
		snprintf(text, sizeof text, "and %u more", d.omitted);
		line(arg, text);
	}
}

/* ---- All of them --------------------------------------------------------------------------------- */

/* What one worker answers. It belongs to the asker and to the worker, and the later of the two frees it. */
struct answer {
	struct io_op note;
	struct worker *worker;
	unsigned number;
	atomic_uint holders;
	atomic_bool there;
	struct answer *next;
	char *text;
	size_t len, room;
	bool cut;
};

static void let_go(struct answer *a)
{
	if (atomic_fetch_sub(&a->holders, 1) > 1)
		return;
	free(a->text);
	free(a);
}

static void append(void *arg, const char *line)
{
	struct answer *a = arg;
	size_t len = strlen(line), room = a->room ? a->room : 4096;
	while (room - a->len < len + 2)
		room *= 2;
	char *text = a->cut ? NULL : realloc(a->text, room);
	if (!text) {
		a->cut = true;
		return;
	}
	memcpy(text + a->len, line, len);
	text[a->len + len] = '\n';
	a->text = text;
	a->room = room;
	a->len += len + 1;
}

static void list_fibers(struct answer *a)
{
	struct worker *w = a->worker;
	char line[DUMP_LINE_MAX];
	snprintf(line, sizeof line, "worker %u: %u fibers, %u ready, %u ops under way", a->number,
		 w->fibers, w->ready_count, w->io->under_way);
	append(a, line);
	pier_worker_describe(w, FIBERS_MAX, append, a);
}

static void list_depths(struct answer *a)
{
	pier_stack_mark marks[PIER_STACK_MARKS_MAX];
	char line[DUMP_LINE_MAX], function[FUNCTION_MAX];
	int n = pier_depths_read(a->worker->stacks.depths, marks, PIER_STACK_MARKS_MAX);
	for (int i = 0; i < n; i++) {
		snprintf(function, sizeof function, "others");
		if (marks[i].fn)
			pier_function_name(function, marks[i].fn);
		snprintf(line, sizeof line,
			 "stacks of %s: %" PRIu64 " used, at most %" PRIu64 " bytes of %zu KiB",
			 function, marks[i].fibers, marks[i].deepest, a->worker->stacks.size >> 10);
		append(a, line);
	}
}

static void answer(struct io_op *note)
{
	struct answer *a = note->owner;
	list_fibers(a);
	list_depths(a);
	atomic_store(&a->there, true);
	let_go(a);
}

/* The asker's own worker is asked at once: it would not read its mail while it waits for that. */
static struct answer *ask(struct worker *w, unsigned number)
{
	struct answer *a = calloc(1, sizeof *a);
	if (!a)
		return NULL;
	a->worker = w;
	a->number = number;
	a->note = (struct io_op){.kind = IO_NOTE, .done = answer, .owner = a};
	atomic_init(&a->holders, 2);
	if (w == pier_worker_self())
		answer(&a->note);
	else
		pier_io_post(w->io, &a->note);
	return a;
}

static struct answer *ask_all(bool *complete)
{
	struct answer *first = NULL, **last = &first;
	struct worker *w;

	pier_runtimes_hold();
	for (unsigned i = 0; (w = pier_runtimes_worker(i)); i++) {
		struct answer *a = ask(w, i);
		*complete = *complete && a;
		if (!a)
			continue;
		*last = a;
		last = &a->next;
	}
	pier_runtimes_release();
	return first;
}

static int tell(int fd, const struct answer *a)
{
	char line[DUMP_LINE_MAX];
	if (atomic_load(&a->there))
		return pier_io_write_all(fd, a->text, a->len);
	int n = snprintf(line, sizeof line, "worker %u: too busy to answer\n", a->number);
	return pier_io_write_all(fd, line, (size_t)n);
}

static void await_answer(const struct answer *a, int64_t until)
{
	while (!atomic_load(&a->there) && pier_io_clock() < until)
		PIER_SHIELD (PIER_FOREVER)
			pier_sleep(ANSWER_LOOK);
}

int pier_dump(int fd)
{
	bool complete = true;
	int64_t until = pier_io_clock() + ANSWER_WAIT;
	struct answer *a = ask_all(&complete);
	int err = complete ? 0 : -ENOMEM;

	while (a) {
		struct answer *next = a->next;
		await_answer(a, until);
		int told = tell(fd, a);
		err = err < 0 ? err : told;
		let_go(a);
		a = next;
	}
	return err;
}

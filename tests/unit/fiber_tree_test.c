/* Trees of fibers that grow, sleep, cancel, shield and fail as dice decide. A failure names its seed:
 * PIER_SEED=N fiber_tree_test plays it again. */
#include "test.h"

#include <pier.h>
#include <stdio.h>
#include <stdlib.h>

#define FIBERS 10000
#define DEPTH  8

struct tree {
	uint64_t dice;
	int born, alive, cancels, timeouts, fails;
};

struct node {
	struct tree *tree;
	struct node *parent;
	uint64_t dice;
	int depth;
	bool ended;
	pier_group children;
	struct node *first_child, *next;
};

static unsigned roll(uint64_t *dice, unsigned sides)
{
	*dice = *dice * 6364136223846793005u + 1442695040888963407u;
	return (unsigned)(*dice >> 33) % sides;
}

/* What a wait may answer: 0; -ECANCELED, which then stays; -ETIMEDOUT, only past a deadline. */
static int check_wait(struct node *n, int err)
{
	switch (err) {
	case 0:
		break;
	case -ECANCELED:
		CHECK_EQ(pier_stopped(), -ECANCELED);
		n->tree->cancels++;
		break;
	case -ETIMEDOUT:
		CHECK_EQ(pier_time_left(), 0);
		n->tree->timeouts++;
		break;
	default:
		test_fail(__FILE__, __LINE__, "a wait answered %d", err);
	}
	return err;
}

static int nap(struct node *n)
{
	int64_t ns = PIER_US(roll(&n->dice, 1500)), start = pier_now();
	int err = pier_sleep(ns);
	if (err == 0)
		CHECK(ns == 0 || pier_now() - start >= ns);
	return check_wait(n, err);
}

static int hurry(struct node *n)
{
	int err = 0;
	PIER_WITHIN (PIER_US(roll(&n->dice, 800)))
		err = nap(n);
	return err == -ETIMEDOUT ? pier_stopped() : err;
}

static void hide(struct node *n)
{
	PIER_SHIELD (PIER_US(100 + roll(&n->dice, 500))) {
		int err = pier_sleep(PIER_US(roll(&n->dice, 300)));
		CHECK(err == 0 || (err == -ETIMEDOUT && pier_time_left() == 0));
	}
}

static int64_t add_one(void *arg)
{
	++*(int *)arg;
	return 5;
}

static void work(void)
{
	int n = 0;
	CHECK_EQ(pier_offload(add_one, &n), 5);
	CHECK_EQ(n, 1);
}

/* Waits for a descriptor that has nothing to tell. */
static int listen_in_vain(struct node *n)
{
	pier_conn *p[2];
	if (pier_pair(p) < 0)
		return 0;
	pier_set_timeouts(p[0], PIER_US(1 + roll(&n->dice, 1000)), 0);
	CHECK(!pier_next(p[0]).p);
	int err = pier_err(p[0]);
	CHECK(err == -ETIMEDOUT || err == -ECANCELED);
	pier_abort(p[0]);
	pier_abort(p[1]);
	return err == -ECANCELED ? check_wait(n, err) : 0;
}

static int live(void *arg);

static void bear(struct node *n)
{
	if (n->depth == DEPTH || n->tree->born == FIBERS)
		return;
	struct node *child = calloc(1, sizeof *child);
	*child = (struct node){.tree = n->tree,
			       .parent = n,
			       .dice = n->dice ^ ((uint64_t)roll(&n->dice, 1u << 30) << 20),
			       .depth = n->depth + 1,
			       .next = n->first_child};
	int err = pier_go(&n->children, live, child);
	CHECK(err == 0 || err == -ECANCELED);
	if (err < 0) {
		free(child);
		return;
	}
	n->first_child = child;
	n->tree->born++;
}

static int act(struct node *n)
{
	switch (roll(&n->dice, 12)) {
	case 0:
	case 1:
		return nap(n);
	case 2:
		return check_wait(n, pier_yield());
	case 3:
		return hurry(n);
	case 4:
		hide(n);
		return pier_stopped();
	case 5:
		if (roll(&n->dice, 4) == 0)
			work();
		return 0;
	case 6:
		return roll(&n->dice, 4) ? 0 : listen_in_vain(n);
	case 7:
		if (roll(&n->dice, 10) == 0)
			pier_group_cancel(&n->children);
		return 0;
	default:
		bear(n);
		return 0;
	}
}

static void bury_children(struct node *n)
{
	while (n->first_child) {
		struct node *child = n->first_child;
		CHECK(child->ended);
		n->first_child = child->next;
		free(child);
	}
}

static int live(void *arg)
{
	struct node *n = arg;
	int err = 0;
	n->tree->alive++;
	for (int i = 0; i < 8 && err == 0; i++)
		err = act(n);
	if (roll(&n->dice, 2)) {
		int waited = pier_group_wait(&n->children);
		CHECK(waited == 0 || waited == -ECANCELED || waited == -EIO);
		CHECK_EQ(n->children.live, 0);
	}
	pier_group_end(&n->children);
	bury_children(n);
	CHECK(!n->parent || !n->parent->ended); /* nobody outlives its group */
	n->ended = true;
	n->tree->alive--;
	bool fails = roll(&n->dice, 40) == 0;
	n->tree->fails += fails;
	return fails ? -EIO : 0;
}

static int grow(void *arg)
{
	struct tree *t = arg;
	while (t->born < FIBERS) {
		struct node root = {.tree = t, .dice = t->dice};
		for (int i = 0; i < 200; i++)
			bear(&root);
		roll(&t->dice, 2);
		t->dice ^= root.dice;
		if (roll(&t->dice, 3) == 0) {
			pier_sleep(PIER_MS(2));
			pier_group_cancel(&root.children);
		}
		PIER_WITHIN (PIER_MS(5 + roll(&t->dice, 30)))
			pier_group_wait(&root.children);
		pier_group_end(&root.children);
		bury_children(&root);
		CHECK_EQ(t->alive, 0);
	}
	return 0;
}

static void play(uint64_t seed)
{
	struct tree t = {.dice = seed * 0x9e3779b97f4a7c15u};
	fprintf(stderr, "PIER_SEED=%ju\n", (uintmax_t)seed);
	CHECK_EQ(pier_run(grow, &t, .workers = 1), 0);
	fprintf(stderr, "  %d fibers, %d cancels, %d time-outs, %d failures\n", t.born, t.cancels,
		t.timeouts, t.fails);
	CHECK_EQ(t.born, FIBERS);
	CHECK(t.cancels > 100 && t.timeouts > 100 && t.fails > 10);
}

TEST_WITHIN(60, no_tree_of_fibers_loses_one)
{
	const char *seed = getenv("PIER_SEED");
	if (seed) {
		play(strtoull(seed, NULL, 10));
		return;
	}
	for (uint64_t s = 1; s <= 5; s++)
		play(s);
}

#define CROWD 7000 /* ThreadSanitizer knows 8128 */

static int stay(void *arg)
{
	int *here = arg;
	++*here;
	return pier_sleep(PIER_S(100));
}

static int crowd(void *arg)
{
	int *here = arg;
	pier_group g = PIER_GROUP;
	for (int i = 0; i < CROWD; i++)
		CHECK_OK(pier_go(&g, stay, here));
	while (*here < CROWD)
		pier_yield();
	pier_group_cancel(&g);
	CHECK_EQ(pier_group_wait(&g), -ECANCELED);
	return 0;
}

TEST_WITHIN(30, thousands_of_fibers_live_at_once_and_again)
{
	for (int i = 0; i < 2; i++) {
		int here = 0;
		CHECK_EQ(pier_run(crowd, &here, .workers = 1, .stack_size = 64 << 10), 0);
	}
}

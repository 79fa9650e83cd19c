/* Asking by datagrams: again when nothing comes, and past what does not fit. */
#include "sock_pairs.h"

struct asked {
	pier_sock door;
	unsigned heard;
	pier_addr at, asker; /* where the door is, and who asks */
};

/* The question again, and then the number of those that were heard. */
static int fits(pier_bytes answer, const pier_addr *from, void *arg)
{
	(void)from;
	(void)arg;
	return answer.len == 1 ? answer.p[0] : 0;
}

static pier_sock asker(struct asked *a)
{
	a->door = bound_to(AF_INET, SOCK_DGRAM, &a->at);
	return bound_to(AF_INET, SOCK_DGRAM, &a->asker);
}

/* Whoever asks hears, in turn, nothing, something else, and the answer. */
static int answer_the_third(void *arg)
{
	struct asked *a = arg;
	char in[8];
	pier_addr from;
	for (; a->heard < 3; a->heard++) {
		CHECK_EQ(pier_sock_recvfrom(&a->door, in, sizeof in, 0, &from), 5);
		if (a->heard == 1)
			pier_sock_sendto(&a->door, "old", 3, 0, &from);
	}
	return (int)pier_sock_sendto(&a->door, "\7", 1, 0, &from);
}

ON_FIBER(a_question_is_asked_again_until_its_answer_comes)
{
	struct asked a = {0};
	char in[8];
	PIER_AUTO_GROUP other = PIER_GROUP;
	PIER_AUTO_SOCK s = asker(&a);
	CHECK_OK(pier_go(&other, answer_the_third, &a));
	pier_ask ask = {.say = pier_text("where"),
			.to = &a.at,
			.into = in,
			.room = sizeof in,
			.fits = fits,
			.each = PIER_MS(20)};
	CHECK_EQ(pier_sock_ask(&s, &ask), 7);
	CHECK_EQ(pier_sock_err(&s), 0); /* late is no error */
	CHECK_OK(pier_group_wait(&other));
	CHECK_EQ(a.heard, 3);
	ask.tries = 2;
	CHECK_EQ(pier_sock_ask(&s, &ask), -ETIMEDOUT);
	CHECK_EQ(pier_sock_err(&s), -ETIMEDOUT);
	pier_sock_close(&a.door);
}

/* As fast as one is heard, the next is there. */
static int never(pier_bytes answer, const pier_addr *from, void *arg)
{
	struct asked *a = arg;
	(void)answer;
	(void)from;
	a->heard++;
	pier_sock_sendto(&a->door, "again", 5, 0, &a->asker);
	return 0;
}

ON_BOTH(who_sends_without_end_does_not_hold_a_question_up)
{
	struct asked a = {0};
	char in[16];
	PIER_AUTO_SOCK s = asker(&a);
	never((pier_bytes){0}, NULL, &a);
	int64_t began = pier_now();
	CHECK_EQ(pier_sock_ask(&s, &(pier_ask){.say = pier_text("?"),
					       .to = &a.at,
					       .into = in,
					       .room = sizeof in,
					       .fits = never,
					       .arg = &a,
					       .each = PIER_MS(20),
					       .tries = 3}),
		 -ETIMEDOUT);
	CHECK(pier_now() - began < PIER_S(5));
	CHECK(a.heard > 2);
	pier_sock_close(&a.door);
}

static int give_up(pier_bytes answer, const pier_addr *from, void *arg)
{
	(void)from;
	(void)arg;
	return pier_bytes_eq(answer, "no") ? -EPROTO : 0;
}

TEST(an_answer_may_end_it)
{
	struct asked a = {0};
	char in[8];
	PIER_AUTO_SOCK s = asker(&a);
	pier_sock_sendto(&a.door, "no", 2, 0, &a.asker);
	CHECK_EQ(pier_sock_ask(&s, &(pier_ask){.say = pier_text("?"),
					       .to = &a.at,
					       .into = in,
					       .room = sizeof in,
					       .fits = give_up}),
		 -EPROTO);
	PIER_WITHIN (PIER_MS(10)) /* a deadline around it ends it, not the last try */
		CHECK_EQ(pier_sock_ask(&s, &(pier_ask){.say = pier_text("?"),
						       .to = &a.at,
						       .into = in,
						       .room = sizeof in,
						       .fits = give_up}),
			 -ETIMEDOUT);
	pier_sock_close(&a.door);
}

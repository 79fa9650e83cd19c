/* Looking ahead in a stream, and putting back. */
#include "raw_peer.h"

static void *write_slowly(void *fd)
{
	for (const char *p = "abcdefghij"; *p; p++) {
		put(*(int *)fd, p, 1);
		usleep(1000);
	}
	shutdown(*(int *)fd, SHUT_WR);
	return NULL;
}

ON_BOTH(peek_waits_for_so_many_and_spends_none)
{
	int raw;
	char got[16];
	pthread_t t;
	PIER_AUTO *c = joined(&raw, PIER_RAW, 0);
	CHECK_EQ(pthread_create(&t, NULL, write_slowly, &raw), 0);
	pier_bytes in = pier_peek(c, 4);
	CHECK(in.len >= 4);
	CHECK_EQ(memcmp(in.p, "abcd", 4), 0);
	CHECK_EQ(pier_recv_all(c, got, 6), 6);
	CHECK_BYTES(pier_peek(c, 100), "ghij"); /* the end came before */
	CHECK_EQ(pier_recv_all(c, got, 4), 4);
	CHECK(!pier_peek(c, 1).p);
	CHECK_EQ(pier_err(c), 0);
	pthread_join(t, NULL);
	close(raw);
}

ON_BOTH(a_peek_after_a_loan_sees_what_is_behind_it)
{
	int raw;
	PIER_AUTO *c = joined(&raw, PIER_LINES, 0);
	put_text(raw, "one\ntwo\n");
	CHECK_BYTES(pier_next(c), "one");
	CHECK_BYTES(pier_peek(c, 4), "two\n");
	CHECK_BYTES(pier_peek(c, 0), "two\n");
	CHECK_BYTES(pier_next(c), "two");
	close(raw);
}

ON_BOTH(what_is_put_back_comes_first)
{
	int raw;
	char got[64];
	PIER_AUTO *c = joined(&raw, PIER_RAW, 0);
	CHECK_EQ(pier_unread(c, "zero ", 5), 0); /* nothing was read yet */
	put_text(raw, "one two");
	CHECK_EQ(pier_recv_all(c, got, 9), 9);
	CHECK_EQ(memcmp(got, "zero one ", 9), 0);
	CHECK_EQ(pier_unread(c, got + 5, 4), 0);
	CHECK_EQ(pier_unread(c, "another and a longer one, ", 26), 0);
	CHECK_EQ(pier_recv_all(c, got, 33), 33);
	CHECK_EQ(memcmp(got, "another and a longer one, one two", 33), 0);
	pier_bytes in;
	put_text(raw, "lent");
	CHECK_BYTES(in = pier_next(c), "lent");
	CHECK_EQ(pier_unread(c, in.p + 2, 2), 0); /* its own memory */
	CHECK_BYTES(pier_next(c), "nt");
	shutdown(raw, SHUT_WR);
	CHECK(!pier_next(c).p);
	CHECK_EQ(pier_unread(c, "after the end", 13), 0);
	CHECK_BYTES(pier_next(c), "after the end");
	close(raw);
}

ON_BOTH(more_than_a_message_is_not_put_back)
{
	int raw;
	static char much[1001];
	PIER_AUTO *c = joined(&raw, PIER_RAW, 1000);
	CHECK_EQ(pier_unread(c, much, 1001), -EMSGSIZE);
	CHECK_EQ(pier_unread(c, much, 600), 0);
	CHECK_EQ(pier_unread(c, much, 401), -EMSGSIZE);
	CHECK_EQ(pier_unread(c, much, 400), 0);
	CHECK_EQ(pier_err(c), 0);
	CHECK_EQ(pier_peek(c, 2000).len, 1000);
	CHECK_EQ(pier_unread(NULL, much, 1), -ENOMEM);
	close(raw);
}

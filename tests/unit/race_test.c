/* Happy Eyeballs, of net/dial/race.h: which of several addresses wins, when, and what is left behind. */
#include "raw_peer.h"

#include "io/socket.h"
#include "net/dial/race.h"

#include <dirent.h>

/* A listener that answers no more: its queue, of one, is full. */
struct hole {
	int listener, fds[4], port;
};

static void dig(struct hole *h)
{
	pier_addr at;
	h->listener = raw_listener("127.0.0.1", 0, &h->port);
	CHECK_OK(pier_addr_parse(pier_text("127.0.0.1"), (uint16_t)h->port, &at));
	for (int i = 0; i < 4; i++) {
		h->fds[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
		connect(h->fds[i], &at.sa, at.len);
	}
	/* Else one of those that shall find it full might be the one that fills it. */
	CHECK_EQ(poll(&(struct pollfd){.fd = h->listener, .events = POLLIN}, 1, 5000), 1);
}

static void fill_in(struct hole *h)
{
	for (int i = 0; i < 4; i++)
		close(h->fds[i]);
	close(h->listener);
}

static int open_files(void)
{
	DIR *dir = opendir("/proc/self/fd");
	int count = 0;
	while (readdir(dir))
		count++;
	closedir(dir);
	return count;
}

static void add(pier_addrs *to, const char *host, int port)
{
	CHECK_OK(pier_addr_parse(pier_text(host), (uint16_t)port, &to->at[to->count++]));
}

static int free_port(void)
{
	int port;
	close(raw_listener("127.0.0.1", 1, &port));
	return port;
}

static int open_tcp(const pier_addr *to, void *opened)
{
	++*(int *)opened;
	return pier_io_socket(to->sa.sa_family, SOCK_STREAM);
}

static int refuse_first(const pier_addr *to, void *opened)
{
	return (*(int *)opened)++ == 0 ? -EMFILE : pier_io_socket(to->sa.sa_family, SOCK_STREAM);
}

TEST(families_take_turns)
{
	pier_addrs to = {0};
	char text[PIER_ADDR_TEXT], all[256] = "";
	add(&to, "::1", 1);
	add(&to, "::2", 1);
	add(&to, "::3", 1);
	add(&to, "10.0.0.1", 1);
	add(&to, "10.0.0.2", 1);
	pier_race_sort(&to);
	for (unsigned i = 0; i < to.count; i++)
		snprintf(all + strlen(all), sizeof all - strlen(all), "%s ",
			 pier_addr_host(&to.at[i], text, sizeof text));
	CHECK_STR(all, "::1 10.0.0.1 ::2 10.0.0.2 ::3 ");
	pier_addrs none = {0};
	pier_race_sort(&none);
	CHECK_EQ(none.count, 0);
}

ON_BOTH(one_that_is_refused_gives_way_at_once)
{
	pier_addrs to = {0};
	pier_tried tried = {0};
	unsigned winner = 9;
	int port, opened = 0, listener = raw_listener("127.0.0.1", 8, &port);
	add(&to, "127.0.0.1", free_port());
	add(&to, "127.0.0.1", free_port());
	add(&to, "127.0.0.1", port);
	add(&to, "127.0.0.1", port);
	int64_t start = pier_now();
	int fd = pier_race(&to, open_tcp, &opened, &tried, &winner);
	CHECK_OK(fd);
	CHECK(pier_now() - start < RACE_DELAY);
	CHECK_EQ(winner, 2);
	CHECK_EQ(opened, 3);
	CHECK_EQ(tried.count, 3);
	CHECK_EQ(tried.at[0].err, -ECONNREFUSED);
	CHECK_EQ(tried.at[1].err, -ECONNREFUSED);
	CHECK_EQ(tried.at[2].err, 0);
	CHECK(pier_addr_eq(&tried.at[2].to, &to.at[2]));
	close(fd);
	close(listener);
}

ON_BOTH(one_that_does_not_answer_is_overtaken)
{
	pier_addrs to = {0};
	pier_tried tried = {0};
	unsigned winner = 9;
	struct hole h;
	int port, opened = 0, listener = raw_listener("127.0.0.1", 8, &port);
	dig(&h);
	add(&to, "127.0.0.1", h.port);
	add(&to, "127.0.0.1", port);
	int before = open_files();
	int64_t start = pier_now();
	int fd = pier_race(&to, open_tcp, &opened, &tried, &winner);
	int64_t took = pier_now() - start;
	CHECK_OK(fd);
	CHECK(took >= RACE_DELAY && took < RACE_DELAY + PIER_MS(700));
	CHECK_EQ(winner, 1);
	CHECK_EQ(tried.at[0].err, -ECANCELED);
	CHECK(tried.at[0].took >= RACE_DELAY);
	close(fd);
	CHECK_EQ(open_files(), before); /* the one left behind is closed */
	fill_in(&h);
	close(listener);
}

ON_BOTH(when_all_fail_the_last_error_counts)
{
	pier_addrs to = {0};
	pier_tried tried = {0};
	unsigned winner = 9;
	int opened = 0, before = open_files();
	for (int i = 0; i < PIER_ADDRS_MAX; i++)
		add(&to, "127.0.0.1", free_port());
	CHECK_EQ(pier_race(&to, open_tcp, &opened, &tried, &winner), -ECONNREFUSED);
	CHECK_EQ(winner, 9);
	CHECK_EQ(tried.count, PIER_ADDRS_MAX);
	CHECK_EQ(open_files(), before);
	to.count = 1;
	opened = 0;
	CHECK_EQ(pier_race(&to, refuse_first, &opened, &tried, &winner), -EMFILE);
	to.count = 0;
	CHECK_EQ(pier_race(&to, open_tcp, &opened, NULL, &winner), 0);
}

ON_BOTH(a_socket_that_cannot_be_made_gives_way_too)
{
	pier_addrs to = {0};
	unsigned winner = 9;
	int port, opened = 0, listener = raw_listener("127.0.0.1", 8, &port);
	add(&to, "127.0.0.1", port);
	add(&to, "127.0.0.1", port);
	int fd = pier_race(&to, refuse_first, &opened, NULL, &winner);
	CHECK_OK(fd);
	CHECK_EQ(winner, 1);
	close(fd);
	close(listener);
}

ON_BOTH(a_deadline_ends_all_attempts)
{
	pier_addrs to = {0};
	pier_tried tried = {0};
	unsigned winner = 9;
	struct hole h;
	dig(&h);
	for (int i = 0; i < 3; i++)
		add(&to, "127.0.0.1", h.port);
	int opened = 0, before = open_files();
	PIER_WITHIN (PIER_MS(1500)) /* a second to be late in */
		CHECK_EQ(pier_race(&to, open_tcp, &opened, &tried, &winner), -ETIMEDOUT);
	CHECK_EQ(opened, 3); /* at 0, 250 and 500 ms */
	CHECK_EQ(tried.count, 3);
	for (int i = 0; i < 3; i++)
		CHECK_EQ(tried.at[i].err, -ETIMEDOUT);
	CHECK_EQ(open_files(), before);
	fill_in(&h);
}

struct cancelled {
	pier_addrs to;
	int result;
};

static int race_on(void *arg)
{
	struct cancelled *x = arg;
	unsigned winner;
	int opened = 0;
	x->result = pier_race(&x->to, open_tcp, &opened, NULL, &winner);
	return 0;
}

ON_FIBER(a_cancel_ends_all_attempts)
{
	struct cancelled x = {.result = 1};
	struct hole h;
	dig(&h);
	add(&x.to, "127.0.0.1", h.port);
	add(&x.to, "127.0.0.1", h.port);
	int before = open_files();
	{
		PIER_AUTO_GROUP g = PIER_GROUP;
		CHECK_OK(pier_go(&g, race_on, &x));
		pier_sleep(PIER_MS(300));
	}
	CHECK_EQ(x.result, -ECANCELED);
	CHECK_EQ(open_files(), before);
	fill_in(&h);
}

ON_BOTH(a_dial_tells_what_it_tried)
{
	char url[64];
	pier_tried tried = {0};
	snprintf(url, sizeof url, "tcp://localhost:%d", free_port());
	PIER_AUTO *c = pier_dial(url, .tried = &tried);
	CHECK_EQ(pier_err(c), -ECONNREFUSED);
	CHECK(tried.count >= 1);
	CHECK(strncmp(pier_why(c), "connect to tcp://localhost:", 27) == 0);
	if (tried.count > 1) /* where localhost has two addresses */
		CHECK(strstr(pier_why(c), "(tried ") && strstr(pier_why(c), "; 127.0.0.1:"));
}

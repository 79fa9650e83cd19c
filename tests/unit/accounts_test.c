#include "test.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "accounts.h"
#include "brake.h"
#include "logins.h"

static char dir[] = "/tmp/pier-accounts-XXXXXX";

static void remove_dir(void)
{
	char command[80];

	snprintf(command, sizeof command, "rm -rf %s", dir);
	if (system(command) != 0)
		perror(command);
}

static struct store *store;

static struct accounts *open_accounts(unsigned tries)
{
	struct accounts *a;
	char why[200];

	CHECK(mkdtemp(dir));
	atexit(remove_dir);
	CHECK_EQ(store_open(dir, &store, why, sizeof why), 0);
	CHECK_EQ(accounts_new(store, tries, &a), 0);
	return a;
}

static void close_accounts(struct accounts *a)
{
	accounts_free(a);
	store_close(store);
}

#define HOST "192.0.2.1"

TEST(who_registered_comes_in_by_the_registered_spelling)
{
	struct accounts *a = open_accounts(10);
	char name[ACCOUNT_NAME_MAX + 1] = "";

	CHECK_EQ(accounts_register(a, "Zhao", "secret", HOST), 0);
	CHECK_EQ(accounts_register(a, "zhao", "secret", HOST), -EEXIST);
	CHECK_EQ(accounts_check(a, "ZHAO", "secret", HOST, name), 0);
	CHECK_STR(name, "Zhao");
	close_accounts(a);
}

TEST(a_wrong_password_and_an_unknown_name_look_the_same)
{
	struct accounts *a = open_accounts(10);
	char name[ACCOUNT_NAME_MAX + 1] = "untouched";

	CHECK_EQ(accounts_register(a, "zhao", "secret", HOST), 0);
	CHECK_EQ(accounts_check(a, "zhao", "Secret", HOST, name), -EACCES);
	CHECK_EQ(accounts_check(a, "nobody", "secret", HOST, name), -EACCES);
	CHECK_EQ(accounts_check(a, "zhao", "", HOST, name), -EACCES);
	CHECK_STR(name, "untouched");
	close_accounts(a);
}

static int64_t time_of_check(struct accounts *a, const char *who)
{
	char name[ACCOUNT_NAME_MAX + 1];
	int64_t best = INT64_MAX;

	for (int i = 0; i < 5; i++) {
		int64_t start = pier_now();
		CHECK_EQ(accounts_check(a, who, "wrong-one", HOST, name), -EACCES);
		int64_t took = pier_now() - start;
		best = took < best ? took : best;
	}
	return best;
}

TEST_WITHIN(30, an_unknown_name_costs_as_much_as_a_known_one)
{
	struct accounts *a = open_accounts(100);

	CHECK_EQ(accounts_register(a, "zhao", "secret", HOST), 0);
	int64_t known = time_of_check(a, "zhao"), unknown = time_of_check(a, "zhou");
	CHECK(unknown > known / 2 && known > unknown / 2);
	close_accounts(a);
}

TEST(guessing_is_braked_for_the_host)
{
	struct accounts *a = open_accounts(3);
	char name[ACCOUNT_NAME_MAX + 1];

	CHECK_EQ(accounts_register(a, "zhao", "secret", HOST), 0);
	CHECK_EQ(accounts_check(a, "a", "wrong", HOST, name), -EACCES);
	CHECK_EQ(accounts_check(a, "b", "wrong", HOST, name), -EACCES);
	CHECK_EQ(accounts_check(a, "c", "wrong", HOST, name), -EACCES);
	CHECK_EQ(accounts_check(a, "zhao", "secret", HOST, name), -EAGAIN);
	CHECK_EQ(accounts_check(a, "zhao", "secret", "192.0.2.2", name), 0);
	close_accounts(a);
}

TEST(guessing_is_braked_for_the_name)
{
	struct accounts *a = open_accounts(3);
	char name[ACCOUNT_NAME_MAX + 1];

	CHECK_EQ(accounts_check(a, "zhao", "wrong", "192.0.2.1", name), -EACCES);
	CHECK_EQ(accounts_check(a, "Zhao", "wrong", "192.0.2.2", name), -EACCES);
	CHECK_EQ(accounts_check(a, "ZHAO", "wrong", "192.0.2.3", name), -EACCES);
	CHECK_EQ(accounts_check(a, "zhao", "wrong", "192.0.2.4", name), -EAGAIN);
	close_accounts(a);
}

TEST(strangers_who_guess_do_not_shut_out_who_was_let_in)
{
	struct accounts *a = open_accounts(3);
	char name[ACCOUNT_NAME_MAX + 1], host[32];

	CHECK_EQ(accounts_register(a, "zhao", "secret", HOST), 0);
	CHECK_EQ(accounts_check(a, "zhao", "secret", HOST, name), 0);
	for (int i = 10; i < 13; i++) {
		snprintf(host, sizeof host, "192.0.2.%d", i);
		CHECK_EQ(accounts_check(a, "zhao", "wrong", host, name), -EACCES);
	}
	CHECK_EQ(accounts_check(a, "zhao", "secret", "192.0.2.99", name), -EAGAIN);
	CHECK_EQ(accounts_check(a, "zhao", "wrong", HOST, name), -EAGAIN);
	CHECK_EQ(accounts_check(a, "zhao", "secret", HOST, name), 0);
	close_accounts(a);
}

TEST(good_logins_are_not_braked)
{
	struct accounts *a = open_accounts(2);
	char name[ACCOUNT_NAME_MAX + 1];

	CHECK_EQ(accounts_register(a, "zhao", "secret", HOST), 0);
	for (int i = 0; i < 20; i++)
		CHECK_EQ(accounts_check(a, "zhao", "secret", HOST, name), 0);
	close_accounts(a);
}

TEST(a_good_login_is_cheap_for_a_while_and_a_changed_password_ends_it)
{
	struct accounts *a = open_accounts(10);
	char name[ACCOUNT_NAME_MAX + 1], hash[ACCOUNT_HASH_MAX];

	CHECK_EQ(accounts_register(a, "zhao", "secret", HOST), 0);
	int64_t start = pier_now();
	CHECK_EQ(accounts_check(a, "zhao", "secret", HOST, name), 0);
	int64_t first = pier_now() - start;
	start = pier_now();
	CHECK_EQ(accounts_check(a, "zhao", "secret", HOST, name), 0);
	CHECK((pier_now() - start) * 3 < first);

	CHECK_EQ(account_hash("different", hash), 0);
	CHECK_EQ(store_account_set(store, "zhao", hash), 0); /* as `pier user passwd` does */
	CHECK_EQ(accounts_check(a, "zhao", "secret", HOST, name), -EACCES);
	CHECK_EQ(accounts_check(a, "zhao", "different", HOST, name), 0);
	close_accounts(a);
}

TEST(many_new_accounts_from_one_host_are_braked)
{
	struct accounts *a = open_accounts(2);

	CHECK_EQ(accounts_register(a, "a", "secret", HOST), 0);
	CHECK_EQ(accounts_register(a, "b", "secret", HOST), 0);
	CHECK_EQ(accounts_register(a, "c", "secret", HOST), -EAGAIN);
	CHECK_EQ(accounts_register(a, "c", "secret", "192.0.2.2"), 0);
	close_accounts(a);
}

static void *guess(void *arg)
{
	char name[ACCOUNT_NAME_MAX + 1];

	return (void *)(intptr_t)accounts_check(arg, "zhao", "wrong", HOST, name);
}

/* The brake is looked at again when a guess's turn has come; only those under way slip through. */
TEST_WITHIN(30, many_guesses_at_once_are_no_way_around_the_brake)
{
	struct accounts *a = open_accounts(5);
	pthread_t threads[40];
	int hashed = 0;

	for (int i = 0; i < 40; i++)
		CHECK_EQ(pthread_create(&threads[i], NULL, guess, a), 0);
	for (int i = 0; i < 40; i++) {
		void *err;
		CHECK_EQ(pthread_join(threads[i], &err), 0);
		CHECK((intptr_t)err == -EACCES || (intptr_t)err == -EAGAIN);
		hashed += (intptr_t)err == -EACCES;
	}
	CHECK(hashed >= 5 && hashed <= 6);
	close_accounts(a);
}

TEST(passwords_are_stored_as_argon2id_of_the_strength_promised)
{
	struct accounts *a = open_accounts(10);
	char name[ACCOUNT_NAME_MAX + 1], hash[ACCOUNT_HASH_MAX];

	CHECK_EQ(accounts_register(a, "zhao", "secret", HOST), 0);
	CHECK_EQ(store_account_find(store, "zhao", hash, name), 0);
	CHECK(strncmp(hash, "$argon2id$v=19$m=19456,t=2,p=1$", 31) == 0);
	close_accounts(a);
}

TEST(a_weaker_hash_is_replaced_at_the_next_login)
{
	struct accounts *a = open_accounts(10);
	char name[ACCOUNT_NAME_MAX + 1], weak[crypto_pwhash_STRBYTES], hash[ACCOUNT_HASH_MAX];

	CHECK_EQ(crypto_pwhash_str(weak, "secret", 6, crypto_pwhash_OPSLIMIT_MIN,
				   crypto_pwhash_MEMLIMIT_MIN),
		 0);
	CHECK_EQ(store_account_add(store, "zhao", weak), 0);
	CHECK_EQ(accounts_check(a, "zhao", "secret", HOST, name), 0);
	CHECK_EQ(store_account_find(store, "zhao", hash, name), 0);
	CHECK(strcmp(hash, weak) != 0);
	CHECK_EQ(accounts_check(a, "zhao", "secret", HOST, name), 0);
	close_accounts(a);
}

TEST(names_are_words_that_nobody_mistakes)
{
	static const char *const good[] = {"zhao", "李雷", "a", "o'neil", "x_y-z.1", "é"};
	static const char *const bad[] = {
		"",	    "a b",	"a/b",	    "a@b",
		"a:b",	    "a,b",	"a\tb",	    "a\nb",
		"\xff",	    "Admin",	"系统",	    "管理员",
		"a\u3000b", "a\u200bb", "\u202eab", "012345678901234567890123456789012",
	};

	for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
		CHECK_EQ(account_name_check(good[i]), 0);
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		CHECK_EQ(account_name_check(bad[i]), -EINVAL);
	CHECK_EQ(account_name_check("01234567890123456789012345678901"), 0);
}

TEST(passwords_have_a_least_and_a_greatest_length)
{
	char long_one[PASSWORD_MAX + 2];

	memset(long_one, 'x', sizeof long_one);
	long_one[PASSWORD_MAX + 1] = '\0';
	CHECK_EQ(password_check("12345"), -EDOM);
	CHECK_EQ(password_check("123456"), 0);
	CHECK_EQ(password_check(long_one), -EDOM);
	CHECK_EQ(password_check(long_one + 1), 0);
}

TEST(an_ipv6_host_counts_by_its_64_bits_of_network)
{
	char a[BRAKE_HOST_MAX], b[BRAKE_HOST_MAX];

	brake_host("2001:db8:1:2::1", a);
	brake_host("2001:db8:1:2:ffff::9", b);
	CHECK_STR(a, b);
	brake_host("2001:db8:1:3::1", b);
	CHECK(strcmp(a, b) != 0);
	brake_host("::ffff:192.0.2.1", a);
	brake_host("::ffff:192.0.2.2", b);
	CHECK(strcmp(a, b) != 0);
	brake_host("192.0.2.1", a);
	CHECK_STR(a, "192.0.2.1");
}

TEST(the_brake_stays_bounded_and_still_holds_the_latest)
{
	static struct brake brake;

	CHECK(sodium_init() >= 0);
	brake_init(&brake, 2);
	for (int i = 0; i < 100000; i++) {
		char host[32];
		snprintf(host, sizeof host, "host-%d", i);
		brake_count(&brake, 'h', host);
		brake_count(&brake, 'h', host);
		CHECK(brake_holds(&brake, 'h', host));
		CHECK(!brake_holds(&brake, 'n', host));
	}
	brake_done(&brake);
}

#include "test.h"

#include <string.h>

#include "digest.h"

/* RFC 9530, appendix B.1: the representation {"hello": "world"} and a line feed. */
static const char hello[] = "{\"hello\": \"world\"}\n";
#define HELLO_SHA "RK/0qy18MlBSVnWgjwz6lZEWjP/lF5HF9bvEF8FabDg="

static struct digests digests_of(const char *text)
{
	struct hasher h;
	struct digests d;

	CHECK_OK(hasher_init(&h, DIGEST_BOTH));
	hasher_add(&h, text, strlen(text));
	hasher_end(&h, &d);
	hasher_done(&h);
	return d;
}

TEST(the_field_is_that_of_the_rfc)
{
	char field[DIGEST_FIELD_MAX];
	struct digests d = digests_of(hello);

	digest_field(&d, DIGEST_BOTH, field);
	CHECK(pier_bytes_starts(pier_text(field), "sha-256=:" HELLO_SHA ":, md5=:"));
}

TEST(what_is_written_can_be_read_back)
{
	char field[DIGEST_FIELD_MAX];
	struct digests d = digests_of("abc");
	struct promise p = {0};

	CHECK_OK(promise_read(pier_text(digest_field(&d, DIGEST_BOTH, field)), &p));
	CHECK(p.has_sha256 && p.has_md5);
	CHECK_OK(promise_check(&p, &d));
}

TEST(a_digest_that_differs_is_noticed_by_either_algorithm)
{
	struct digests d = digests_of("abc"), other = digests_of("abd");
	struct promise sha = {.has_sha256 = true, .is = other},
		       md5 = {.has_md5 = true, .is = other};
	struct promise none = {.is = other};

	CHECK_EQ(promise_check(&sha, &d), -PIER_EDIGEST);
	CHECK_EQ(promise_check(&md5, &d), -PIER_EDIGEST);
	CHECK_OK(promise_check(&none, &d));
}

TEST(unknown_algorithms_and_white_space_are_passed_over)
{
	struct promise p = {0};

	CHECK_OK(promise_read(
		pier_text(" unixsum=30637 , sha-512=:AAAA:,\tsha-256=:" HELLO_SHA ": , crc"), &p));
	CHECK(p.has_sha256 && !p.has_md5);
	CHECK_OK(promise_read((pier_bytes){0}, &p));
	CHECK(p.has_sha256);
}

TEST(a_value_that_is_no_digest_is_refused_and_changes_nothing)
{
	static const char *const bad[] = {
		"sha-256",
		"sha-256=",
		"sha-256=abc",
		"sha-256=:abc:",
		"sha-256=::",
		"sha-256=:" HELLO_SHA,
		"sha-256=:" HELLO_SHA ":x",
		"sha-256=:RK/0qy18MlBSVnWgjwz6lZEWjP/lF5HF9bvEF8FabDg:",
		"sha-256=: K/0qy18MlBSVnWgjwz6lZEWjP/lF5HF9bvEF8FabDg=:",
		"sha-256=:==/0qy18MlBSVnWgjwz6lZEWjP/lF5HF9bvEF8FabDg=:",
		"sha-256=:RK/0qy18MlBSVnWgjwz6lZEWjP/lF5HF9bvEF8Fab===:",
		"md5=:" HELLO_SHA ":",
	};
	struct promise p = {0};

	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		CHECK_EQ(promise_read(pier_text(bad[i]), &p), -EPROTO);
		CHECK(!p.has_sha256 && !p.has_md5);
	}
}

TEST(content_md5_is_one_bare_value)
{
	struct digests d = digests_of("abc");
	struct promise p = {0};

	CHECK_OK(promise_read_md5(pier_text("kAFQmDzST7DWlj99KOF/cg=="), &p));
	CHECK(p.has_md5);
	CHECK_OK(promise_check(&p, &d));
	CHECK_EQ(promise_read_md5(pier_text("kAFQmDzST7DWlj99KOF/cg="), &p), -EPROTO);
}

TEST(a_wish_for_a_digest_has_a_number_above_zero)
{
	CHECK(digest_wanted(pier_text("sha-256=10")));
	CHECK(digest_wanted(pier_text("sha-512=3, md5=1")));
	CHECK(!digest_wanted(pier_text("sha-256=0")));
	CHECK(!digest_wanted(pier_text("sha-512=10")));
	CHECK(!digest_wanted((pier_bytes){0}));
}

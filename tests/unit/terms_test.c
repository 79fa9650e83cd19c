#include "test.h"

#include <string.h>

#include "terms.h"

static struct terms sample(void)
{
	struct terms t = {.user = "王芳", .path = "a b/c.bin", .length = 1048576, .fresh = true};

	t.promise.has_sha256 = true;
	memset(t.promise.is.sha256, 0xa5, sizeof t.promise.is.sha256);
	return t;
}

TEST(terms_survive_the_disk)
{
	char text[TERMS_MAX];
	struct terms t = sample(), back;

	CHECK_OK(terms_read(pier_bytes_of(text, terms_write(&t, text)), &back));
	CHECK_STR(back.user, t.user);
	CHECK_STR(back.path, t.path);
	CHECK_EQ(back.length, t.length);
	CHECK(back.fresh && back.promise.has_sha256 && !back.promise.has_md5);
	CHECK(memcmp(back.promise.is.sha256, t.promise.is.sha256, 32) == 0);
}

TEST(torn_terms_are_refused_wherever_they_tear)
{
	char text[TERMS_MAX];
	struct terms t = sample(), back;
	size_t len = terms_write(&t, text);

	for (size_t i = 0; i < len; i++)
		CHECK_EQ(terms_read(pier_bytes_of(text, i), &back), -EPROTO);
	text[len / 2] = '\0'; /* a hole where the disk lost a page */
	CHECK_EQ(terms_read(pier_bytes_of(text, len), &back), -EPROTO);
}

TEST(the_same_promise_finds_the_same_upload)
{
	char one[UPLOAD_ID + 1], other[UPLOAD_ID + 1];
	struct terms t = sample(), u = sample();

	terms_id(&t, one);
	terms_id(&u, other);
	CHECK_STR(one, other);
	CHECK_EQ(strlen(one), UPLOAD_ID);
	u.length++;
	terms_id(&u, other);
	CHECK(strcmp(one, other) != 0);
	memcpy(u.user, "bob", 4);
	u.length--;
	terms_id(&u, other);
	CHECK(strcmp(one, other) != 0);
}

TEST(without_a_digest_every_upload_is_new)
{
	char one[UPLOAD_ID + 1], other[UPLOAD_ID + 1];
	struct terms t = sample();

	t.promise.has_sha256 = false;
	terms_id(&t, one);
	terms_id(&t, other);
	CHECK(strcmp(one, other) != 0);
}

TEST(the_longest_terms_fit)
{
	char text[TERMS_MAX];
	struct terms t = sample(), back;

	memset(t.user, 'u', sizeof t.user - 1);
	memset(t.path, 'p', sizeof t.path - 1);
	t.length = INT64_MAX;
	t.promise.has_md5 = true;
	size_t len = terms_write(&t, text);
	CHECK(len < TERMS_MAX);
	CHECK_OK(terms_read(pier_bytes_of(text, len), &back));
}

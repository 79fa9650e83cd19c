#include "test.h"

#include <string.h>

#include "target.h"

static int read_path(const char *text, struct target *t)
{
	const char *why;
	return target_read(pier_text(text), t, &why);
}

TEST(a_path_is_decoded_and_loses_its_slashes)
{
	struct target t;

	CHECK_OK(read_path("/a%20b/%E6%96%87%E4%BB%B6.txt", &t));
	CHECK_STR(t.path, "a b/文件.txt");
	CHECK(!t.folder);
	CHECK_OK(read_path("//a///b/", &t));
	CHECK_STR(t.path, "a/b");
	CHECK(t.folder);
	CHECK_OK(read_path("/", &t));
	CHECK_STR(t.path, "");
	CHECK_OK(read_path("http://host:80/x", &t));
	CHECK_STR(t.path, "x");
	CHECK_OK(read_path("http://host", &t));
	CHECK_STR(t.path, "");
}

TEST(no_way_of_writing_leads_up_or_out)
{
	static const char *const bad[] = {
		"/..",
		"/../etc/passwd",
		"/a/../../b",
		"/%2e%2e/x",
		"/.%2E/x",
		"/a/./b",
		"/..%2fx",
		"/a%2Fb",
		"/%2fetc",
		"/a%00b",
		"/a%0ab",
		"/a%7f",
		"/a%",
		"/a%2",
		"/a%zz",
		"etc/passwd",
		"",
		"*",
		"/..%2f..%2f..%2fetc%2fpasswd",
	};
	struct target t = {.path = "untouched"};

	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		CHECK_EQ(read_path(bad[i], &t), -EINVAL);
	CHECK_STR(t.path, "untouched");
}

TEST(names_that_only_look_dangerous_are_names)
{
	struct target t;

	CHECK_OK(read_path("/...", &t));
	CHECK_OK(read_path("/..a", &t));
	CHECK_OK(read_path("/%252e%252e", &t));
	CHECK_STR(t.path, "%2e%2e");
	CHECK_OK(read_path("/a%5C..%5Cb", &t));
	CHECK_STR(t.path, "a\\..\\b");
}

TEST(long_and_deep_paths_are_refused)
{
	char text[4 * TARGET_MAX];
	struct target t;

	memset(text, 'a', sizeof text);
	text[0] = '/';
	text[TARGET_NAME + 1] = '\0';
	CHECK_OK(read_path(text, &t));
	text[TARGET_NAME + 1] = 'a';
	text[TARGET_NAME + 2] = '\0';
	CHECK_EQ(read_path(text, &t), -ENAMETOOLONG);

	for (unsigned i = 0; i < sizeof text - 1; i++)
		text[i] = i % 2 ? 'd' : '/';
	text[2 * TARGET_DEPTH] = '\0';
	CHECK_OK(read_path(text, &t));
	text[2 * TARGET_DEPTH] = '/';
	text[2 * TARGET_DEPTH + 2] = '\0';
	CHECK_EQ(read_path(text, &t), -ENAMETOOLONG);

	for (unsigned i = 0; i < sizeof text - 1; i++)
		text[i] = i % 200 ? 'd' : '/';
	text[sizeof text - 1] = '\0';
	CHECK_EQ(read_path(text, &t), -ENAMETOOLONG);
}

TEST(only_utf8_outside_our_own_folder_can_be_stored)
{
	struct target t;

	CHECK_OK(read_path("/%C0%AF", &t));
	CHECK(!target_storable(&t));
	CHECK_OK(read_path("/.pier/uploads/x", &t));
	CHECK(!target_storable(&t));
	CHECK_OK(read_path("/.pier", &t));
	CHECK(!target_storable(&t));
	CHECK_OK(read_path("/.pierre", &t));
	CHECK(target_storable(&t));
	CHECK_OK(read_path("/a/.pier", &t));
	CHECK(target_storable(&t));
	CHECK_STR(target_name("a/b/c"), "c");
	CHECK_STR(target_name("c"), "c");
}

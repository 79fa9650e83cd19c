#include "test.h"

#include <pier/error.h>

TEST(every_error_of_ours_has_words_of_its_own)
{
	for (int err = PIER_ENONAME; err <= PIER_EHTTP; err++) {
		CHECK(!strstr(pier_strerror(err), "Unknown"));
		for (int other = PIER_ENONAME; other < err; other++)
			CHECK(strcmp(pier_strerror(err), pier_strerror(other)) != 0);
	}
}

TEST(the_sign_of_an_error_does_not_matter)
{
	CHECK_STR(pier_strerror(-ECONNREFUSED), "Connection refused");
	CHECK_STR(pier_strerror(ECONNREFUSED), "Connection refused");
	CHECK_STR(pier_strerror(-PIER_EURL), pier_strerror(PIER_EURL));
}

TEST(a_peer_that_left_is_no_fault)
{
	CHECK(pier_is_disconnect(-ECONNRESET));
	CHECK(pier_is_disconnect(-EPIPE));
	CHECK(pier_is_disconnect(-PIER_ETRUNCATED));
	CHECK(!pier_is_disconnect(-ETIMEDOUT));
	CHECK(!pier_is_disconnect(0));
}

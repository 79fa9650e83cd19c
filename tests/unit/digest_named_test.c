/* Digests: those of the standards, in pieces or at once, of bytes and of files. */
#include "test.h"

#include <errno.h>
#include <fcntl.h>
#include <pier.h>
#include <stdlib.h>
#include <unistd.h>

#define MD5_ABC "900150983cd24fb0d6963f7d28e17f72" /* RFC 1321 App. A.5 */
#define SHA256_ABC                                                                                 \
	"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" /* RFC 6234 §8.5 */

/* A library without OpenSSL has none. */
static bool has_digests(void)
{
	PIER_AUTO_DIGEST *d = pier_digest_new("sha256");
	return d;
}

TEST(digests_are_those_of_the_standards)
{
	if (!has_digests())
		return;
	PIER_AUTO_DIGEST *md5 = pier_digest_new("md5"), *sha256 = pier_digest_new("sha256");
	pier_digest_add(md5, "abc", 3);
	pier_digest_add(sha256, "abc", 3);
	CHECK_STR(pier_digest_hex(md5), MD5_ABC);
	CHECK_STR(pier_digest_hex(sha256), SHA256_ABC);
}

TEST(more_may_be_added_after_it_was_told)
{
	if (!has_digests())
		return;
	PIER_AUTO_DIGEST *d = pier_digest_new("sha256");
	CHECK_STR(pier_digest_hex(d),
		  "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
	pier_digest_add(d, "a", 1);
	CHECK(!pier_digest_is(d, SHA256_ABC));
	pier_digest_add(d, "bc", 2);
	pier_digest_add(d, NULL, 0);
	CHECK(pier_digest_is(d, SHA256_ABC));
	CHECK(pier_digest_is(d,
			     "BA7816BF8F01CFEA414140DE5DAE2223B00361A396177A9CB410FF61F20015AD"));
	CHECK(!pier_digest_is(d, "ba7816bf"));
	CHECK(!pier_digest_is(d, ""));
}

TEST(what_is_no_digest_is_never_what_was_promised)
{
	pier_digest *none = pier_digest_new("no such digest");
	char hex[PIER_DIGEST_TEXT] = "untouched";
	CHECK(!none);
	pier_digest_add(none, "abc", 3);
	CHECK_STR(pier_digest_hex(none), "");
	CHECK(!pier_digest_is(none, ""));
	CHECK_EQ(pier_file_digest(STDIN_FILENO, "no such digest", hex), -ENOTSUP);
	CHECK_STR(hex, "untouched");
	pier_digest_free(none);
}

static int digest_files(void *arg)
{
	char hex[PIER_DIGEST_TEXT] = "untouched", name[] = "/tmp/digest-XXXXXX";
	PIER_AUTO_DIGEST *d = pier_digest_new("sha256");
	PIER_AUTO_FILE file = mkstemp(name);
	static char piece[1 << 20];
	(void)arg;

	unlink(name);
	CHECK_OK(pier_file_digest(file, "sha256", hex));
	CHECK(pier_digest_is(d, hex)); /* of nothing */
	for (int i = 0; i < 9; i++) {  /* more than one job */
		memset(piece, i, sizeof piece);
		pier_digest_add(d, piece, sizeof piece);
		CHECK_EQ(write(file, piece, sizeof piece), sizeof piece);
	}
	CHECK_OK(pier_file_digest(file, "sha256", hex));
	CHECK(pier_digest_is(d, hex));
	CHECK_EQ(pier_file_digest(-1, "sha256", hex), -EBADF);
	CHECK(pier_digest_is(d, hex));
	return 0;
}

TEST(a_file_has_the_digest_of_its_bytes_on_a_fiber_and_off)
{
	if (!has_digests())
		return;
	digest_files(NULL);
	CHECK_EQ(pier_run(digest_files, NULL, .workers = 1), 0);
}

/* Packets by format: what comes out is what went in, and nothing else is touched. */
#include "test.h"

#include <errno.h>
#include <pier/pack.h>

TEST(numbers_stand_in_the_order_of_the_network)
{
	unsigned char b[32];
	CHECK_EQ(pier_pack(b, sizeof b, "!BHIQ", 1, 0x0203, 0x04050607u,
			   (uint64_t)0x08090a0b0c0d0e0f),
		 15);
	for (int i = 0; i < 15; i++)
		CHECK_EQ(b[i], i + 1);
	CHECK_EQ(pier_pack(b, sizeof b, "<HI", 0x0201, 0x06050403u), 6);
	for (int i = 0; i < 6; i++)
		CHECK_EQ(b[i], i + 1);
}

TEST(what_was_packed_is_unpacked)
{
	char b[64], mac[6];
	int8_t a;
	int16_t c;
	int32_t d;
	int64_t e;
	uint16_t two[2];
	const char *name = NULL;
	pier_bytes rest;

	ssize_t n = pier_pack(b, sizeof b, "!b h i q 2H 6s 2x z *", -128, -2, -3, (int64_t)-4, 5,
			      65535, "\2\0\x5e\0\x53\1", "a name", pier_text("and the rest"));
	CHECK_EQ(n, 1 + 2 + 4 + 8 + 4 + 6 + 2 + 7 + 12);
	CHECK_EQ(pier_unpack(pier_bytes_of(b, (size_t)n), "!bhiq2H6s2xz*", &a, &c, &d, &e, &two[0],
			     &two[1], mac, &name, &rest),
		 n);
	CHECK_EQ(a, -128);
	CHECK_EQ(c, -2);
	CHECK_EQ(d, -3);
	CHECK_EQ(e, -4);
	CHECK_EQ(two[0], 5);
	CHECK_EQ(two[1], 65535);
	CHECK(memcmp(mac, "\2\0\x5e\0\x53\1", 6) == 0);
	CHECK_STR(name, "a name");
	CHECK(pier_bytes_eq(rest, "and the rest"));
}

TEST(what_does_not_fit_is_refused_and_touches_nothing)
{
	char b[4] = {9, 9, 9, 9};
	CHECK_EQ(pier_pack(b, 4, "!HHB", 1, 2, 3), -EMSGSIZE);
	CHECK_EQ(pier_pack(b, 4, "!B", 256), -ERANGE);
	CHECK_EQ(pier_pack(b, 4, "!BB", 1, -1), -ERANGE);
	CHECK_EQ(pier_pack(b, 4, "!Bb", 1, 128), -ERANGE);
	CHECK_EQ(pier_pack(b, 4, "!Bb", 1, -129), -ERANGE);
	CHECK_EQ(pier_pack(b, 4, "!H", 65536), -ERANGE);
	CHECK_EQ(pier_pack(b, 4, "!h", 32768), -ERANGE);
	CHECK_EQ(pier_pack(b, 4, "!z", "four"), -EMSGSIZE);
	for (int i = 0; i < 4; i++)
		CHECK_EQ(b[i], 9);
	CHECK_EQ(pier_pack(b, 4, "!hb", -32768, 127), 3);
}

TEST(every_truncation_is_refused_and_touches_nothing)
{
	static const char whole[] = "\1\2\3name\0";
	for (size_t len = 0; len < 8; len++) {
		uint8_t a = 9;
		uint16_t b = 9;
		const char *name = "none";
		CHECK_EQ(pier_unpack(pier_bytes_of(whole, len), "!BHz", &a, &b, &name), -EBADMSG);
		CHECK_EQ(a, 9);
		CHECK_EQ(b, 9);
		CHECK_STR(name, "none");
	}
	CHECK_EQ(pier_unpack(pier_bytes_of(whole, 8), "!BHz", NULL, NULL, NULL), 8);
}

TEST(nothing_at_all_has_an_empty_rest)
{
	pier_bytes rest = {0};
	CHECK_EQ(pier_unpack((pier_bytes){0}, "!*", &rest), 0);
	CHECK(rest.p && rest.len == 0);
	CHECK_EQ(pier_unpack((pier_bytes){0}, "!"), 0);
	CHECK_EQ(pier_pack(NULL, 0, "!"), 0);
	CHECK_EQ(pier_pack(NULL, 0, "!*", (pier_bytes){0}), 0);
}

TEST(what_is_no_format_is_refused)
{
	static const char *const wrong[] = {"",
					    "H",
					    "@H",
					    "!k",
					    "!3",
					    "!2z",
					    "!1*",
					    "!65536x",
					    "!65B",
					    "!H-",
					    "!99999999999999999999x"};
	char b[200];
	for (unsigned i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		CHECK_EQ(pier_pack_size(wrong[i]), -EINVAL);
		CHECK_EQ(pier_unpack(pier_bytes_of(b, sizeof b), wrong[i]), -EINVAL);
	}
	CHECK_EQ(pier_pack_size("!32H33H"), -EINVAL);
	CHECK_EQ(pier_pack_size("!32H32H"), 128);
}

TEST(the_size_of_a_format_is_known_beforehand)
{
	CHECK_EQ(pier_pack_size("!BBHHH"), 8);
	CHECK_EQ(pier_pack_size("<16s 3x 2Q"), 35);
	CHECK_EQ(pier_pack_size("!0H"), 0);
	CHECK_EQ(pier_pack_size("!z"), -EINVAL);
	CHECK_EQ(pier_pack_size("!H*"), -EINVAL);
}

/* RFC 1071 §3 sums these bytes. */
TEST(the_checksum_is_that_of_the_rfc)
{
	static const unsigned char b[] = {0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7};
	CHECK_EQ(pier_checksum(b, 8), (uint16_t)~0xddf2);
	CHECK_EQ(pier_checksum(b, 7), (uint16_t) ~(0xddf2 - 0xf7));
	CHECK_EQ(pier_checksum(NULL, 0), 0xffff);
}

TEST(over_a_packet_with_its_checksum_it_is_zero)
{
	unsigned char b[64];
	for (int i = 0; i < 64; i++)
		b[i] = (unsigned char)(i * 37);
	b[2] = b[3] = 0;
	CHECK_EQ(pier_pack(b + 2, 2, "!H", pier_checksum(b, sizeof b)), 2);
	CHECK_EQ(pier_checksum(b, sizeof b), 0);
	CHECK_EQ(pier_checksum(memset(b, 0xff, sizeof b), sizeof b), 0);
}

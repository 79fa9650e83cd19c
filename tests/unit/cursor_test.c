/* The cursor that parsers walk with. */
#include "base/cursor.h"
#include "test.h"

TEST(takes_walk_from_the_front)
{
	struct cursor c = {.rest = pier_bytes_of("\x01\x02\x03\x04\x05\x06\x07rest", 11)};

	CHECK_EQ(take_u8(&c), 0x01);
	CHECK_EQ(take_u16be(&c), 0x0203);
	CHECK_EQ(take_u32be(&c), 0x04050607);
	CHECK_BYTES(take(&c, 4), "rest");
	CHECK(!c.bad);
	CHECK_EQ(c.rest.len, 0);
}

TEST(numbers_are_unsigned)
{
	struct cursor c = {.rest = pier_bytes_of("\xff\xff\xff\xff\xff\xff\xff", 7)};

	CHECK_EQ(take_u8(&c), 0xff);
	CHECK_EQ(take_u16be(&c), 0xffff);
	CHECK_EQ(take_u32be(&c), 0xffffffff);
}

TEST(a_short_take_spoils_all_that_follow)
{
	struct cursor c = {.rest = pier_text("ab")};

	CHECK_EQ(take_u32be(&c), 0);
	CHECK(c.bad);
	CHECK_EQ(take_u8(&c), 0); /* though a byte is there */
	CHECK(!take(&c, 0).p);
	CHECK(!take_until(&c, 'b').p);
}

TEST(take_until_drops_the_end_and_needs_it)
{
	struct cursor c = {.rest = pier_bytes_of("file\0mode\0tail", 14)};

	CHECK_BYTES(take_until(&c, 0), "file");
	CHECK_BYTES(take_until(&c, 0), "mode");
	CHECK(!take_until(&c, 0).p);
	CHECK(c.bad);
}

TEST(nothing_can_be_taken_from_nothing)
{
	struct cursor c = {0};

	CHECK_EQ(take(&c, 0).len, 0);
	CHECK(!c.bad);
	take_until(&c, 0);
	CHECK(c.bad);
}

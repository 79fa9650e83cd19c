#include "test.h"

#include "first_bytes.h"

static enum door door(const char *first)
{
	return door_of(pier_text(first));
}

TEST(a_method_and_a_space_open_the_http_door)
{
	CHECK_EQ(door("GET / HTTP/1.1\r\n"), DOOR_HTTP);
	CHECK_EQ(door("PUT "), DOOR_HTTP);
	CHECK_EQ(door("OPTIONS * HTTP/1.1\r\n"), DOOR_HTTP);
	CHECK_EQ(door("PRI * HTTP/2.0\r\n"), DOOR_HTTP);
}

TEST(every_beginning_of_a_method_waits_for_more)
{
	const char *whole = "DELETE ";

	for (size_t len = 0; len < strlen(whole); len++)
		CHECK_EQ(door_of(pier_bytes_of(whole, len)), DOOR_UNSURE);
	CHECK_EQ(door("P"), DOOR_UNSURE); /* POST, PUT, PATCH, PRI */
}

TEST(anything_else_is_text)
{
	CHECK_EQ(door("zhao\n"), DOOR_TEXT);
	CHECK_EQ(door("GET\n"), DOOR_TEXT); /* a user of that name */
	CHECK_EQ(door("get / HTTP/1.1"), DOOR_TEXT);
	CHECK_EQ(door("Paul\n"), DOOR_TEXT);
	CHECK_EQ(door("\xff\xfb\x18"), DOOR_TEXT);
	CHECK_EQ(door("\n"), DOOR_TEXT);
}

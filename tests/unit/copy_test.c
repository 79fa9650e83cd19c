/* From one conn to another. */
#include "test.h"

#include <pier/conn.h>
#include <pier/error.h>
#include <pier/time.h>
#include <string.h>

TEST(a_stream_is_copied_to_its_end)
{
	pier_conn *a[2], *b[2];
	char text[16];

	CHECK_OK(pier_pair(a));
	CHECK_OK(pier_pair(b));
	pier_printf(a[0], "hello, %s", "world");
	pier_finish(a[0]);
	CHECK_EQ(pier_copy(a[1], b[0]), 12);
	CHECK_EQ(pier_recv_all(b[1], text, 12), 12);
	CHECK_BYTES(pier_bytes_of(text, 12), "hello, world");
	pier_send(b[1], "back", 4); /* neither is finished */
	CHECK_EQ(pier_recv_all(b[0], text, 4), 4);
	for (int i = 0; i < 2; i++) {
		pier_abort(a[i]);
		pier_abort(b[i]);
	}
}

TEST(messages_stay_messages)
{
	pier_conn *a[2], *b[2];

	CHECK_OK(pier_pair(a));
	CHECK_OK(pier_pair(b));
	pier_set_frame(a[0], PIER_LINES, 0);
	pier_set_frame(a[1], PIER_LINES, 0);
	pier_set_frame(b[0], PIER_LEN16, 0);
	pier_set_frame(b[1], PIER_LEN16, 0);
	pier_printf(a[0], "one");
	pier_printf(a[0], "%s", "");
	pier_printf(a[0], "two");
	pier_finish(a[0]);
	CHECK_EQ(pier_copy(a[1], b[0]), 6);
	CHECK_BYTES(pier_next(b[1]), "one");
	CHECK_BYTES(pier_next(b[1]), "");
	CHECK_BYTES(pier_next(b[1]), "two");
	for (int i = 0; i < 2; i++) {
		pier_abort(a[i]);
		pier_abort(b[i]);
	}
}

TEST(a_copy_tells_who_failed)
{
	pier_conn *a[2], *b[2];

	CHECK_OK(pier_pair(a));
	CHECK_OK(pier_pair(b));
	CHECK_EQ(pier_copy(NULL, a[0]), -ENOMEM);
	pier_printf(a[0], "hello");
	CHECK_EQ(pier_copy(a[1], NULL), -ENOMEM);
	pier_set_timeouts(a[1], PIER_MS(20), 0);
	CHECK_EQ(pier_copy(a[1], b[0]), -ETIMEDOUT);
	CHECK_EQ(pier_err(b[0]), 0);
	pier_clear(a[1]);
	pier_abort(b[1]);
	pier_printf(a[0], "hello");
	CHECK_EQ(pier_copy(a[1], b[0]), -EPIPE);
	pier_abort(a[0]);
	pier_abort(a[1]);
	pier_abort(b[0]);
}

/* A test is a promise in one sentence:
 *
 *	TEST(decode_refuses_every_truncation)
 *	{
 *		CHECK_EQ(decode(pier_text("")), -EPROTO);
 *	}
 *
 * Each runs in a process of its own, with a deadline of its own, and must leave as many descriptors
 * open as it found. A failed check says where and what, and ends that process: on any thread, on
 *any fiber. */
#ifndef TEST_H
#define TEST_H

#include <pier/bytes.h>
#include <pier/error.h>

#define TEST(name) TEST_WITHIN(10, name)

/* `seconds` count four times under a sanitizer. */
#define TEST_WITHIN(seconds, name)                                                                 \
	static void promise_##name(void);                                                          \
	__attribute__((constructor)) static void promise_##name##_add(void)                        \
	{                                                                                          \
		static struct test promise_ = {#name,	__FILE__,	__LINE__,                  \
					       seconds, promise_##name, NULL};                     \
		test_add(&promise_);                                                               \
	}                                                                                          \
	static void promise_##name(void)

struct test {
	const char *name, *file;
	int line, seconds;
	void (*run)(void);
	struct test *next;
};
void test_add(struct test *t);

/* Integers, compared as intmax_t; both are printed. */
#define CHECK_EQ(a, b) test_eq((intmax_t)(a), (intmax_t)(b), #a " == " #b, __FILE__, __LINE__)
/* Strings; NULL equals NULL. */
#define CHECK_STR(a, b) test_str((a), (b), #a " is " #b, __FILE__, __LINE__)
/* A pier_bytes against a string. */
#define CHECK_BYTES(a, text) test_bytes((a), pier_text(text), #a " is " #text, __FILE__, __LINE__)
/* A count or a negative error; the error is told in words. */
#define CHECK_OK(err) test_ok((intmax_t)(err), #err, __FILE__, __LINE__)
#define CHECK(cond)   ((cond) ? (void)0 : test_fail(__FILE__, __LINE__, "%s", #cond))

/* Ends the test as skipped, for a reason that lies in the machine: "no io_uring here". */
_Noreturn void test_skip(const char *reason);

/* Skips where the program runs in an emulator (`emulated` in tools/cross), for a reason that lies there. */
void test_skip_emulated(const char *reason);

/* Skips where the test runs in a simulation (PIER_IO=sim): it asks the real kernel by itself, or counts on an order that is left
 * to chance there. */
void test_skip_simulated(const char *reason);

/* From here on the kernel lacks a system call (SYS_…): it fails with ENOSYS, on this thread and those it starts.
 * Skips the test where that cannot be had. */
void test_forbid(int call);

_Noreturn void test_fail(const char *file, int line, const char *format, ...) PIER_PRINTF(3, 4);
void test_eq(intmax_t a, intmax_t b, const char *what, const char *file, int line);
void test_str(const char *a, const char *b, const char *what, const char *file, int line);
void test_bytes(pier_bytes a, pier_bytes b, const char *what, const char *file, int line);
void test_ok(intmax_t err, const char *what, const char *file, int line);

#endif

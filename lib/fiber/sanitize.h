/* Tells the sanitizers and Valgrind that stacks are switched; without them, nothing. */
#ifndef FIBER_SANITIZE_H
#define FIBER_SANITIZE_H

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define FIBER_ASAN 1
#endif
#if __has_feature(thread_sanitizer)
#define FIBER_TSAN 1
#endif
#endif
#ifdef __SANITIZE_ADDRESS__
#define FIBER_ASAN 1
#endif
#ifdef __SANITIZE_THREAD__
#define FIBER_TSAN 1
#endif

#ifdef FIBER_ASAN
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#define asan_leave(save, bottom, size)	__sanitizer_start_switch_fiber(save, bottom, size)
#define asan_arrive(save, bottom, size) __sanitizer_finish_switch_fiber(save, bottom, size)
#define asan_clean(at, size)		ASAN_UNPOISON_MEMORY_REGION(at, size)
#else
#define asan_leave(save, bottom, size)	((void)(save), (void)(bottom), (void)(size))
#define asan_arrive(save, bottom, size) ((void)(save), (void)(bottom), (void)(size))
#define asan_clean(at, size)		((void)(at), (void)(size))
#endif

#ifdef FIBER_TSAN
#include <sanitizer/tsan_interface.h>
#define tsan_self() __tsan_get_current_fiber()
#define tsan_new()  __tsan_create_fiber(0)
#define tsan_end(f) __tsan_destroy_fiber(f)
#define tsan_go(f)  __tsan_switch_to_fiber(f, 0)
#else
#define tsan_self() NULL
#define tsan_new()  NULL
#define tsan_end(f) ((void)(f))
#define tsan_go(f)  ((void)(f))
#endif

#if __has_include(<valgrind/valgrind.h>)
#include <valgrind/valgrind.h>
#else
#define RUNNING_ON_VALGRIND		  0
#define VALGRIND_STACK_REGISTER(from, to) 0
#define VALGRIND_STACK_DEREGISTER(id)	  ((void)(id))
#endif

#endif

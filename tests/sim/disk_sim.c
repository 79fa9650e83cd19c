/* What a disk may show after a crash: each sector as it was at some time since the last sync, each folder too, and nothing
 * that was never there. */
#include "test.h"

#include <errno.h>
#include <fcntl.h>
#include <pier.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SECTOR 512

/* ---- Bytes --------------------------------------------------------------------------------------- */

#define SECTORS	   12
#define STAMPS_MAX 4000

/* A sector is filled with the number of the write that made it; 0: of none. */
static int stamps;
static int stamp_now[SECTORS];
static bool may_be[SECTORS][STAMPS_MAX]; /* since the last sync */
static size_t size_now, size_safe, size_least, size_most;

static void note_size(size_t size)
{
	size_least = size < size_least ? size : size_least;
	size_most = size > size_most ? size : size_most;
}

static void write_sectors(int fd)
{
	char bytes[SECTORS * SECTOR];
	size_t first = (size_t)random() % SECTORS, count = 1 + (size_t)random() % (SECTORS - first);
	size_t end = (first + count) * SECTOR;
	if (++stamps == STAMPS_MAX)
		exit(0);
	for (size_t i = 0; i < count * SECTOR; i += sizeof stamps)
		memcpy(bytes + i, &stamps, sizeof stamps);
	for (size_t s = first; s < first + count; s++)
		may_be[s][stamps] = true;
	note_size(end > size_now ? end : size_now);
	CHECK_EQ(pwrite(fd, bytes, count * SECTOR, (off_t)(first * SECTOR)), count * SECTOR);
	for (size_t s = first; s < first + count; s++)
		stamp_now[s] = stamps;
	size_now = end > size_now ? end : size_now;
}

static void cut(int fd)
{
	size_t sectors = (size_t)random() % (SECTORS + 1);
	note_size(sectors * SECTOR);
	for (size_t s = sectors; s < SECTORS; s++)
		may_be[s][0] = true;
	CHECK_EQ(ftruncate(fd, (off_t)(sectors * SECTOR)), 0);
	for (size_t s = sectors; s < SECTORS; s++)
		stamp_now[s] = 0;
	size_now = sectors * SECTOR;
}

/* What is now is safe. */
static void begin_anew(void)
{
	memset(may_be, 0, sizeof may_be);
	for (size_t s = 0; s < SECTORS; s++)
		may_be[s][stamp_now[s]] = true;
	size_safe = size_least = size_most = size_now;
}

static int write_and_cut(void)
{
	int fd = open("/data/file", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	CHECK(fd >= 0);
	for (;;) {
		long what = random() % 16;
		if (what == 0 && fsync(fd) == 0)
			begin_anew();
		else if (what < 3)
			cut(fd);
		else
			write_sectors(fd);
		usleep(100);
	}
}

static bool is_uniform(const char *sector, int stamp)
{
	for (size_t i = 0; i < SECTOR; i += sizeof stamp)
		if (memcmp(sector + i, &stamp, sizeof stamp))
			return false;
	return true;
}

static int look_at_sectors(pier_sim *s, pier_bytes file)
{
	if (pier_sim_check(s, file.len % SECTOR == 0 && file.len >= size_least &&
				      file.len <= size_most) < 0)
		return -EPROTO;
	memset(stamp_now, 0, sizeof stamp_now);
	for (size_t k = 0; k < file.len / SECTOR; k++) {
		int stamp;
		memcpy(&stamp, file.p + k * SECTOR, sizeof stamp);
		bool size_alone = (k + 1) * SECTOR > size_safe && stamp == 0;
		if (pier_sim_check(s, stamp >= 0 && stamp < STAMPS_MAX) < 0 ||
		    pier_sim_check(s, is_uniform(file.p + k * SECTOR, stamp)) < 0 ||
		    pier_sim_check(s, size_alone || may_be[k][stamp]) < 0)
			return -EPROTO;
		stamp_now[k] = stamp;
	}
	size_now = file.len;
	begin_anew();
	return 0;
}

static int crash_among_writes(pier_sim *s)
{
	pier_bytes file;
	CHECK_OK(pier_sim_file_put(s, "srv", "/data/file", pier_text("")));
	begin_anew();
	CHECK_OK(pier_sim_node(s, "srv", write_and_cut));
	for (int crash = 0; crash < 5; crash++) {
		pier_sleep((int64_t)pier_sim_chance(s, PIER_MS(30)));
		if (pier_sim_crash(s, "srv") < 0)
			break;
		CHECK_OK(pier_sim_file_get(s, "srv", "/data/file", false, &file));
		if (look_at_sectors(s, file) < 0)
			return -EPROTO;
		CHECK_OK(pier_sim_restart(s, "srv"));
	}
	return 0;
}

TEST_WITHIN(60, a_sector_is_what_it_was_at_some_time_since_its_sync)
{
	CHECK_EQ(pier_sim_run(crash_among_writes, .seeds = 500), 0);
}

/* ---- Names --------------------------------------------------------------------------------------- */

#define NAMES	   5
#define STATES_MAX 4000

/* Which file each name leads to: files are numbered as they are made, and hold their number. 0: none. */
struct state {
	int file[NAMES];
};

static struct state states[STATES_MAX]; /* since the last sync */
static size_t state_count;
static int files;

static struct state *next_state(void)
{
	if (state_count == STATES_MAX)
		exit(0);
	states[state_count] = states[state_count - 1];
	return &states[state_count++];
}

static void make_file(size_t at, const char *path)
{
	int number = ++files;
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return;
	next_state()->file[at] = number;
	CHECK_EQ(write(fd, &number, sizeof number), sizeof number);
	CHECK_EQ(fsync(fd), 0);
	close(fd);
}

static void change_a_name(void)
{
	char one[32], two[32];
	size_t a = (size_t)random() % NAMES, b = (size_t)random() % NAMES;
	struct state now = states[state_count - 1];
	snprintf(one, sizeof one, "/data/%zu", a);
	snprintf(two, sizeof two, "/data/%zu", b);
	if (!now.file[a]) {
		make_file(a, one);
	} else if (random() % 2) {
		next_state()->file[a] = 0;
		CHECK_EQ(unlink(one), 0);
	} else if (a != b) {
		struct state *next = next_state();
		next->file[b] = now.file[a];
		next->file[a] = 0;
		CHECK_EQ(rename(one, two), 0);
	}
}

static int change_names(void)
{
	int dir = open("/data", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	CHECK(dir >= 0);
	for (;;) {
		if (random() % 12 == 0 && fsync(dir) == 0) {
			states[0] = states[state_count - 1];
			state_count = 1;
		} else {
			change_a_name();
		}
		usleep(100);
	}
}

static struct state state_there(pier_sim *s)
{
	struct state there = {{0}};
	pier_bytes file;
	char path[32];
	for (size_t i = 0; i < NAMES; i++) {
		snprintf(path, sizeof path, "/data/%zu", i);
		if (pier_sim_file_get(s, "srv", path, false, &file) < 0)
			continue;
		there.file[i] = -1; /* it was not yet synced */
		if (file.len == sizeof there.file[i])
			memcpy(&there.file[i], file.p, sizeof there.file[i]);
	}
	return there;
}

static bool fits(const struct state *state, const struct state *there, int last)
{
	for (size_t i = 0; i < NAMES; i++)
		if (state->file[i] != there->file[i] &&
		    !(state->file[i] == last && there->file[i] <= 0))
			return false;
	return true;
}

static int crash_among_names(pier_sim *s)
{
	state_count = 1;
	CHECK_OK(pier_sim_file_put(s, "srv", "/data/readme", pier_text("")));
	CHECK_OK(pier_sim_node(s, "srv", change_names));
	for (int crash = 0; crash < 5; crash++) {
		pier_sleep((int64_t)pier_sim_chance(s, PIER_MS(60)));
		if (pier_sim_crash(s, "srv") < 0)
			break;
		struct state there = state_there(s);
		bool known = false;
		for (size_t i = 0; i < state_count && !known; i++)
			known = fits(&states[i], &there, files);
		if (pier_sim_check(s, known) < 0)
			return -EPROTO;
		for (size_t i = 0; i < NAMES; i++)
			if (there.file[i] < 0)
				return 0; /* no number to know it by */
		states[0] = there;
		state_count = 1;
		CHECK_OK(pier_sim_restart(s, "srv"));
	}
	return 0;
}

TEST_WITHIN(60, a_folder_is_what_it_was_at_some_time_since_its_sync)
{
	CHECK_EQ(pier_sim_run(crash_among_names, .seeds = 500), 0);
}

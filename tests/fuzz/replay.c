/* What libFuzzer would do with a corpus it has learned already: a fuzz target linked with this runs
 * once over each file of a folder, and the corpus is a regression test under any compiler.
 *
 *	NAME_fuzz FOLDER [WORD…]	the words, if any, choose among targets as they do among tests */
#include <dirent.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define INPUT_MAX (1u << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int visible(const struct dirent *e)
{
	return e->d_name[0] != '.';
}

/* The input in a block of its own size, so that a sanitizer sees a read past its end. */
static void replay(const char *folder, const char *name)
{
	static uint8_t whole[INPUT_MAX];
	char path[4096];

	snprintf(path, sizeof path, "%s/%s", folder, name);
	FILE *file = fopen(path, "re");
	if (!file) {
		fprintf(stderr, "%s: %s\n", path, strerror(errno));
		exit(1);
	}
	size_t size = fread(whole, 1, sizeof whole, file);
	fclose(file);
	uint8_t *exact = malloc(size > 0 ? size : 1);
	if (!exact)
		abort();
	memcpy(exact, whole, size);
	printf("# %s, %zu bytes\n", name, size);
	fflush(stdout); /* the last line before a crash names the input */
	LLVMFuzzerTestOneInput(exact, size);
	free(exact);
}

static int wanted(char **words)
{
	int any = !*words;

	for (; *words && !any; words++)
		any = strstr(program_invocation_short_name, *words) != NULL;
	return any;
}

int main(int argc, char **argv)
{
	struct dirent **entries;

	if (argc < 2 || !wanted(argv + 2)) {
		printf("1..0\n");
		return argc < 2 ? 2 : 0;
	}
	int count = scandir(argv[1], &entries, visible, alphasort);
	if (count < 1) {
		fprintf(stderr, "%s: no inputs: %s\n", argv[1], strerror(errno));
		return 1;
	}
	printf("1..1\n");
	for (int i = 0; i < count; i++) {
		replay(argv[1], entries[i]->d_name);
		free(entries[i]);
	}
	free(entries);
	printf("ok 1 - survives %d inputs\n", count);
	return 0;
}

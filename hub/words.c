/* The language of the hub's people. */
#include "words.h"

#include <stdlib.h>
#include <string.h>

/* The first that is set and not empty decides, as for setlocale(3). */
enum hub_lang hub_lang_from_env(void)
{
	static const char *const names[] = {"LC_ALL", "LC_MESSAGES", "LANG"};

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		const char *value = getenv(names[i]);
		if (value && *value)
			return strncmp(value, "zh", 2) == 0 ? HUB_ZH : HUB_EN;
	}
	return HUB_EN;
}

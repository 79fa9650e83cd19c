/* What strangers write about files: paths stay beneath, digests are whole or refused, terms that were read
 * are terms that can be written. The first byte says which. */
#include <stdlib.h>
#include <string.h>

#include "digest.h"
#include "target.h"
#include "terms.h"

#define MUST(cond) ((cond) ? (void)0 : abort())

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_path(pier_bytes in)
{
	struct target t;
	const char *why;

	if (target_read(in, &t, &why) < 0) {
		MUST(why);
		return;
	}
	MUST(strlen(t.path) <= TARGET_MAX && t.path[0] != '/');
	for (const char *name = t.path; *name; name += *name == '/') {
		size_t len = strcspn(name, "/");
		MUST(len > 0 && len <= TARGET_NAME);
		MUST(!(len == 1 && name[0] == '.') &&
		     !(len == 2 && name[0] == '.' && name[1] == '.'));
		for (size_t i = 0; i < len; i++)
			MUST((unsigned char)name[i] >= ' ' && name[i] != 0x7f);
		name += len;
	}
	target_storable(&t);
}

static void check_promise(pier_bytes in)
{
	struct promise p = {0}, again = {0};
	char field[DIGEST_FIELD_MAX];

	digest_wanted(in);
	promise_read_md5(in, &again);
	again = (struct promise){0};
	if (promise_read(in, &p) < 0 || !(p.has_sha256 || p.has_md5))
		return;
	unsigned which = (p.has_sha256 ? DIGEST_SHA256 : 0u) | (p.has_md5 ? DIGEST_MD5 : 0u);
	MUST(promise_read(pier_text(digest_field(&p.is, which, field)), &again) == 0);
	MUST(promise_check(&again, &p.is) == 0);
}

static void check_terms(pier_bytes in)
{
	char text[TERMS_MAX], twice[TERMS_MAX];
	struct terms t, again;

	if (terms_read(in, &t) < 0)
		return;
	size_t len = terms_write(&t, text);
	MUST(len < TERMS_MAX && terms_read(pier_bytes_of(text, len), &again) == 0);
	MUST(terms_write(&again, twice) == len && memcmp(text, twice, len) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	/* A block of its own, so that a step beyond its end is seen. */
	char *own = malloc(size);
	MUST(own);
	memcpy(own, data, size);
	pier_bytes in = pier_bytes_of(own + 1, size - 1);

	switch (own[0] % 3) {
	case 0:
		check_path(in);
		break;
	case 1:
		check_promise(in);
		break;
	default:
		check_terms(in);
	}
	free(own);
	return 0;
}

/* Names beyond ASCII, as DNS carries them: Punycode, RFC 3492.
 *
 *	例子.测试		the name
 *	4f8b 5b50		the codes of a label
 *	xn--fsqu00a		the ASCII letters in it, '-' if there are any, and how to put the others between them:
 *				the codes from small to large, each as the steps that lead there
 */
#include <pier/names.h>

#include <errno.h>
#include <pier/error.h>
#include <string.h>

#define LABEL_MAX 63 /* bytes: RFC 1035 §2.3.4 */

/* RFC 3492 §5 */
#define BASE	   36
#define DIGIT_MIN  1
#define DIGIT_MAX  26
#define SKEW	   38
#define DAMP	   700
#define BIAS_FIRST 72
#define CODE_FIRST 128

/* ---- Reading ------------------------------------------------------------------------------------- */

/* Takes a code off UTF-8; false for what is not well formed. RFC 3629 §3, §4. */
static bool take_code(pier_bytes *rest, uint32_t *out)
{
	static const uint32_t least[] = {0, 0x80, 0x800, 0x10000};
	unsigned char first = (unsigned char)*rest->p;
	unsigned more = first < 0xc0 ? 0 : first < 0xe0 ? 1 : first < 0xf0 ? 2 : 3;
	uint32_t code = more ? first & (0x3fu >> more) : first;

	if ((first >= 0x80 && first < 0xc0) || first >= 0xf8 || rest->len <= more)
		return false;
	for (unsigned i = 1; i <= more; i++) {
		unsigned char c = (unsigned char)rest->p[i];
		if ((c & 0xc0) != 0x80)
			return false;
		code = code << 6 | (c & 0x3f);
	}
	if (code < least[more] || code > 0x10ffff || (code >= 0xd800 && code < 0xe000))
		return false;
	*rest = pier_bytes_of(rest->p + more + 1, rest->len - more - 1);
	*out = code;
	return true;
}

/* As people's keyboards write what they mean: wide letters, digits, hyphens and dots, the full stops of East Asia, and
 * capitals. RFC 5895 §2. Wide '/', '@' or ':' stay what they are: they would make another URL of it. */
static uint32_t meant(uint32_t code)
{
	static const struct {
		uint32_t first, last;
		int32_t off;
	} ranges[] = {
		{0x3002, 0x3002, '.' - 0x3002}, {0xff61, 0xff61, '.' - 0xff61},
		{0xff0d, 0xff0e, '-' - 0xff0d}, {0xff10, 0xff19, '0' - 0xff10},
		{0xff21, 0xff3a, 'a' - 0xff21}, {0xff41, 0xff5a, 'a' - 0xff41},
		{'A', 'Z', 'a' - 'A'},		{0x00c0, 0x00d6, 0x20},
		{0x00d8, 0x00de, 0x20},		{0x0391, 0x03a9, 0x20},
		{0x0400, 0x040f, 0x50},		{0x0410, 0x042f, 0x20},
	};
	for (size_t i = 0; i < sizeof ranges / sizeof *ranges; i++)
		if (code >= ranges[i].first && code <= ranges[i].last)
			return (uint32_t)((int32_t)code + ranges[i].off);
	return code;
}

/* Beside other letters, ASCII is what host names are made of: RFC 952, RFC 1123 §2.1, and '_' of DNS. */
static bool fits(uint32_t code)
{
	return code >= CODE_FIRST || (code >= 'a' && code <= 'z') || (code >= '0' && code <= '9') ||
	       code == '-' || code == '_';
}

struct label {
	uint32_t codes[LABEL_MAX]; /* more would not fit, however they are written */
	size_t count;
	bool ended; /* by a dot */
};

static int read_label(pier_bytes *rest, struct label *out)
{
	uint32_t code;
	out->count = 0;
	out->ended = false;
	while (rest->len) {
		if (!take_code(rest, &code))
			return -PIER_ENONAME;
		code = meant(code);
		out->ended = code == '.';
		if (out->ended)
			break;
		if (!fits(code) || out->count == LABEL_MAX)
			return -PIER_ENONAME;
		out->codes[out->count++] = code;
	}
	return 0;
}

/* ---- Writing ------------------------------------------------------------------------------------- */

struct text {
	char *at;
	size_t len, room; /* one byte of it for the NUL */
};

static void add(struct text *t, char c)
{
	if (t->len + 1 < t->room)
		t->at[t->len] = c;
	t->len++;
}

/* §6.1 */
static uint32_t adapt(uint32_t steps, uint32_t count, bool first)
{
	uint32_t k = 0;
	steps /= first ? DAMP : 2;
	for (steps += steps / count; steps > (BASE - DIGIT_MIN) * DIGIT_MAX / 2; k += BASE)
		steps /= BASE - DIGIT_MIN;
	return k + (BASE - DIGIT_MIN + 1) * steps / (steps + SKEW);
}

/* A number whose digits tell by their size where it ends: §3.3. */
static void add_number(struct text *t, uint32_t n, uint32_t bias)
{
	static const char digits[] = "abcdefghijklmnopqrstuvwxyz0123456789";
	for (uint32_t k = BASE;; k += BASE) {
		uint32_t least = k <= bias ? DIGIT_MIN : k - bias;
		if (k > bias && least > DIGIT_MAX)
			least = DIGIT_MAX;
		if (n < least)
			break;
		add(t, digits[least + (n - least) % (BASE - least)]);
		n = (n - least) / (BASE - least);
	}
	add(t, digits[n]);
}

static uint32_t next_code(const struct label *l, uint32_t from)
{
	uint32_t next = UINT32_MAX;
	for (size_t i = 0; i < l->count; i++)
		if (l->codes[i] >= from && l->codes[i] < next)
			next = l->codes[i];
	return next;
}

/* §6.3. The steps are less than 63 times the largest code: they never overflow. */
static void add_coded(struct text *t, const struct label *l, uint32_t ascii)
{
	uint32_t done = ascii, bias = BIAS_FIRST, steps = 0;

	for (uint32_t code = CODE_FIRST; done < l->count; code++, steps++) {
		uint32_t next = next_code(l, code);
		steps += (next - code) * (done + 1);
		code = next;
		for (size_t i = 0; i < l->count; i++) {
			steps += l->codes[i] < code;
			if (l->codes[i] != code)
				continue;
			add_number(t, steps, bias);
			bias = adapt(steps, done + 1, done == ascii);
			steps = 0;
			done++;
		}
	}
}

static int add_label(struct text *t, const struct label *l)
{
	size_t from = t->len;
	uint32_t ascii = 0;

	for (size_t i = 0; i < l->count; i++)
		ascii += l->codes[i] < CODE_FIRST;
	for (const char *c = ascii < l->count ? "xn--" : ""; *c; c++)
		add(t, *c);
	for (size_t i = 0; i < l->count; i++)
		if (l->codes[i] < CODE_FIRST)
			add(t, (char)l->codes[i]);
	if (ascii && ascii < l->count)
		add(t, '-');
	add_coded(t, l, ascii);
	return t->len - from > LABEL_MAX ? -PIER_ENONAME : 0;
}

static bool is_ascii(pier_bytes name)
{
	for (size_t i = 0; i < name.len; i++)
		if ((unsigned char)name.p[i] >= CODE_FIRST)
			return false;
	return true;
}

static int add_labels(struct text *t, pier_bytes rest)
{
	struct label l;
	int err = 0;
	while (err == 0 && rest.len) {
		err = read_label(&rest, &l);
		if (err == 0)
			err = add_label(t, &l);
		if (err == 0 && l.ended)
			add(t, '.');
	}
	return err;
}

int pier_name_ascii(pier_bytes name, char *into, size_t room)
{
	char made[PIER_NAME_MAX];
	struct text t = {.at = made, .room = sizeof made};

	if (is_ascii(name)) { /* nobody asked for a change */
		if (name.len && memchr(name.p, 0, name.len))
			return -PIER_ENONAME;
		for (size_t i = 0; i < name.len; i++)
			add(&t, name.p[i]);
	} else {
		int err = add_labels(&t, name);
		if (err < 0)
			return err;
	}
	if (t.len >= sizeof made || t.len >= room)
		return -ENAMETOOLONG;
	memcpy(into, made, t.len);
	into[t.len] = '\0';
	return 0;
}

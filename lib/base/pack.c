/* Packets by format. Each call goes over its format twice: to see that all is well, then to do it; so nothing is half
 * done. */
#include <errno.h>
#include <limits.h>
#include <pier/pack.h>

#define COUNT_MAX 65535 /* what may stand before a letter */

struct format {
	const char *at;
	unsigned fields;
	bool big;
};

struct field {
	char letter;   /* 0 after the last */
	size_t size;   /* bytes of a number */
	size_t count;  /* bytes of s and x, numbers of the rest */
	bool negative; /* a number may be */
};

/* ---- Formats ------------------------------------------------------------------------------------- */

static int begin(struct format *f, const char *format)
{
	char order = format[0];
	*f = (struct format){.at = format + 1, .big = order != '<'};
	return order == '!' || order == '>' || order == '<' ? 0 : -EINVAL;
}

static size_t size_of(char letter)
{
	switch (letter | 0x20) {
	case 'b':
		return 1;
	case 'h':
		return 2;
	case 'i':
	case 'l':
		return 4;
	case 'q':
		return 8;
	default:
		return 0;
	}
}

static bool digit(char c)
{
	return c >= '0' && c <= '9';
}

/* The number before a letter: 1 when there is none. */
static int count(struct format *f, size_t *out)
{
	size_t n = 0;
	if (!digit(*f->at)) {
		*out = 1;
		return 0;
	}
	for (; digit(*f->at); f->at++) {
		n = n * 10 + (size_t)(*f->at - '0');
		if (n > COUNT_MAX)
			return -EINVAL;
	}
	*out = n;
	return 0;
}

/* Steps to the next letter. A repeated number is many fields, s and x are one however long. */
static int next(struct format *f, struct field *out)
{
	while (*f->at == ' ')
		f->at++;
	const char *from = f->at;
	if (count(f, &out->count) < 0)
		return -EINVAL;
	bool counted = f->at != from;
	out->letter = *f->at;
	out->size = size_of(out->letter);
	out->negative = out->letter >= 'a';
	if (!out->letter)
		return counted ? -EINVAL : 0;
	f->at++;
	bool open = out->letter == 'z' || out->letter == '*';
	if (!out->size && out->letter != 's' && out->letter != 'x' && (!open || counted))
		return -EINVAL;
	size_t fields = out->size ? out->count : 1;
	if (fields > PIER_PACK_MAX - f->fields)
		return -EINVAL;
	f->fields += (unsigned)fields;
	return 0;
}

ssize_t pier_pack_size(const char *format)
{
	struct format f;
	struct field d;
	size_t sum = 0;

	int err = begin(&f, format);
	while (err == 0 && (err = next(&f, &d)) == 0 && d.letter) {
		if (d.letter == 'z' || d.letter == '*')
			return -EINVAL;
		sum += d.count * (d.size ? d.size : 1);
	}
	return err < 0 ? err : (ssize_t)sum;
}

/* ---- Packing ------------------------------------------------------------------------------------- */

struct packer {
	struct format f;
	unsigned char *at; /* NULL: it is only counted */
	size_t room, len;
};

static int put(struct packer *p, const void *from, size_t len)
{
	if (len > p->room - p->len)
		return -EMSGSIZE;
	if (p->at && len && from)
		memcpy(p->at + p->len, from, len);
	else if (p->at && len)
		memset(p->at + p->len, 0, len);
	p->len += len;
	return 0;
}

static bool fits(int n, const struct field *d)
{
	int bits = (int)d->size * CHAR_BIT - d->negative;
	return n >= (d->negative ? -(1 << bits) : 0) && n < 1 << bits;
}

static int put_number(struct packer *p, const struct field *d, uint64_t n)
{
	unsigned char bytes[8];
	for (size_t i = 0; i < d->size; i++)
		bytes[p->f.big ? d->size - 1 - i : i] = (unsigned char)(n >> (CHAR_BIT * i));
	return put(p, bytes, d->size);
}

/* A va_list may be an array, which a function cannot take by address as it is. */
struct args {
	va_list at;
};

static int pack_number(struct packer *p, const struct field *d, struct args *args)
{
	int small = 0;

	switch (d->size) {
	case 8:
		return put_number(p, d, va_arg(args->at, uint64_t));
	case 4:
		return put_number(p, d, va_arg(args->at, uint32_t));
	default:
		small = va_arg(args->at, int);
		return fits(small, d) ? put_number(p, d, (uint64_t)small) : -ERANGE;
	}
}

static int pack_text(struct packer *p, const char *text)
{
	return put(p, text, strlen(text) + 1);
}

static int pack_bytes(struct packer *p, pier_bytes b)
{
	return put(p, b.p, b.len);
}

static int pack_field(struct packer *p, const struct field *d, struct args *args)
{
	int err = 0;

	switch (d->letter) {
	case 's':
		return put(p, va_arg(args->at, const void *), d->count);
	case 'x':
		return put(p, NULL, d->count);
	case 'z':
		return pack_text(p, va_arg(args->at, const char *));
	case '*':
		return pack_bytes(p, va_arg(args->at, pier_bytes));
	default:
		for (size_t i = 0; err == 0 && i < d->count; i++)
			err = pack_number(p, d, args);
		return err;
	}
}

static ssize_t pack(struct packer *p, const char *format, va_list list)
{
	struct args args;
	struct field d;

	int err = begin(&p->f, format);
	va_copy(args.at, list);
	while (err == 0 && (err = next(&p->f, &d)) == 0 && d.letter)
		err = pack_field(p, &d, &args);
	va_end(args.at);
	return err < 0 ? err : (ssize_t)p->len;
}

ssize_t pier_vpack(void *into, size_t room, const char *format, va_list args)
{
	struct packer look = {.room = room}, p = {.at = into, .room = room};
	ssize_t n = pack(&look, format, args);
	return n <= 0 ? n : pack(&p, format, args);
}

ssize_t pier_pack(void *into, size_t room, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	ssize_t n = pier_vpack(into, room, format, args);
	va_end(args);
	return n;
}

/* ---- Unpacking ----------------------------------------------------------------------------------- */

struct unpacker {
	struct format f;
	pier_bytes from;
	size_t used;
	bool gives; /* else it only looks */
};

static size_t left(const struct unpacker *u)
{
	return u->from.len - u->used;
}

/* The next `len` bytes, of which there must be so many. */
static const void *take(struct unpacker *u, size_t len)
{
	const char *at = u->from.p ? u->from.p + u->used : "";
	u->used += len;
	return at;
}

static uint64_t number_at(const unsigned char *at, size_t size, bool big)
{
	uint64_t n = 0;
	for (size_t i = 0; i < size; i++)
		n = n << CHAR_BIT | at[big ? i : size - 1 - i];
	return n;
}

/* The bits are the same with a sign and without. */
static void store(void *into, uint64_t n, size_t size)
{
	uint8_t one = (uint8_t)n;
	uint16_t two = (uint16_t)n;
	uint32_t four = (uint32_t)n;
	const void *from[] = {[1] = &one, [2] = &two, [4] = &four, [8] = &n};
	memcpy(into, from[size], size);
}

static int unpack_numbers(struct unpacker *u, const struct field *d, struct args *args)
{
	if (d->count * d->size > left(u))
		return -EBADMSG;
	for (size_t i = 0; i < d->count; i++) {
		void *into = va_arg(args->at, void *);
		uint64_t n = number_at(take(u, d->size), d->size, u->f.big);
		if (u->gives && into)
			store(into, n, d->size);
	}
	return 0;
}

static int unpack_bytes(struct unpacker *u, const struct field *d, void *into)
{
	if (d->count > left(u))
		return -EBADMSG;
	const void *at = take(u, d->count);
	if (u->gives && into && d->count)
		memcpy(into, at, d->count);
	return 0;
}

static int unpack_text(struct unpacker *u, const char **into)
{
	const char *begin = take(u, 0);
	const char *end = left(u) ? memchr(begin, 0, left(u)) : NULL;
	if (!end)
		return -EBADMSG;
	take(u, (size_t)(end - begin) + 1);
	if (u->gives && into)
		*into = begin;
	return 0;
}

static int unpack_rest(struct unpacker *u, pier_bytes *into)
{
	size_t len = left(u);
	const char *at = take(u, len);
	if (u->gives && into)
		*into = pier_bytes_of(at, len);
	return 0;
}

static int unpack_field(struct unpacker *u, const struct field *d, struct args *args)
{
	switch (d->letter) {
	case 's':
		return unpack_bytes(u, d, va_arg(args->at, void *));
	case 'x':
		return unpack_bytes(u, d, NULL);
	case 'z':
		return unpack_text(u, va_arg(args->at, const char **));
	case '*':
		return unpack_rest(u, va_arg(args->at, pier_bytes *));
	default:
		return unpack_numbers(u, d, args);
	}
}

static ssize_t unpack(struct unpacker *u, const char *format, va_list list)
{
	struct args args;
	struct field d;

	int err = begin(&u->f, format);
	va_copy(args.at, list);
	while (err == 0 && (err = next(&u->f, &d)) == 0 && d.letter)
		err = unpack_field(u, &d, &args);
	va_end(args.at);
	return err < 0 ? err : (ssize_t)u->used;
}

ssize_t pier_vunpack(pier_bytes from, const char *format, va_list args)
{
	struct unpacker look = {.from = from}, u = {.from = from, .gives = true};
	ssize_t n = unpack(&look, format, args);
	return n < 0 ? n : unpack(&u, format, args);
}

ssize_t pier_unpack(pier_bytes from, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	ssize_t n = pier_vunpack(from, format, args);
	va_end(args);
	return n;
}

/* ---- The sum over it ----------------------------------------------------------------------------- */

uint16_t pier_checksum(const void *p, size_t len)
{
	const unsigned char *at = p;
	uint64_t sum = 0;

	for (size_t i = 0; i + 1 < len; i += 2)
		sum += (uint64_t)(at[i] << 8 | at[i + 1]);
	if (len & 1) /* as if a zero byte followed */
		sum += (uint64_t)at[len - 1] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

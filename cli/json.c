/* JSON, as far as one object a line needs it. */
#include "json.h"

#include "runes.h"

static void put_rune(FILE *to, uint32_t code, pier_bytes as)
{
	switch (code) {
	case '"':
	case '\\':
		fprintf(to, "\\%c", (int)code);
		break;
	case '\n':
		fputs("\\n", to);
		break;
	case '\r':
		fputs("\\r", to);
		break;
	case '\t':
		fputs("\\t", to);
		break;
	default:
		/* RFC 8259 §7 wants C0 escaped; the others would act on a terminal. All are below
		 * U+10000. */
		if (rune_is_control(code))
			fprintf(to, "\\u%04x", code);
		else
			fwrite(as.p, 1, as.len, to);
	}
}

void json_string(FILE *to, pier_bytes text)
{
	uint32_t code;

	putc('"', to);
	while (text.len > 0) {
		int used = rune_next(text, &code);
		if (used > 0)
			put_rune(to, code, pier_bytes_of(text.p, (size_t)used));
		else
			fputs("\\ufffd", to);
		used = used > 0 ? used : 1;
		text.p += used;
		text.len -= (size_t)used;
	}
	putc('"', to);
}

void json_data(FILE *to, pier_bytes bytes)
{
	if (runes_valid(bytes)) {
		fputs("\"text\":", to);
		json_string(to, bytes);
		return;
	}
	fputs("\"hex\":\"", to);
	for (size_t i = 0; i < bytes.len; i++)
		fprintf(to, "%02x", (unsigned char)bytes.p[i]);
	putc('"', to);
}

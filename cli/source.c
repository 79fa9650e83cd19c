/* stdin made ready for the wire: its line ends, or the hex that was typed. */
#include <stdlib.h>

#include "hex.h"
#include "talk.h"

int source_init(struct source *s, const struct talk_opts *o)
{
	*s = (struct source){
		.eol.want = o->crlf ? EOL_CRLF : eol_named(o->eol ? o->eol : "lf"),
		.hex = o->send && strcmp(o->send, "hex") == 0,
	};
	if (s->eol.want != EOL_LF)
		s->made = malloc(2 * TALK_PIECE);
	return s->eol.want != EOL_LF && !s->made ? -ENOMEM : 0;
}

void source_done(struct source *s)
{
	free(s->made);
}

pier_bytes source_convert(struct source *s, pier_bytes piece)
{
	if (s->hex) {
		ssize_t len = hex_parse(piece.p, piece.len);
		if (len < 0)
			fail(STATUS_USAGE,
			     "not hex: two digits a byte, as in 01 03 0a (nothing was sent)");
		return len < 0 ? (pier_bytes){NULL, 0} : pier_bytes_of(piece.p, (size_t)len);
	}
	if (s->eol.want == EOL_LF)
		return piece;
	return pier_bytes_of(s->made, eol_convert(&s->eol, piece, s->made));
}

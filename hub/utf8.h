/* UTF-8, read strictly. Pure. */
#ifndef HUB_UTF8_H
#define HUB_UTF8_H

#include <pier/bytes.h>

/* Takes the first code point off `rest`, which must not be empty. Returns it, or -EILSEQ for what
 * is not well formed: a stray or missing continuation, an overlong form, a surrogate, above
 * U+10FFFF. RFC 3629 §4; Unicode 15, table 3-7. */
int32_t utf8_take(pier_bytes *rest);

/* White space and other invisible marks that would let two names look alike, or a name like none.
 */
bool code_is_blank(int32_t code);

/* C0, DEL, C1 (a terminal acts on them), and what turns the direction of other people's text. */
bool code_is_control(int32_t code);

#endif

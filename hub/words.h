/* What the hub says to people, in their language. */
#ifndef HUB_WORDS_H
#define HUB_WORDS_H

enum hub_lang {
	HUB_EN,
	HUB_ZH
};

/* From LC_ALL, LC_MESSAGES or LANG: HUB_ZH for zh…, else HUB_EN. */
enum hub_lang hub_lang_from_env(void);

#endif

/* Who has what already. */
#include "conditions.h"

#include <inttypes.h>
#include <stdio.h>

const char *etag_of(const pier_file_info *info, char into[ETAG_MAX])
{
	snprintf(into, ETAG_MAX, "\"%" PRIx64 "-%" PRIx64 "-%" PRIx64 "\"", (uint64_t)info->mtime,
		 (uint64_t)info->size, info->inode);
	return into;
}

/* Takes the next entity tag of a list: its opaque part with the quotes, and whether it is weak. */
static bool next_tag(pier_bytes *list, pier_bytes *tag, bool *weak)
{
	const char *quote = list->len ? memchr(list->p, '"', list->len) : NULL;
	if (!quote)
		return false;
	size_t before = (size_t)(quote - list->p);
	const char *end = memchr(quote + 1, '"', list->len - before - 1);
	if (!end)
		return false;

	*weak = before >= 2 && quote[-1] == '/' && quote[-2] == 'W';
	*tag = pier_bytes_of(quote, (size_t)(end - quote) + 1);
	list->len -= (size_t)(end + 1 - list->p);
	list->p += (size_t)(end + 1 - list->p);
	return true;
}

/* `strong`: weak tags never match (RFC 9110 §8.8.3.2). */
static bool listed(pier_bytes list, const pier_file_info *info, bool strong)
{
	char mine[ETAG_MAX];
	pier_bytes tag;
	bool weak;

	if (pier_bytes_eq(list, "*"))
		return info != NULL;
	if (!info)
		return false;
	etag_of(info, mine);
	while (next_tag(&list, &tag, &weak))
		if (pier_bytes_eq(tag, mine) && !(strong && weak))
			return true;
	return false;
}

/* HTTP-dates know seconds only. */
static int64_t seconds(const pier_file_info *info)
{
	return info->mtime / PIER_S(1);
}

int conditions_check(const pier_http_head *ask, const pier_file_info *info, bool reading)
{
	pier_bytes match = pier_http_get(ask, "If-Match");
	pier_bytes unmodified = pier_http_get(ask, "If-Unmodified-Since");
	pier_bytes none = pier_http_get(ask, "If-None-Match");
	pier_bytes modified = pier_http_get(ask, "If-Modified-Since");
	int64_t date;

	if (match.p && !listed(match, info, true))
		return 412;
	if (!match.p && unmodified.p && info && pier_http_date_parse(unmodified, &date) == 0 &&
	    seconds(info) > date)
		return 412;
	if (none.p && listed(none, info, false))
		return reading ? 304 : 412;
	if (!none.p && modified.p && reading && info &&
	    pier_http_date_parse(modified, &date) == 0 && seconds(info) <= date)
		return 304;
	return 0;
}

bool if_range_holds(const pier_http_head *ask, const pier_file_info *info)
{
	pier_bytes field = pier_http_get(ask, "If-Range");
	int64_t date;

	if (!field.p)
		return true;
	if (memchr(field.p, '"', field.len))
		return listed(field, info, true);
	return pier_http_date_parse(field, &date) == 0 && seconds(info) == date;
}

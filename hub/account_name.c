/* Which names people may bear. */
#include "accounts.h"
#include "names.h"

/* Names that would speak with the hub's voice. */
static const char *const reserved[] = {
	"server", "system", "admin", "administrator", "root",	"operator",   "pier",
	"hub",	  "nobody", "系统",  "管理员",	      "服务器", "系统管理员", "公告",
};

int account_name_check(const char *name)
{
	char folded[NAME_MAX_BYTES + 1];
	int err = name_check(name);

	_Static_assert(ACCOUNT_NAME_MAX == NAME_MAX_BYTES, "one rule for all names");
	if (err < 0)
		return err;
	name_fold(name, folded);
	for (size_t i = 0; i < sizeof reserved / sizeof reserved[0]; i++) {
		if (strcmp(folded, reserved[i]) == 0)
			return -EINVAL;
	}
	return 0;
}

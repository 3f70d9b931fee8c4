/* SPDX-License-Identifier: Apache-2.0 */
/* options.c - what companions are told about their jail: --jail's value. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "vmm/jail/jail.h"
#include "vmm/lib/parse.h"

static const char *const mode_names[] = {
	[JAIL_AUTO] = "auto",
	[JAIL_REQUIRED] = "required",
	[JAIL_OFF] = "off",
};

const char *jail_mode_name(enum jail_mode mode)
{
	return mode_names[mode];
}

int jail_parse_mode(const char *text, enum jail_mode *ret, struct err *err)
{
	if (strcmp(text, "off") == 0 && JAIL_DEFAULT != JAIL_OFF)
		return err_say(err, EPERM,
			       "--jail: only a debug build (make SAN=1) may "
			       "switch the jail off; give auto or required");
	for (unsigned i = 0; i < sizeof(mode_names) / sizeof(*mode_names); i++)
		if (strcmp(text, mode_names[i]) == 0) {
			*ret = (enum jail_mode)i;
			return 0;
		}
	return err_say(err, EINVAL,
		       "--jail: '%s' is unknown; give auto or required", text);
}

/* getsubopt() takes its keys without a const. */
static char key_born[] = "born";
static char key_uid[] = "uid";

enum { KEY_BORN, KEY_UID };

int jail_parse(char *arg, struct jail_asked *ret, struct err *err)
{
	static char *const keys[] = {
		[KEY_BORN] = key_born, [KEY_UID] = key_uid, NULL
	};
	struct jail_asked asked = JAIL_NOT_ASKED;
	char *opts = strchr(arg, ',');
	uint64_t uid = 0;
	char *value;

	if (opts)
		*opts++ = '\0';
	int r = jail_parse_mode(arg, &asked.mode, err);
	while (r == 0 && opts && *opts) {
		const char *option = opts;
		int key = getsubopt(&opts, keys, &value);

		if (key == KEY_BORN && !value) {
			asked.born = true;
		} else if (key == KEY_UID && value) {
			r = parse_u64(value, "--jail: uid", 1, UINT32_MAX - 1,
				      &uid, err);
			asked.uid = (uid_t)uid;
		} else {
			r = err_say(err, EINVAL,
				    "--jail: '%s' is not an option of it; "
				    "there are born and uid=",
				    option);
		}
	}
	if (r == 0)
		*ret = asked;
	return r;
}

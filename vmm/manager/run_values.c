/* SPDX-License-Identifier: Apache-2.0 */
/* run_values.c - the values that options of `belljar run` take. */
#include "vmm/manager/run_values.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "vmm/lib/auto.h"
#include "vmm/lib/io.h"
#include "vmm/lib/parse.h"
#include "vmm/manager/run_options.h"

#define ENV_FILE_MAX (1U << 20)

int run_value_cpus(const char *text, unsigned *ret, unsigned *ret_milli,
		   struct err *err)
{
	size_t len = strspn(text, "0123456789.");
	char *end = NULL;
	double v = len ? strtod(text, &end) : -1;

	if (!end || *end != '\0' || text[len] != '\0')
		return err_say(err, EINVAL,
			       "--cpus: '%s' is not a number such as 2 or 1.5",
			       text);
	if (v <= 0 || v > RUN_CPUS_MAX)
		return err_say(err, ERANGE,
			       "--cpus: %s is outside 1..%d; give a number in "
			       "that range",
			       text, RUN_CPUS_MAX);
	*ret = (unsigned)ceil(v);
	*ret_milli = (unsigned)ceil(v * 1000 - 1e-6);
	return 0;
}

int run_value_timeout(const char *text, uint64_t *ret, struct err *err)
{
	static const char units[] = "smhd";
	static const unsigned seconds[] = { 1, 60, 3600, 86400 };
	char digits[16];
	size_t len = strspn(text, "0123456789");
	const char *unit = text[len] ? strchr(units, text[len]) : units;

	if (len == 0 || len >= sizeof(digits) || !unit ||
	    (text[len] && text[len + 1]))
		return err_say(err, EINVAL,
			       "--timeout: '%s' is not a time such as 90, 90s, "
			       "5m or 2h",
			       text);
	memcpy(digits, text, len);
	digits[len] = '\0';

	uint64_t v;
	int r = parse_u64(digits, "--timeout", 1, 1U << 30, &v, err);
	if (r == 0)
		*ret = v * seconds[unit - units];
	return r;
}

int run_value_env(const char *text, struct strv *ret, struct err *err)
{
	size_t len = strcspn(text, "=");

	if (len == 0)
		return err_say(
			err, EINVAL,
			"-e: '%s' has no variable name; write NAME=VALUE",
			text);
	const char *value = text[len] == '=' ? NULL : getenv(text);
	int r = value ? strv_add(ret, "%s=%s", text, value)
		      : strv_add(ret, "%s", text);
	return r < 0 ? err_set(err, -r, "-e") : 0;
}

static int env_line(const char *path, unsigned nr, char *line, struct strv *ret,
		    struct err *err)
{
	while (isspace((unsigned char)*line))
		line++;
	if (*line == '\0' || *line == '#')
		return 0;

	size_t name = strcspn(line, "=");
	if (name == 0 || strcspn(line, " \t") < name)
		return err_say(err, EINVAL,
			       "--env-file '%s', line %u: '%s' is not "
			       "NAME=VALUE; a name has no blanks",
			       path, nr, line);
	return run_value_env(line, ret, err);
}

int run_value_env_file(const char *path, struct strv *ret, struct err *err)
{
	AUTO_FREE char *text = NULL;
	int r = io_read_file(path, ENV_FILE_MAX, &text, err);
	unsigned nr = 0;

	if (r < 0)
		return err_wrap(err, "--env-file");
	for (char *line = text, *next; line && r == 0; line = next) {
		next = strchr(line, '\n');
		if (next)
			*next++ = '\0';
		size_t len = strlen(line);
		if (len && line[len - 1] == '\r')
			line[len - 1] = '\0';
		r = env_line(path, ++nr, line, ret, err);
	}
	return r;
}

int run_value_name(const char *text, struct err *err)
{
	size_t len = 0;

	while (isalnum((unsigned char)text[len]) ||
	       (len > 0 && text[len] && strchr("_.-", text[len])))
		len++;
	if (len == 0 || len > 64 || text[len])
		return err_say(err, EINVAL,
			       "--name: '%s' is not a name; use letters, "
			       "digits, '_', '.' and '-', a letter or digit "
			       "first, 64 at most",
			       text);
	return 0;
}

int run_value_module(const char *text, struct strv *ret, struct err *err)
{
	size_t len = strcspn(text, " ");
	size_t word = 0;

	while (isalnum((unsigned char)text[word]) ||
	       (word > 0 && text[word] && strchr("_-:", text[word])))
		word++;
	if (len == 0 || word != len || strchr(text, '\n'))
		return err_say(err, EINVAL,
			       "--kernel-module: '%s' does not begin with the "
			       "name of a module; write NAME or 'NAME "
			       "PARAMETER=VALUE'",
			       text);
	int r = strv_add(ret, "%s", text);
	return r < 0 ? err_set(err, -r, "--kernel-module") : 0;
}

int run_value_hostname(const char *text, struct err *err)
{
	size_t len = 0;

	while (isalnum((unsigned char)text[len]) ||
	       (len > 0 && text[len] && strchr(".-", text[len])))
		len++;
	if (len == 0 || len > 63 || text[len] || text[len - 1] == '-')
		return err_say(err, EINVAL,
			       "--hostname: '%s' is not a host name; use "
			       "letters, digits, '.' and '-', 63 at most",
			       text);
	return 0;
}

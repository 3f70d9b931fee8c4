/* SPDX-License-Identifier: Apache-2.0 */
/* parse.c - numbers and sizes that a person wrote. */
#include "vmm/lib/parse.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

int parse_u64(const char *text, const char *what, uint64_t min, uint64_t max,
	      uint64_t *ret, struct err *err)
{
	char *end = NULL;

	if (!isdigit((unsigned char)text[0]))
		return err_say(err, EINVAL, "%s: '%s' is not a whole number",
			       what, text);
	errno = 0;
	unsigned long long v = strtoull(text, &end, 10);
	if (*end != '\0')
		return err_say(err, EINVAL, "%s: '%s' is not a whole number",
			       what, text);
	if (errno == ERANGE || v < min || v > max)
		return err_say(err, ERANGE,
			       "%s: %s is outside %" PRIu64 "..%" PRIu64, what,
			       text, min, max);
	*ret = v;
	return 0;
}

static int unit_shift(const char *unit)
{
	static const struct {
		const char *name;
		int shift;
	} units[] = {
		{ "", 0 },     { "b", 0 },    { "k", 10 },   { "kb", 10 },
		{ "kib", 10 }, { "m", 20 },   { "mb", 20 },  { "mib", 20 },
		{ "g", 30 },   { "gb", 30 },  { "gib", 30 }, { "t", 40 },
		{ "tb", 40 },  { "tib", 40 },
	};

	for (unsigned i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		if (strcasecmp(unit, units[i].name) == 0)
			return units[i].shift;
	return -1;
}

int parse_size(const char *text, const char *what, uint64_t *ret,
	       struct err *err)
{
	char *end = NULL;
	double v = isdigit((unsigned char)text[0]) ? strtod(text, &end) : -1;
	int shift = end ? unit_shift(end) : -1;

	/* strtod() also reads hexadecimal, which no one means here. */
	if (v < 0 || shift < 0 || memchr(text, 'x', (size_t)(end - text)))
		return err_say(err, EINVAL,
			       "%s: '%s' is not a size such as 512m or 2g",
			       what, text);
	double bytes = ldexp(v, shift);
	if (bytes >= ldexp(1, 62))
		return err_say(err, ERANGE, "%s: '%s' is too large", what,
			       text);
	*ret = (uint64_t)bytes;
	return 0;
}

/* Six times two digits, colons between them. */
static bool read_mac(const char *text, uint8_t mac[6])
{
	for (unsigned i = 0; i < 6; i++, text += 3) {
		char *end;

		if (!isxdigit((unsigned char)text[0]))
			return false;
		mac[i] = (uint8_t)strtoul(text, &end, 16);
		if (end != text + 2 || *end != (i < 5 ? ':' : '\0'))
			return false;
	}
	return true;
}

int parse_mac(const char *text, const char *what, uint8_t ret[6],
	      struct err *err)
{
	uint8_t mac[6];

	if (!read_mac(text, mac) || (mac[0] & 1))
		return err_say(err, EINVAL,
			       "%s: '%s' is not a unicast MAC address", what,
			       text);
	memcpy(ret, mac, sizeof(mac));
	return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* bdf.c - addresses of PCI functions, as text and as a number. */
#include "vmm/lib/bdf.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/* Hex digits, at most @max, and the character behind them; -1: it isn't so. */
static int64_t hex_field(const char **at, int max, char behind)
{
	int64_t v = 0;
	int n = 0;

	for (; n <= max && isxdigit((unsigned char)**at); n++, (*at)++) {
		int c = tolower((unsigned char)**at);

		v = v << 4 | (c <= '9' ? c - '0' : c - 'a' + 10);
	}
	if (n == 0 || n > max || **at != behind)
		return -1;
	*at += behind != '\0';
	return v;
}

int64_t bdf_key(const char *bdf)
{
	int64_t domain = hex_field(&bdf, 8, ':');
	int64_t bus = domain < 0 ? -1 : hex_field(&bdf, 2, ':');
	int64_t slot = bus < 0 ? -1 : hex_field(&bdf, 2, '.');
	int64_t fn = slot < 0 ? -1 : hex_field(&bdf, 1, '\0');

	return fn < 0 || slot > 31 || fn > 7
		       ? -1
		       : domain << 16 | bus << 8 | slot << 3 | fn;
}

int bdf_parse(const char *text, char ret[BDF_MAX], struct err *err)
{
	char full[32];
	const char *colon = strchr(text, ':');
	bool brief = colon && !strchr(colon + 1, ':');

	int n = snprintf(full, sizeof(full), "%s%s", brief ? "0000:" : "",
			 text);
	int64_t key = n < (int)sizeof(full) ? bdf_key(full) : -1;
	if (key < 0)
		return err_say(err, EINVAL,
			       "'%.40s' is not the address of a PCI function; "
			       "write it as 0000:01:00.0, as 'belljar gpu ls' "
			       "does",
			       text);
	(void)snprintf(ret, BDF_MAX, "%04x:%02x:%02x.%x", (unsigned)(key >> 16),
		       (unsigned)(key >> 8) & 0xff, (unsigned)(key >> 3) & 31,
		       (unsigned)key & 7);
	return 0;
}

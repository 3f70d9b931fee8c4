/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vfio_escape.c - the device is told to write where this guest has no memory,
 * and to read there.  The command line has the addresses; the runner knows what
 * of the host's lies at them, and looks whether it is unchanged.
 */
#include "tests/guest/lib/edu.h"

#define MARK 0xa5

static unsigned char buffer[EDU_SIZE], back[EDU_SIZE];
static struct edu edu;

/* The next hexadecimal number at *@text, behind "0x"; false at the end. */
static bool next_number(const char **text, uint64_t *ret)
{
	const char *p = *text;
	uint64_t v = 0;

	while (*p && !(p[0] == '0' && p[1] == 'x'))
		p++;
	if (!*p)
		return false;
	for (p += 2; *p && *p != ' '; p++)
		v = v << 4 | (unsigned)(*p <= '9' ? *p - '0' : *p - 'a' + 10);
	*text = p;
	*ret = v;
	return true;
}

static void works(void)
{
	memset(buffer, MARK, EDU_SIZE);
	memset(back, 0, EDU_SIZE);
	edu_put(&edu, (uintptr_t)buffer, EDU_SIZE);
	edu_get(&edu, (uintptr_t)back, EDU_SIZE);
	check(memcmp(buffer, back, EDU_SIZE) == 0);
}

static void escape(uint64_t addr)
{
	/* Out: our mark. */
	works();
	edu_get(&edu, addr, EDU_SIZE);
	/* In: printed, so that the runner sees whether it is the host's. */
	edu_put(&edu, addr, EDU_SIZE);
	edu_get(&edu, (uintptr_t)back, EDU_SIZE);
	put("at ");
	put_hex(addr);
	say(" read", read64((uintptr_t)back));
}

void guest_main(const struct start_info *si)
{
	const char *text = (const char *)(uintptr_t)si->cmdline;
	uint64_t addr;
	unsigned n = 0;

	check(edu_find(&edu));
	for (; next_number(&text, &addr); n++)
		escape(addr);
	check(n > 0);
	works();
	put("pass\n");
}

/* SPDX-License-Identifier: Apache-2.0 */
/* choice.c - a stack of choices; the last one that has more is advanced. */
#include "tests/prove/choice.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>

static struct {
	unsigned pick, of;
} path[CHOICE_MAX];
static unsigned depth, asked;
static char failure[256];

unsigned choose(unsigned of)
{
	assert(of > 0 && asked < CHOICE_MAX);
	if (asked == depth) {
		path[depth].pick = 0;
		path[depth++].of = of;
	}
	/* A case that depends on more than its choices is no case. */
	assert(path[asked].of == of);
	return path[asked++].pick;
}

static bool advance(void)
{
	while (depth > 0 && path[depth - 1].pick + 1 == path[depth - 1].of)
		depth--;
	if (depth == 0)
		return false;
	path[depth - 1].pick++;
	return true;
}

void case_fail(const char *fmt, ...)
{
	va_list ap;

	if (failure[0])
		return;
	va_start(ap, fmt);
	(void)vsnprintf(failure, sizeof(failure), fmt, ap);
	va_end(ap);
}

bool case_failed(void)
{
	return failure[0];
}

bool explore(const char *name, void (*one)(void))
{
	unsigned long cases = 0;

	depth = 0;
	failure[0] = '\0';
	do {
		asked = 0;
		one();
		cases++;
	} while (!case_failed() && advance());

	if (!case_failed()) {
		printf("ok - %s: %lu cases\n", name, cases);
	} else {
		printf("not ok - %s: case %lu: %s; choices", name, cases,
		       failure);
		for (unsigned i = 0; i < asked; i++)
			printf(" %u/%u", path[i].pick, path[i].of);
		printf("\n");
	}
	(void)fflush(stdout);
	return !case_failed();
}

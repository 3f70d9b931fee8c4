/* SPDX-License-Identifier: Apache-2.0 */
/* peak.c - verbs idle and peak: who waits while its memory is looked at. */
#include <errno.h>
#include <stdbool.h>
#include <sys/mman.h>
#include <unistd.h>

#include "images/compare/suite.h"

#define PAGE 4096

/* Read up to the end of a line.  1, 0 at the end of the file, or -errno. */
static int wait_line(struct err *err)
{
	char byte = 0;

	/* Byte by byte: what follows the line is for the next call. */
	while (byte != '\n') {
		ssize_t n = read(STDIN_FILENO, &byte, 1);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_set(err, errno, "read standard input");
		if (n == 0)
			return 0;
	}
	return 1;
}

/* Say where we are, and wait until the other side has seen it. */
static int step(const char *word, bool end_is_fine, struct err *err)
{
	int r = suite_line("%s", word);
	if (r < 0)
		return err_set(err, -r, "write to standard output");

	r = wait_line(err);
	if (r == 0 && !end_is_fine)
		return err_say(err, EPIPE,
			       "standard input ended before a line came");
	return r < 0 ? r : 0;
}

int peak_idle(void)
{
	struct err err = { 0 };

	return step("ready", true, &err) < 0 ? suite_fail(&err) : 0;
}

static int peak_steps(uint64_t bytes, struct err *err)
{
	int r = step("ready", false, err);
	if (r < 0)
		return r;

	char *base = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (base == MAP_FAILED)
		return err_set(err, errno, "get %llu MiB of memory",
			       (unsigned long long)(bytes / MIB));
	/*
	 * Each page differs from all others: nobody can keep one for many.
	 * volatile, as nobody reads it.
	 */
	for (uint64_t i = 0; i < bytes; i += PAGE)
		*(volatile uint64_t *)(void *)(base + i) = i + 1;

	r = step("peak", false, err);
	if (munmap(base, bytes) < 0 && r == 0)
		r = err_set(err, errno, "give the memory back");
	return r < 0 ? r : step("freed", true, err);
}

int peak_run(uint64_t bytes)
{
	struct err err = { 0 };

	return peak_steps(bytes, &err) < 0 ? suite_fail(&err) : 0;
}

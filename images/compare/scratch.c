/* SPDX-License-Identifier: Apache-2.0 */
/* scratch.c - a file without a name. */
#include "images/compare/scratch.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "images/compare/pace.h"
#include "vmm/lib/auto.h"

int scratch_open(const char *dir, struct err *err)
{
	char path[PATH_MAX];
	int n = snprintf(path, sizeof(path), "%s/suite-XXXXXX", dir);

	if (n < 0 || (size_t)n >= sizeof(path))
		return err_set(err, ENAMETOOLONG, "make a file in '%s'", dir);

	/* Not O_TMPFILE: some of the file systems below do not have it. */
	AUTO_CLOSE int fd = mkostemp(path, O_CLOEXEC);
	if (fd < 0)
		return err_set(err, errno, "make a file in '%s'", dir);
	if (unlink(path) < 0)
		return err_set(err, errno, "remove the file '%s'", path);
	return TAKE_FD(fd);
}

void scratch_noise(void *buf, size_t len, uint64_t *seed)
{
	char *to = buf;

	while (len > 0) {
		uint64_t word = pace_random(seed);
		size_t part = len < sizeof(word) ? len : sizeof(word);

		memcpy(to, &word, part);
		to += part;
		len -= part;
	}
}

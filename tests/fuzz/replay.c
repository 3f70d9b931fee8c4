/* SPDX-License-Identifier: Apache-2.0 */
/*
 * replay.c - main() of a fuzz target built without libFuzzer: gives it each
 * file named, and each file of a directory named, in the order of their names.
 */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/fuzz/input.h"
#include "vmm/lib/auto.h"
#include "vmm/lib/io.h"

#define PATIENCE_S 20 /* for one input, under sanitizers on a busy machine */

#pragma weak LLVMFuzzerInitialize

static unsigned replayed;

static int replay(const char *path)
{
	AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0) {
		perror(path);
		return -1;
	}
	/* Exactly as large as the input: ASan sees what is read behind it. */
	size_t size = (size_t)st.st_size;
	AUTO_FREE uint8_t *data = malloc(size ? size : 1);
	if (!data || io_read_full(fd, data, size) != (ssize_t)size) {
		perror(path);
		return -1;
	}
	/* Said before: it is the last line when the input kills us. */
	(void)fprintf(stderr, "%s\n", path);
	(void)alarm(PATIENCE_S);
	(void)LLVMFuzzerTestOneInput(data, size);
	(void)alarm(0);
	replayed++;
	return 0;
}

static int replay_dir(const char *path)
{
	struct dirent **entry;
	int n = scandir(path, &entry, NULL, alphasort);
	int r = 0;

	if (n < 0) {
		perror(path);
		return -1;
	}
	for (int i = 0; i < n; i++) {
		char file[4096];

		(void)snprintf(file, sizeof(file), "%s/%s", path,
			       entry[i]->d_name);
		if (entry[i]->d_name[0] != '.' && replay(file) < 0)
			r = -1;
		free(entry[i]);
	}
	free(entry);
	return r;
}

int main(int argc, char **argv)
{
	int r = 0;

	if (LLVMFuzzerInitialize)
		(void)LLVMFuzzerInitialize(&argc, &argv);
	for (int i = 1; i < argc; i++) {
		struct stat st;

		if (stat(argv[i], &st) == 0 && S_ISDIR(st.st_mode))
			r |= replay_dir(argv[i]);
		else
			r |= replay(argv[i]);
	}
	printf("%u inputs\n", replayed);
	return r < 0 || replayed == 0 ? 1 : 0;
}

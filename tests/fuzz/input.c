/* SPDX-License-Identifier: Apache-2.0 */
/* input.c - what all fuzz targets need. */
#include "tests/fuzz/input.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "vmm/lib/auto.h"
#include "vmm/lib/io.h"
#include "vmm/lib/log.h"

static char dir[64];

const uint8_t *input_bytes(struct input *in, size_t len, size_t *ret_len)
{
	const uint8_t *p = in->at;

	*ret_len = len < in->left ? len : in->left;
	in->at += *ret_len;
	in->left -= *ret_len;
	return p;
}

static uint64_t number(struct input *in, size_t len)
{
	uint8_t bytes[8] = { 0 };
	uint64_t value = 0;
	size_t have;
	const uint8_t *p = input_bytes(in, len, &have);

	if (have > 0)
		memcpy(bytes, p, have);
	for (size_t i = len; i-- > 0;)
		value = value << 8 | bytes[i];
	return value;
}

uint8_t input_u8(struct input *in)
{
	return (uint8_t)number(in, 1);
}

uint16_t input_u16(struct input *in)
{
	return (uint16_t)number(in, 2);
}

uint32_t input_u32(struct input *in)
{
	return (uint32_t)number(in, 4);
}

uint64_t input_u64(struct input *in)
{
	return number(in, 8);
}

char *input_text(struct input *in)
{
	const char *end = in->left ? memchr(in->at, '\0', in->left) : NULL;
	size_t len = end ? (size_t)(end - (const char *)in->at) : in->left;
	size_t have;
	const uint8_t *p = input_bytes(in, len, &have);
	char *text = malloc(len + 1);

	MUST(text);
	if (len > 0)
		memcpy(text, p, len);
	text[len] = '\0';
	(void)input_u8(in);
	return text;
}

int input_file(const void *data, size_t len)
{
	int fd = memfd_create("input", MFD_CLOEXEC);

	MUST(fd >= 0);
	MUST(io_write_full(fd, data, len) == 0);
	MUST(lseek(fd, 0, SEEK_SET) == 0);
	return fd;
}

static void remove_dir(void)
{
	(void)io_remove_tree(dir, NULL);
}

const char *input_dir(void)
{
	if (!dir[0]) {
		(void)strcpy(dir, "/dev/shm/belljar-fuzz-XXXXXX");
		MUST(mkdtemp(dir));
		(void)atexit(remove_dir);
	}
	return dir;
}

void input_put(const char *name, const void *data, size_t len)
{
	char path[512];

	(void)snprintf(path, sizeof(path), "%s/%s", input_dir(), name);
	AUTO_CLOSE int fd =
		open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	MUST(fd >= 0);
	MUST(io_write_full(fd, data, len) == 0);
}

void input_folder(const char *name)
{
	char path[512];

	(void)snprintf(path, sizeof(path), "%s/%s", input_dir(), name);
	MUST(io_mkdirs(path, 0700, NULL) == 0);
}

void input_drop(const char *name)
{
	char path[512];

	(void)snprintf(path, sizeof(path), "%s/%s", input_dir(), name);
	MUST(io_remove_tree(path, NULL) == 0);
}

void input_begin(void)
{
	static int begun;

	if (begun)
		return;
	begun = 1;
	log_init(NULL, LOG_ERROR);
	/* cmocka's, of tests/harness. */
	(void)setenv("CMOCKA_TEST_ABORT", "1", 1);
}

void input_broken(const char *fact, const char *file, int line)
{
	(void)fprintf(stderr, "%s:%d: not so: %s\n", file, line, fact);
	abort();
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * input.h - the bytes that a fuzzer made, taken from the front.  At the end
 * there are zeros, so that every input means something.
 */
#ifndef TESTS_FUZZ_INPUT_H
#define TESTS_FUZZ_INPUT_H

#include <stddef.h>
#include <stdint.h>

/* What libFuzzer and replay.c call. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
/* Once before the first input; optional. */
int LLVMFuzzerInitialize(int *argc, char ***argv);

struct input {
	const uint8_t *at;
	size_t left;
};

uint8_t input_u8(struct input *in);
uint16_t input_u16(struct input *in);
uint32_t input_u32(struct input *in);
uint64_t input_u64(struct input *in);

/* As many of @len bytes as are left: where they are, *@ret_len how many. */
const uint8_t *input_bytes(struct input *in, size_t len, size_t *ret_len);

/* A part that ends with a NUL or the input, copied; the caller frees it. */
char *input_text(struct input *in);

/* An open file in memory that holds @len bytes, at its beginning. */
int input_file(const void *data, size_t len);

/*
 * A directory of this process, in memory; it goes when the process ends.  In
 * it: write the file @name, make the directory @name, remove @name and what is
 * below it.
 */
const char *input_dir(void);
void input_put(const char *name, const void *data, size_t len);
void input_folder(const char *name);
void input_drop(const char *name);

/*
 * Say nothing but errors, and make failed assertions of the harness abort.
 * First in each LLVMFuzzerTestOneInput.
 */
void input_begin(void);

/* A promise of the code under test, kept or a finding. */
#define MUST(fact)                                                             \
	do {                                                                   \
		if (!(fact))                                                   \
			input_broken(#fact, __FILE__, __LINE__);               \
	} while (0)
void input_broken(const char *fact, const char *file, int line)
	__attribute__((noreturn));

#endif

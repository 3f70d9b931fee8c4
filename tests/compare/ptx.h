/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ptx.h - a GPU of one thread: runs a kernel in PTX on this processor, one
 * thread of the grid after the other.  It knows the instructions that
 * images/compare/gpu/product.c uses, and refuses all others, so that the text
 * of that kernel is tested where there is no GPU.
 */
#ifndef TESTS_COMPARE_PTX_H
#define TESTS_COMPARE_PTX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PTX_CODE_MAX   96
#define PTX_NAMES_MAX  32
#define PTX_NAME_LEN   16
#define PTX_PARAMS_MAX 16

enum ptx_kind { PTX_REGISTER, PTX_NUMBER, PTX_PARAM, PTX_SPECIAL, PTX_LABEL };

struct ptx_operand {
	enum ptx_kind kind;
	uint64_t value; /* or which one */
};

struct ptx_code {
	int op; /* index of a table in ptx.c */
	int guard; /* register of @%p, -1: none */
	struct ptx_operand operand[4];
	size_t nr;
};

struct ptx_names {
	char name[PTX_NAMES_MAX][PTX_NAME_LEN];
	size_t nr;
};

struct ptx {
	char entry[PTX_NAME_LEN];
	struct ptx_names params, registers, labels;
	unsigned param_bits[PTX_PARAMS_MAX];
	size_t label_at[PTX_NAMES_MAX];
	struct ptx_code code[PTX_CODE_MAX];
	size_t nr;
};

/* False: the text is not understood. */
bool ptx_parse(const char *text, struct ptx *ret);

/*
 * Run @blocks times @threads threads; @params point to values as
 * cuLaunchKernel() has them.  @may says whether 4 bytes at an address are
 * memory of the device.  False: an unknown instruction, or a bad address.
 */
bool ptx_run(const struct ptx *p, unsigned blocks, unsigned threads,
	     void *const *params, bool (*may)(uint64_t address));

#endif

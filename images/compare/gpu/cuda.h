/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cuda.h - the few functions of NVIDIA's driver API that are used here, found
 * in libcuda.so.1 while the program runs: nothing of CUDA is needed to build
 * it.  Types and numbers are those of the "CUDA Driver API" reference manual;
 * where a name has a version there, it is the one that every driver since CUDA
 * 4 has.
 *
 * Each failure is a sentence that begins with the name of the function.
 */
#ifndef IMAGES_COMPARE_GPU_CUDA_H
#define IMAGES_COMPARE_GPU_CUDA_H

#include <stddef.h>
#include <stdint.h>

#include "vmm/lib/err.h"

#define CUDA_LIBRARY "libcuda.so.1"

typedef int cuda_result; /* 0: success */
typedef unsigned long long cuda_ptr; /* memory of the device */

struct cuda_module;
struct cuda_function;
struct cuda_context;

struct cuda {
	cuda_result (*init)(unsigned flags);
	cuda_result (*error_name)(cuda_result code, const char **ret);
	cuda_result (*error_text)(cuda_result code, const char **ret);
	cuda_result (*device_count)(int *ret);
	cuda_result (*device_get)(int *ret, int ordinal);
	cuda_result (*device_by_bus)(int *ret, const char *bdf);
	cuda_result (*device_name)(char *ret, int len, int device);
	cuda_result (*context)(struct cuda_context **ret, unsigned flags,
			       int device);
	cuda_result (*synchronize)(void);
	cuda_result (*alloc)(cuda_ptr *ret, size_t bytes);
	cuda_result (*host_alloc)(void **ret, size_t bytes, unsigned flags);
	cuda_result (*copy_in)(cuda_ptr to, const void *from, size_t bytes);
	cuda_result (*copy_out)(void *to, cuda_ptr from, size_t bytes);
	cuda_result (*module)(struct cuda_module **ret, const void *image);
	cuda_result (*function)(struct cuda_function **ret,
				struct cuda_module *module, const char *name);
	cuda_result (*launch)(struct cuda_function *f, unsigned grid_x,
			      unsigned grid_y, unsigned grid_z,
			      unsigned block_x, unsigned block_y,
			      unsigned block_z, unsigned shared, void *stream,
			      void **params, void **extra);
};

/* Load the library.  -ENOENT: there is none, or it lacks a function. */
int cuda_load(struct cuda *ret, struct err *err);

/*
 * A context, for this thread, on the device at the PCI address @bdf; NULL: on
 * the first.  All that is made in it lives until the process ends.
 */
int cuda_open(const struct cuda *cuda, const char *bdf, struct err *err);

/* 0, or -EIO with what @code means when @name returned it. */
int cuda_check(const struct cuda *cuda, cuda_result code, const char *name,
	       struct err *err);

#endif

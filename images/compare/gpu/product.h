/* SPDX-License-Identifier: Apache-2.0 */
/*
 * product.h - C = A B on the device: a kernel in PTX (NVIDIA's "Parallel
 * Thread Execution ISA"), which the driver compiles for whatever GPU there is,
 * so that building needs no compiler of NVIDIA's.
 */
#ifndef IMAGES_COMPARE_GPU_PRODUCT_H
#define IMAGES_COMPARE_GPU_PRODUCT_H

#define PRODUCT_NAME "product"

/*
 * Parameters: addresses a, b, c (64 bits); m, n, k; strides of rows and of
 * columns, of a and then of b, in elements (32 bits each).  C is m x n, its
 * rows follow each other.  One thread computes one element.
 */
extern const char product_ptx[];

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* gpu.h - what belljar has to know of the program /gpu in the image. */
#ifndef IMAGES_COMPARE_GPU_GPU_H
#define IMAGES_COMPARE_GPU_GPU_H

/* Its exit status when libcuda.so.1 is missing, or has missing parts. */
#define GPU_NO_LIBRARY 3

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rows.h - the rows of the comparison: one table, which says what each is
 * called, its unit, which way is better and how its samples become a figure.
 */
#ifndef VMM_COMPARE_ROWS_H
#define VMM_COMPARE_ROWS_H

#include <stdbool.h>

/* In the order in which they are printed. */
enum row {
	ROW_JOB_TIME, /* IMAGE COMMAND: start to end */
	ROW_JOB_FIRST, /* start to its first output */
	ROW_JOB_CPU, /* host CPU of all its processes */
	ROW_JOB_MEMORY, /* peak PSS of all its processes */
	ROW_START_FIRST,
	ROW_START_FIRST_P90,
	ROW_START_FIRST_P99,
	ROW_START_EXIT,
	ROW_START_EXIT_P90,
	ROW_START_EXIT_P99,
	ROW_START_MANY, /* N at a time: to the first instruction */
	ROW_START_MANY_P90,
	ROW_START_MANY_P99,
	ROW_START_RATE, /* instances a second, N at a time */
	ROW_MEMORY_FIRST, /* PSS of the first instance */
	ROW_MEMORY_MORE, /* what each further one adds */
	ROW_MEMORY_BACK, /* of a peak, returned to the host within 2 s */
	ROW_CPU_INTEGER,
	ROW_CPU_FLOAT,
	ROW_CPU_MATRIX,
	ROW_RAM_COPY,
	ROW_RAM_RANDOM,
	ROW_SYS_GETPID,
	ROW_SYS_PIPE,
	ROW_SYS_FORK_EXEC,
	ROW_SYS_FAULT,
	ROW_SYS_MMAP,
	ROW_BLOCK_RANDOM_READ,
	ROW_BLOCK_RANDOM_READ_CPU, /* host CPU for each I/O */
	ROW_BLOCK_READ,
	ROW_BLOCK_WRITE,
	ROW_BLOCK_FSYNC,
	ROW_NET_IN, /* towards the job */
	ROW_NET_OUT,
	ROW_NET_ROUND_TRIP,
	ROW_ISOLATION_CALLS, /* distinct system calls to the host's kernel */
	ROW_TRAIN_STEP,
	ROW_TRAIN_LOADER,
	ROW_TRAIN_CHECKPOINT,
	ROW_GPU_COPY_IN,
	ROW_GPU_COPY_OUT,
	ROW_GPU_STEP,
	NR_ROWS
};

struct row_info {
	const char *name; /* "sys.getpid": in files, for suite programs */
	const char *group; /* "System calls": a heading */
	const char *title; /* "getpid()": within its group */
	const char *unit; /* "ns" */
	bool higher; /* is better; else lower */
	unsigned char percentile; /* of the samples: 50, 90, 99 */
	enum row of; /* whose samples: its own, or those of the P50 row */
	double noise_floor; /* ratios closer to 1 are never called a difference
			     */
};

const struct row_info *row_info(enum row row);

/* The row called @name, NR_ROWS: none. */
enum row row_find(const char *name);

#endif

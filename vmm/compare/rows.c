/* SPDX-License-Identifier: Apache-2.0 */
/* rows.c - the table of rows.h. */
#include "vmm/compare/rows.h"

#include <string.h>

#define LOWER  false
#define HIGHER true
#define FLOOR  0.01

#define ROW(id, name, group, title, unit, better)                              \
	[id] = { name, group, title, unit, better, 50, id, FLOOR }
#define TAIL(id, from, name, group, title, unit, p)                            \
	[id] = { name, group, title, unit, LOWER, p, from, FLOOR }

static const struct row_info rows[NR_ROWS] = {
	ROW(ROW_JOB_TIME, "job.time", "Your command", "start to end", "ms",
	    LOWER),
	ROW(ROW_JOB_FIRST, "job.first", "Your command", "start to first output",
	    "ms", LOWER),
	ROW(ROW_JOB_CPU, "job.cpu", "Your command", "host CPU, all processes",
	    "ms", LOWER),
	ROW(ROW_JOB_MEMORY, "job.memory", "Your command", "peak memory (PSS)",
	    "MiB", LOWER),

	ROW(ROW_START_FIRST, "start.first", "Start",
	    "create to first instruction", "ms", LOWER),
	TAIL(ROW_START_FIRST_P90, ROW_START_FIRST, "start.first.p90", "Start",
	     "the same, p90", "ms", 90),
	TAIL(ROW_START_FIRST_P99, ROW_START_FIRST, "start.first.p99", "Start",
	     "the same, p99", "ms", 99),
	ROW(ROW_START_EXIT, "start.exit", "Start", "create to exit", "ms",
	    LOWER),
	TAIL(ROW_START_EXIT_P90, ROW_START_EXIT, "start.exit.p90", "Start",
	     "the same, p90", "ms", 90),
	TAIL(ROW_START_EXIT_P99, ROW_START_EXIT, "start.exit.p99", "Start",
	     "the same, p99", "ms", 99),
	ROW(ROW_START_MANY, "start.many", "Start",
	    "first instruction, N at once", "ms", LOWER),
	TAIL(ROW_START_MANY_P90, ROW_START_MANY, "start.many.p90", "Start",
	     "the same, p90", "ms", 90),
	TAIL(ROW_START_MANY_P99, ROW_START_MANY, "start.many.p99", "Start",
	     "the same, p99", "ms", 99),
	ROW(ROW_START_RATE, "start.rate", "Start", "instances a second", "1/s",
	    HIGHER),

	ROW(ROW_MEMORY_FIRST, "memory.first", "Memory",
	    "one idle instance (PSS)", "MiB", LOWER),
	ROW(ROW_MEMORY_MORE, "memory.more", "Memory", "each further one (PSS)",
	    "MiB", LOWER),
	ROW(ROW_MEMORY_BACK, "memory.back", "Memory",
	    "of a peak, back within 2 s", "%", HIGHER),

	ROW(ROW_CPU_INTEGER, "cpu.integer", "CPU", "integer", "Mop/s", HIGHER),
	ROW(ROW_CPU_FLOAT, "cpu.float", "CPU", "floating point", "Mop/s",
	    HIGHER),
	ROW(ROW_CPU_MATRIX, "cpu.matrix", "CPU", "matrix product", "MFLOP/s",
	    HIGHER),

	ROW(ROW_RAM_COPY, "ram.copy", "Memory access", "copy", "MB/s", HIGHER),
	ROW(ROW_RAM_RANDOM, "ram.random", "Memory access", "random access",
	    "ns", LOWER),

	ROW(ROW_SYS_GETPID, "sys.getpid", "System calls", "getpid", "ns",
	    LOWER),
	ROW(ROW_SYS_PIPE, "sys.pipe", "System calls", "pipe ping-pong", "us",
	    LOWER),
	ROW(ROW_SYS_FORK_EXEC, "sys.forkexec", "System calls", "fork and exec",
	    "us", LOWER),
	ROW(ROW_SYS_FAULT, "sys.fault", "System calls", "page fault", "ns",
	    LOWER),
	ROW(ROW_SYS_MMAP, "sys.mmap", "System calls", "mmap and munmap", "ns",
	    LOWER),

	ROW(ROW_BLOCK_RANDOM_READ, "block.random", "Block",
	    "random read, 4 KiB", "IOPS", HIGHER),
	ROW(ROW_BLOCK_RANDOM_READ_CPU, "block.random.cpu", "Block",
	    "host CPU for each", "us", LOWER),
	ROW(ROW_BLOCK_READ, "block.read", "Block", "sequential read", "MB/s",
	    HIGHER),
	ROW(ROW_BLOCK_WRITE, "block.write", "Block", "sequential write", "MB/s",
	    HIGHER),
	ROW(ROW_BLOCK_FSYNC, "block.fsync", "Block", "write 4 KiB and fsync",
	    "us", LOWER),

	ROW(ROW_NET_IN, "net.in", "Network", "TCP into the job", "MB/s",
	    HIGHER),
	ROW(ROW_NET_OUT, "net.out", "Network", "TCP out of the job", "MB/s",
	    HIGHER),
	ROW(ROW_NET_ROUND_TRIP, "net.rtt", "Network", "TCP round trip", "us",
	    LOWER),

	ROW(ROW_ISOLATION_CALLS, "isolation.calls", "Isolation",
	    "distinct host system calls", "", LOWER),

	ROW(ROW_TRAIN_STEP, "train.step", "Training", "one step", "ms", LOWER),
	ROW(ROW_TRAIN_LOADER, "train.loader", "Training", "data loader",
	    "samples/s", HIGHER),
	ROW(ROW_TRAIN_CHECKPOINT, "train.checkpoint", "Training",
	    "checkpoint write", "MB/s", HIGHER),

	ROW(ROW_GPU_COPY_IN, "gpu.in", "GPU", "host to device", "MB/s", HIGHER),
	ROW(ROW_GPU_COPY_OUT, "gpu.out", "GPU", "device to host", "MB/s",
	    HIGHER),
	ROW(ROW_GPU_STEP, "gpu.step", "GPU", "one step", "ms", LOWER),
};

const struct row_info *row_info(enum row row)
{
	return &rows[row];
}

enum row row_find(const char *name)
{
	enum row row = 0;

	while (row < NR_ROWS && strcmp(rows[row].name, name) != 0)
		row++;
	return row;
}

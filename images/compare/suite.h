/* SPDX-License-Identifier: Apache-2.0 */
/*
 * suite.h - the program of the built-in image of `belljar compare`.  It runs
 * unchanged in every peer, so it is static, needs no file but itself, and
 * knows nothing of who starts it.
 *
 *   first                    print "first" and exit, before all else
 *   idle                     print "ready"; exit after a line or the end of
 *                            standard input
 *   peak MIB                 print "ready", "peak" (so much is in use) and
 *                            "freed" (and given back), each but the first
 *                            after a line of standard input
 *   run [--time MS] [--dir DIR] ROW...|all
 *                            for each row: "begin ROW", where there was much
 *                            to prepare "ready ROW", then "value ROW NUMBER
 *                            OPERATIONS" in the unit of vmm/compare/rows.c or
 *                            "failed ROW SENTENCE"; at last "end".  Files are
 *                            made in DIR (/tmp), which is made if absent
 *   serve PORT               print "ready"; net.c says what it answers
 *   calls                    print "begin", do what most jobs do, print "end"
 *
 * The status is 0 also when a row failed, 1 when a verb did, 2 for bad usage.
 *
 * A measurement takes about as long as --time says (1000 ms for each row), and
 * not a fixed count: where every instruction is emulated, things are a
 * thousand times slower.  What it works on - a file, an area of memory - has a
 * fixed size wherever possible: preparing that comes on top.
 */
#ifndef IMAGES_COMPARE_SUITE_H
#define IMAGES_COMPARE_SUITE_H

#include <stdint.h>

#include "vmm/lib/err.h"

#define KIB 1024UL
#define MIB (1024UL * 1024)

/* The verb of main.c that ends at once: what sys.forkexec executes. */
#define SUITE_NOTHING "nothing"

/* How one row is to be measured. */
struct plan {
	int64_t budget; /* ns */
	const char *dir; /* where files may be made */
	const char *self; /* this program, for execve() */
	const char *row; /* its name, for suite_ready() */
};

/* What came out: in the row's unit, and how many operations that took. */
struct figure {
	double number;
	uint64_t ops;
};

/* Each returns 0 with @ret filled, or -errno with a sentence in @err. */
typedef int measure_fn(const struct plan *plan, struct figure *ret,
		       struct err *err);

measure_fn cpu_integer, cpu_float, cpu_matrix; /* cpu.c */
measure_fn ram_copy, ram_random; /* ram.c */
measure_fn calls_getpid, calls_fault, calls_mmap; /* calls.c */
measure_fn process_pipe, process_fork_exec; /* process.c */
measure_fn block_random, block_read, block_write, block_fsync; /* block.c */
measure_fn train_step; /* train.c */
measure_fn loader_run; /* loader.c */
measure_fn checkpoint_run; /* checkpoint.c */

/*
 * The verbs that are no measurements; each returns the exit status and has
 * said on stderr what went wrong.
 */
int peak_idle(void); /* peak.c */
int peak_run(uint64_t bytes);
int net_serve(uint16_t port); /* net.c */
int mix_run(const char *dir, const char *self); /* mix.c */

/* What comes from here on is what is measured: others look at their clocks. */
int suite_ready(const struct plan *plan, struct err *err);

/* Print one line at once, cut at 1 KiB.  0 or -errno.  main.c */
int suite_line(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* The sentence of @err goes to stderr; the exit status 1.  main.c */
int suite_fail(const struct err *err);

#endif

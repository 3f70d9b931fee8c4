/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vmstat.h - what VMs take and do at this moment: processor time and memory out
 * of a VM's control group (or of its processes), the figures of its devices and
 * vCPUs from its monitor.
 *
 * A monitor may hang, and may be its guest's: all are asked at once and have
 * one time together to answer, and of what they say only numbers and short
 * words are kept, under names of a-z, 0-9 and _, and nothing in them that a
 * terminal obeys.
 */
#ifndef VMM_MANAGER_VMSTAT_H
#define VMM_MANAGER_VMSTAT_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "vmm/lib/err.h"
#include "vmm/manager/vmdir.h"

#define VMSTAT_ANSWER_MS   2000
#define VMSTAT_NAME_MAX	   32 /* bytes of a figure's name, with its NUL */
#define VMSTAT_WORD_MAX	   64
#define VMSTAT_FIGURES_MAX 8192 /* of one VM; more are left out */

/* One figure of one part of a VM. */
struct vmstat_figure {
	char part[VMSTAT_NAME_MAX]; /* "blk0", "vcpu1" */
	char name[VMSTAT_NAME_MAX];
	bool is_word;
	uint64_t value;
	char word[VMSTAT_WORD_MAX];
};

/* -1: not known. */
struct vmstat {
	char id[VMDIR_ID_LEN + 1];
	char name[65];
	bool running;
	bool answered; /* its monitor did, in time */
	uint64_t ns; /* CLOCK_MONOTONIC when cpu_usec was read */
	int64_t cpu_usec; /* since the VM began */
	int64_t memory, memory_max; /* bytes */
	int64_t pids; /* processes and threads on the host */
	int64_t net_rx, net_tx; /* bytes to and from the guest */
	int64_t blk_read, blk_written; /* bytes */
	struct vmstat_figure *figure; /* by part, in the monitor's order */
	size_t nr_figures;
};

struct vmstat_list {
	struct vmstat *v;
	size_t n;
};

/*
 * All VMs that run, @all: those that have ended, too; or, with @nr_names, just
 * those @names, whatever they do: one that is not there (any more) is one that
 * does not run.  @ask: the monitors, too, which may take VMSTAT_ANSWER_MS.  On
 * success vmstat_done() is due.
 */
int vmstat_take(const struct manager *mgr, char *const *names, size_t nr_names,
		bool all, bool ask, struct vmstat_list *ret, struct err *err);
void vmstat_done(struct vmstat_list *list);

/*
 * Keep what the monitor's @answer to "stats" says, in @s: its figures, and the
 * sums over devices.  @tap: its tap's directory of counters in /sys, for who
 * serves it without the monitor; NULL: it has none.  -ENOMEM.
 */
int vmstat_keep(struct vmstat *s, struct json_object *answer, const char *tap);

/*
 * Percent of one processor between @before and @now, which is of the same VM;
 * below 0: not known.  @before may be NULL.
 */
double vmstat_cpu(const struct vmstat *before, const struct vmstat *now);
/* The VM of @list that is @s, or NULL. */
const struct vmstat *vmstat_same(const struct vmstat_list *list,
				 const struct vmstat *s);

/* vmstat_print.c: to @to.  @before (may be empty): for processor time. */
int vmstat_print_table(const struct vmstat_list *before,
		       const struct vmstat_list *now, FILE *to);
/* NAME, PART, FIGURE, VALUE: all there is. */
int vmstat_print_parts(const struct vmstat_list *now, FILE *to);
/* An object a line, docker's names, and all figures below "Stats". */
int vmstat_print_json(const struct vmstat_list *before,
		      const struct vmstat_list *now, FILE *to);

/*
 * vmstat_prom.c: Prometheus' text format, version 0.0.4.  -ENOMEM.
 */
int vmstat_print_prometheus(const struct vmstat_list *now, FILE *to);

#endif

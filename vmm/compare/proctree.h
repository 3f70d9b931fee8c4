/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proctree.h - what a process and all that descends from it take of the host:
 * processor time and memory, whoever they run as.
 *
 * The root itself is never counted: it is the subreaper that job.c puts above
 * each job, and so the one process from which no descendant gets away.
 */
#ifndef VMM_COMPARE_PROCTREE_H
#define VMM_COMPARE_PROCTREE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/*
 * The descendants of @root that live now; *@ret is the caller's to free.
 * Their number, or -errno.
 */
ssize_t proctree_list(pid_t root, pid_t **ret);

/*
 * ns of processor time that they took until now, those which have ended (and
 * were waited for by one of them, or by @root) included.
 */
int proctree_cpu(pid_t root, uint64_t *ret);

/*
 * Bytes of memory that they hold, shared pages in equal parts among all
 * processes of the host that map them (PSS).  -EACCES: one of them is not
 * ours to read, and the sum would be a lie.
 */
int proctree_pss(pid_t root, uint64_t *ret);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * limits.h - what a VM may take of its host, out of what it is: the numbers
 * behind docs/limits.md.
 *
 * Memory is the guest's and an allowance for all else that is charged to the
 * VM's cgroup:
 *
 *   64 MiB             monitor and belljar-net, their sockets and buffers
 *   1 MiB a vCPU       its thread, KVM's state of it
 *   64 MiB a share     virtiofsd, and what it remembers of files
 *   1/64 of memory     page tables: of the monitor and of the guest 1/512
 *                      each, KVM's reverse map 1/512, with devices an
 *                      IOMMU's 1/512; twice that.  Images in memory (dax)
 *                      count as memory here
 *
 * Files that it reads are charged too, but the kernel takes those pages back
 * before the limit hurts.  Measured: docs/limits.md.
 */
#ifndef VMM_MANAGER_LIMITS_H
#define VMM_MANAGER_LIMITS_H

#include <json-c/json.h>

#include "vmm/manager/cgroup.h"
#include "vmm/manager/spec.h"

/*
 * Threads: main, devices, those of each disk, one each vCPU; the teams that
 * populate memory (16 a node) are gone before vCPUs run, so the larger of the
 * two counts; and those of KVM and of belljar-net.
 */
#define LIMITS_DISKS_MAX    3 /* image, modules, layer */
#define LIMITS_DISK_THREADS 6 /* one, and io_uring's workers */
#define LIMITS_PIDS_MARGIN  32
#define LIMITS_MEMORY_FIXED (64ULL << 20)
#define LIMITS_MEMORY_VCPU  (1ULL << 20)
#define LIMITS_MEMORY_SHARE 64
/* virtiofsd: two processes; a thread each queue, and a few more. */
#define LIMITS_MEMORY_SERVER (64ULL << 20)
#define LIMITS_PIDS_SERVER   8

/* Bytes beside the guest's memory, when @memory is mapped in all. */
uint64_t limits_allowance(uint64_t memory, unsigned cpus);

void limits_of(const struct spec *spec, struct cgroup_limits *ret);

/*
 * The share of @rate that each of @nr devices gets, so that together they do
 * not exceed it; at least 1.
 */
uint64_t limits_share(uint64_t rate, unsigned nr);

/* All of it, for spec.json; the caller owns it. */
struct json_object *limits_to_json(const struct spec *spec);

#endif

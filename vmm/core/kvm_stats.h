/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kvm_stats.h - what KVM counts of a vCPU: exits that it handled itself, too.
 *
 * Documentation/virt/kvm/api.rst, KVM_GET_STATS_FD (Linux 5.14): a file with a
 * header, a description of each figure, and the figures.  Where they lie is
 * found out once; to read them later takes one preadv2().
 */
#ifndef VMM_CORE_KVM_STATS_H
#define VMM_CORE_KVM_STATS_H

#include <stdint.h>

#define KVM_STATS_FIGURES 9 /* that are of use here */

struct kvm_stats {
	int fd; /* -1: this KVM has none */
	uint32_t at, len; /* in the file: bytes that hold all of ours */
	/* Each one's place among them; UINT32_MAX: this KVM has it not. */
	uint32_t place[KVM_STATS_FIGURES];
};

/* Have none: safe for the other functions. */
void kvm_stats_init(struct kvm_stats *s);

/* Find out about @fd, which passes to @s, also when it is of no use. */
void kvm_stats_use(struct kvm_stats *s, int fd);

/* The same for what the vCPU @vcpu_fd has; before the jail. */
void kvm_stats_open(struct kvm_stats *s, int vcpu_fd);

/*
 * Call @figure for each that there is, "kvm_NAME".  Any thread that may
 * preadv2(); says nothing when the file cannot be read.
 */
void kvm_stats_tell(const struct kvm_stats *s,
		    void (*figure)(void *arg, const char *name, uint64_t value),
		    void *arg);

void kvm_stats_close(struct kvm_stats *s);

#endif

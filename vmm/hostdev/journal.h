/* SPDX-License-Identifier: Apache-2.0 */
/*
 * journal.h - DATA/devices: who uses a function, and how it was before.  Read
 * hostdev_bind.h first.
 *
 * The locks are open-file-description locks: like flock() they belong to all
 * who share the descriptor, and they can be asked about without being taken.
 */
#ifndef VMM_HOSTDEV_JOURNAL_H
#define VMM_HOSTDEV_JOURNAL_H

#include "vmm/hostdev/hostdev.h"

/* How a function was before we moved it. */
struct journal {
	char driver[32]; /* "": none */
	char override[32]; /* "": none */
	char vm[64]; /* for whom; "": gpu bind */
	bool keep; /* repair leaves it */
	char boot[40]; /* the kernel's boot_id: a reboot undoes all */
	uint16_t vendor, device; /* another card in the slot has another */
};

/*
 * DATA/devices/.lock, waiting for it for @ms; close to release.  Whoever has
 * it may be stuck in the kernel, with a driver that does not let go: -EBUSY
 * then.  Everything below but hostdev_owner() is called with it held.
 */
int journal_begin(const char *data, unsigned ms, struct err *err);

/*
 * The lock of @bdf for @vm.  -EBUSY without a sentence when a VM has it.
 */
int journal_lock(const char *data, const char *bdf, const char *vm,
		 struct err *err);

/* Fill in which boot of the host this is; was it this one? */
void journal_stamp(const struct hostdev_sys *sys, struct journal *j);
bool journal_is_current(const struct hostdev_sys *sys, const struct journal *j);

/* -ENOENT without a sentence when there is no entry. */
int journal_read(const char *data, const char *bdf, struct journal *ret,
		 struct err *err);
/* On disk when this returns. */
int journal_write(const char *data, const char *bdf, const struct journal *j,
		  struct err *err);
void journal_remove(const char *data, const char *bdf);

/* Call @each for each entry, however it ends; the first failure is returned. */
int journal_each(const char *data,
		 int (*each)(const char *bdf, void *arg, struct err *err),
		 void *arg, struct err *err);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hostdev_bind.h - take functions from the host's drivers for a VM, and give
 * them back, also when everything of ours was killed in between.
 *
 *   DATA/devices/.lock      held while functions are taken or given back
 *   DATA/devices/BDF.lock   locked by whoever uses the function, until all who
 *                           share the descriptor are dead; its text is the id
 *                           of the VM
 *   DATA/devices/BDF.json   how the function was before; written before
 *                           anything is changed, removed when it is so again
 *
 * A journal entry whose lock is free belongs to a VM that has died, and
 * hostdev_repair() gives the function back.  The entry of `gpu bind` says
 * "keep": it stays until `gpu unbind`.  A function that was with vfio-pci
 * before has no entry: it is used, and left so.
 */
#ifndef VMM_HOSTDEV_HOSTDEV_BIND_H
#define VMM_HOSTDEV_HOSTDEV_BIND_H

#include "vmm/hostdev/hostdev_use.h"

/* What a VM holds.  The locks are shared with every child that has them. */
struct hostdev_hold {
	char bdf[HOSTDEV_TAKE_MAX][BDF_MAX];
	int lock[HOSTDEV_TAKE_MAX];
	size_t nr;
};

/*
 * Lock, check (hostdev_check(), with what sysfs says then) and bind the
 * functions of @set to vfio-pci for VM @vm; @data is the manager's data
 * directory.  On failure all are as they were and @ret is untouched.  -EBUSY
 * with a sentence naming the VM that has one.
 */
int hostdev_take(const struct hostdev_sys *sys, const char *data,
		 const char *vm, const struct hostdev_set *set,
		 struct hostdev_hold *ret, struct err *err);

/*
 * Give back what hostdev_take() took, and unlock.  The VM's descriptors must
 * be closed: the kernel waits for them.  All are tried; the first failure is
 * returned.  @hold is empty afterwards.
 */
int hostdev_give_back(const struct hostdev_sys *sys, const char *data,
		      struct hostdev_hold *hold, struct err *err);

/*
 * Close our copies of the locks and change nothing: for the parent of the
 * process that goes on with them.
 */
void hostdev_hold_close(struct hostdev_hold *hold);

/*
 * Give back what dead VMs left.  All are tried; the first failure is
 * returned, and is worth a warning, not the end.  An entry stays while a
 * process keeps the function busy or we lack the rights; what the former
 * driver does not take back is said once.  While another command moves
 * functions for long, nothing is done: the next call will.
 */
int hostdev_repair(const struct hostdev_sys *sys, const char *data,
		   struct err *err);

/* Who has @bdf: the VM's id, or "" when its lock is free. */
void hostdev_owner(const char *data, const char *bdf, char *ret, size_t size);

/*
 * `gpu bind` and `gpu unbind`: to vfio-pci until told otherwise, and back.
 * Either does nothing when it is so already; unbind gives back the functions
 * too that bind took along.
 */
int hostdev_bind(const struct hostdev_sys *sys, const char *data,
		 const struct hostdev_set *set, struct err *err);
int hostdev_unbind(const struct hostdev_sys *sys, const char *data,
		   const struct hostdev *dev, struct err *err);

#endif

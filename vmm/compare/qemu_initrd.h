/* SPDX-License-Identifier: Apache-2.0 */
/* qemu_initrd.h - the initramfs of one job in QEMU. */
#ifndef VMM_COMPARE_QEMU_INITRD_H
#define VMM_COMPARE_QEMU_INITRD_H

#include "vmm/compare/peer.h"
#include "vmm/lib/err.h"

/* Make @path: LIBDIR/compare/qemu.cpio, then @job as an archive of one file. */
int qemu_initrd(const struct peer_world *w, const struct peer_job *job,
		const char *path, struct err *err);

/*
 * The content of "/job" (images/compare/qemu_job.h), which the caller frees,
 * and its length; NULL when memory has run out.
 */
char *qemu_initrd_job(const char *cwd, const struct user *user,
		      const struct strv *args, const struct strv *env,
		      size_t *ret_len);

#endif

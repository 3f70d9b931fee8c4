/* SPDX-License-Identifier: Apache-2.0 */
/*
 * qemu_job.h - what the host tells the guest of the peer QEMU to run, and how
 * the guest tells the host how that ended.  Both ends include this file.
 *
 * The job comes as a file "/job" in the initramfs: the kernel unpacks any
 * number of archives that follow each other, so the host appends to
 * qemu.cpio a second one (format newc) with that one file.  It
 * consists of strings, each of which ends with a NUL byte:
 *
 *   working directory   begins with '/'; it is there in the image
 *   user id, group id   decimal
 *   number n of words   decimal, 1 to QEMU_JOB_WORDS_MAX
 *   n words             the command; one without '/' is looked up in PATH
 *   NAME=VALUE...       the environment, all of it; to the end of the file
 *
 * The archive begins at a multiple of 4 bytes, which is all that the kernel
 * asks of one that follows another: qemu.cpio's size is a multiple of 512.
 *
 * The machine is to have
 *   one or two virtio disks   with the image (squashfs) and the layer (ext4),
 *                             in any order; no layer: memory takes its place
 *   a serial port             standard input, output and error of the command,
 *                             bytes as they are.  It has no end of file, and
 *                             what comes before the command says something
 *                             may be lost
 *   a virtio network          eth0 is 10.0.2.15/24 via 10.0.2.2, as QEMU's
 *                             user network wants it; or none
 *   -device isa-debug-exit,iobase=0x600,iosize=4
 * and on the kernel's command line console=null: without it the kernel takes
 * the serial port for its messages.
 */
#ifndef IMAGES_COMPARE_QEMU_JOB_H
#define IMAGES_COMPARE_QEMU_JOB_H

#include <stddef.h>

#include "vmm/lib/err.h"

#define QEMU_JOB_FILE	   "job"
#define QEMU_JOB_WORDS_MAX 1024
#define QEMU_JOB_SIZE_MAX  (1024UL * 1024) /* bytes of the file */

#define QEMU_JOB_PORT 0x600

/*
 * QEMU ends with 2 * value + 1 in eight bits.  Its own failures end with 1,
 * so the value is the command's status plus 1, and more than this are one.
 */
#define QEMU_JOB_STATUS_MAX 126

/* What init says when it could not run the command: a sentence came before. */
#define QEMU_JOB_FAILED 125

static inline unsigned qemu_job_value(int status)
{
	return 1U + (unsigned)(status < 0 || status > QEMU_JOB_STATUS_MAX
				       ? QEMU_JOB_STATUS_MAX
				       : status);
}

/*
 * The command's status by QEMU's exit status; QEMU_JOB_STATUS_MAX: that or
 * more, or killed by a signal.  -1: the guest did not get so far.
 */
static inline int qemu_job_status(int qemu)
{
	return qemu % 2 == 1 && qemu > 1 ? qemu / 2 - 1 : -1;
}

/* The texts point into the file's content; the arrays end with NULL. */
struct qemu_job {
	const char *cwd;
	unsigned uid, gid;
	char **words;
	char **env;
};

/*
 * Take apart @data, which stays the caller's and has to stay.  0 or -errno
 * with a sentence; qemu_job_done() after both.
 */
int qemu_job_parse(char *data, size_t len, struct qemu_job *ret,
		   struct err *err);
void qemu_job_done(struct qemu_job *job);

#endif

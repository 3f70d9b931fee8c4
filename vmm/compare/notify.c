/* SPDX-License-Identifier: Apache-2.0 */
/* notify.c - count system calls by seccomp's user notification. */
#include "vmm/compare/notify.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "vmm/lib/io.h"

/*
 * The one call that must not wait: sendmsg() on this descriptor hands over the
 * listener.  The number is one that no program has by chance.
 */
#define HANDOVER_FD 1021

/* Since Linux 5.19: only a fatal signal interrupts a call that was told. */
#ifndef SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV
#define SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV (1UL << 5)
#endif

static int load(unsigned long flags)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
			 offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_sendmsg, 0, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
			 offsetof(struct seccomp_data, args)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, HANDOVER_FD, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF),
	};
	const struct sock_fprog prog = {
		.len = sizeof(code) / sizeof(code[0]),
		.filter = code,
	};

	return (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &prog);
}

int notify_enter(int sock, struct err *err)
{
	if (dup3(sock, HANDOVER_FD, O_CLOEXEC) < 0)
		return err_set(err, errno, "hand over the seccomp listener");
	/* Root needs no no_new_privs, which would change what runs. */
	if (geteuid() != 0 && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return err_set(err, errno, "set no_new_privs");
	int fd = load(SECCOMP_FILTER_FLAG_NEW_LISTENER |
		      SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV);
	if (fd < 0 && errno == EINVAL)
		fd = load(SECCOMP_FILTER_FLAG_NEW_LISTENER);
	if (fd < 0)
		return err_set(err, errno, "watch system calls by seccomp");
	int r = io_send_fd(HANDOVER_FD, "n", 1, fd);
	return r < 0 ? err_set(err, -r, "hand over the seccomp listener") : 0;
}

int notify_answer(int listener, struct notify *notify)
{
	struct seccomp_notif call;
	struct seccomp_notif_resp answer = { 0 };

	memset(&call, 0, sizeof(call)); /* the kernel insists */
	if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &call) < 0)
		return -ENOENT;
	if (notify->recording && call.data.nr >= 0 &&
	    call.data.nr < NOTIFY_CALLS_MAX)
		notify->seen[call.data.nr] = true;
	answer.id = call.id;
	answer.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
	/* A caller that was killed meanwhile wants no answer. */
	(void)ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &answer);
	return 0;
}

unsigned notify_count(const struct notify *notify)
{
	unsigned n = 0;

	for (unsigned i = 0; i < NOTIFY_CALLS_MAX; i++)
		n += notify->seen[i];
	return n;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * main.c - PID 1 of a belljar guest.  Runs from the initramfs and stays
 * there; the container gets namespaces and a root of its own.  Read in this
 * order: main, session, rootfs, mounts, child, relay.
 */
#include <errno.h>
#include <sys/socket.h>

#include <linux/vm_sockets.h>

#include "images/init/drivers.h"
#include "images/init/modules.h"
#include "images/init/mounts.h"
#include "images/init/now.h"
#include "images/init/power.h"
#include "images/init/rootfs.h"
#include "images/init/say.h"
#include "images/init/session.h"
#include "images/init/sysctl.h"
#include "vmm/lib/auto.h"

static int dial_keeper(struct err *err)
{
	AUTO_CLOSE int fd = socket(AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return err_set(err, errno, "open a vsock socket");

	struct sockaddr_vm addr = {
		.svm_family = AF_VSOCK,
		.svm_cid = VMADDR_CID_HOST,
		.svm_port = AGENT_PORT,
	};
	/* Linux gives up after 2 s, in which a busy host may not run. */
	struct timeval patience = { .tv_sec = 60 };
	(void)setsockopt(fd, AF_VSOCK, SO_VM_SOCKETS_CONNECT_TIMEOUT, &patience,
			 sizeof(patience));
	if (connect(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0)
		return err_set(err, errno, "reach the keeper by vsock");
	return TAKE_FD(fd);
}

static int converse(struct session *s, int fd, uint64_t started,
		    struct err *err)
{
	static const struct session_place place = {
		.root = ROOTFS_ROOT,
		.etc = "/etc",
		.shares = "/shares",
		.dev_type = "devtmpfs",
	};

	int r = session_open(s, fd, err);
	s->times.init = started;
	if (r == 0)
		r = rootfs_mount(s->settings.readonly, err);
	if (r == 0)
		r = drivers_load(s, err);
	return r < 0 ? r : session_run(s, &place, err);
}

static int serve(uint64_t started, struct err *err)
{
	int r = mounts_early(err);
	if (r == 0)
		r = modules_load(MODULES_DIR, err);
	if (r < 0)
		return r;
	sysctl_reserve_little();

	AUTO_CLOSE int fd = dial_keeper(err);
	if (fd < 0)
		return fd;

	struct session s;
	r = converse(&s, fd, started, err);
	if (r < 0)
		session_fail(&s, err);
	rootfs_unmount();
	session_linger(&s);
	session_done(&s);
	return r;
}

int main(int argc, char **argv)
{
	/* drivers.c has told the kernel that /init is its modprobe. */
	if (getpid() != 1)
		return drivers_modprobe(argc, argv);

	uint64_t started = now_ns();
	struct err err = { 0 };

	if (serve(started, &err) < 0)
		say("%s", err.msg);
	power_off();
}

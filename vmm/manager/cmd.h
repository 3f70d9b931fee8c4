/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cmd.h - the verbs of `belljar`.  Each is a function of its own file
 * (cmd_VERB.c), listed once, in the table of main.c.
 */
#ifndef VMM_MANAGER_CMD_H
#define VMM_MANAGER_CMD_H

#include "vmm/hostdev/hostdev.h"
#include "vmm/lib/err.h"

/* Exit statuses that are belljar's own, as docker has them. */
#define EXIT_TIMEOUT 124 /* --timeout ran out, as timeout(1) says it */
#define EXIT_BELLJAR 125 /* belljar itself failed */

/* Where things are; absolute paths, valid until main() returns. */
struct manager {
	char *data; /* survives a reboot: images, VM folders */
	char *run; /* does not: sockets of running VMs */
	char *libdir; /* belljar-monitor, belljar-net, initrd.cpio, kernels */
	const char *kvm; /* /dev/kvm, or what --kvm says */
	struct hostdev_sys sys; /* this host, or what --host-root says */
};

/*
 * argv[0] is the verb.  Returns the exit status of the program, having
 * printed its own sentence when something failed.
 */
typedef int cmd_fn(struct manager *mgr, int argc, char **argv);

cmd_fn cmd_compare, cmd_doctor, cmd_gpu, cmd_gpu_ls, cmd_images, cmd_load,
	cmd_inspect, cmd_logs, cmd_network, cmd_ps, cmd_pull, cmd_rm, cmd_rmi,
	cmd_run, cmd_stats, cmd_update, cmd_version;

/* Print "belljar: " and the sentence on stderr.  Returns EXIT_BELLJAR. */
int cmd_fail(const struct err *err);

#endif
